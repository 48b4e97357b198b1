/* SPDX-License-Identifier: Apache-2.0 */
/* What a few requests tell about all of them: intervals for shares. */
#ifndef SWAP_INTERVAL_H
#define SWAP_INTERVAL_H

#include <stdint.h>

#define Z_95 1.6448536269514722 /* one-sided 95 %: looked at once, at the end of a step */
#define Z_999 3.0902323061678132 /* one-sided 99.9 %: looked at again and again */

/* Wilson's score interval for k of n at the normal quantile z. n = 0: 0 and 1. k above n counts as n. */
void wilson_interval(uint64_t k, uint64_t n, double z, double *ret_lower, double *ret_upper);

/* Newcombe's interval (his method 10) for k1/n1 - k2/n2 at z. */
void newcombe_interval(
	uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2, double z, double *ret_lower, double *ret_upper);

/* The least n at which the upper bound of k in n is below bound; 0: there is none below 2^40. */
uint64_t wilson_needed(uint64_t k, double bound, double z);

#endif
