/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that the machine was suspended, or that its wall clock was stepped. Pure. */
#ifndef MANAGER_CLOCKWATCH_H
#define MANAGER_CLOCKWATCH_H

#include <stdint.h>

struct clockwatch {
	int64_t asleep; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC, at the last look; 0: not looked yet */
	int64_t wall; /* CLOCK_REALTIME - CLOCK_BOOTTIME */
};

struct clock_reading {
	int64_t monotonic;
	int64_t boottime;
	int64_t realtime;
};

/* Compares with the last look: *ret_suspended is how long the machine slept meanwhile, *ret_stepped by how
 * much the wall clock was moved (either sign), both 0 for less than a second. Slewing goes unnoticed: it is
 * below that between two looks. */
void clockwatch_look(struct clockwatch *watch, const struct clock_reading *now, int64_t *ret_suspended,
	int64_t *ret_stepped);

#endif
