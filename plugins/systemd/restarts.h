/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembers how often services were restarted: systemd counts since a unit was last started by hand, we want how often
 * within a window, over restarts of our own. Times are seconds of CLOCK_REALTIME.
 */
#ifndef SYSTEMD_RESTARTS_H
#define SYSTEMD_RESTARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESTARTS_TIMES 32 /* that are remembered of a unit: more in a window count as so many */
#define RESTARTS_UNITS 128 /* that are remembered: those which were restarted ever */

struct restart_entry {
	char name[256];
	uint32_t counter; /* systemd's, when it was seen last */
	uint32_t count; /* of times */
	int64_t times[RESTARTS_TIMES];
	unsigned seen; /* in this run */
};

struct restarts {
	struct restart_entry *list;
	size_t count, room;
	int known; /* nonzero: there was a run before, so that a unit that is not in the list had a counter of 0 */
	unsigned run;
	bool full; /* some that should be remembered were not */
};

void restarts_done(struct restarts *restarts);

/* Begins a run: entries that are not noted in it are dropped by restarts_save(). */
void restarts_begin(struct restarts *restarts);

/* Notes a unit's counter and returns how many restarts there were within the window. */
uint32_t restarts_note(
	struct restarts *restarts, const char *name, uint32_t counter, int64_t now, int64_t window);

/* As text for the key-value state, and back. Text that is damaged is taken as far as it goes. save returns an allocated
 * text, or NULL. */
char *restarts_save(struct restarts *restarts);
void restarts_load(struct restarts *restarts, const char *text, size_t size);

#endif
