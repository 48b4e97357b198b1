/* SPDX-License-Identifier: Apache-2.0 */
/* Shares as two weights of HAProxy's, 0 to 256. */
#ifndef SWAP_HAPROXY_RATIO_H
#define SWAP_HAPROXY_RATIO_H

#include <stdint.h>

#define HAPROXY_WEIGHT_MAX 256

struct ratio {
	unsigned green;
	unsigned blue;
};

/* The share that these weights make, rounded; UINT32_MAX: both are 0. */
uint32_t ratio_share(const struct ratio *ratio);

/* The smallest weights that make exactly this share, 0 to 10000: 0, or -ERANGE with the nearest in ret_ratio. */
int ratio_find(uint32_t share, struct ratio *ret_ratio);

#endif
