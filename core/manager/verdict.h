/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the results of runs to the state of a check: attempts before a problem counts, and flap detection.
 * Pure: no clock, no I/O.
 */
#ifndef MANAGER_VERDICT_H
#define MANAGER_VERDICT_H

#include <gavea/plugin.h>

/* Runs that are looked at for flapping. */
#define VERDICT_WINDOW 21

struct verdict {
	bool known; /* there was a result */
	enum gavea_status state; /* what counts */
	unsigned attempt; /* runs in a row that disagreed with state */
	int64_t since_ms; /* when state was entered, wall clock */
	bool flapping;
	uint8_t history[VERDICT_WINDOW]; /* statuses of the last runs, a ring */
	unsigned history_count;
	unsigned history_next;
};

/* What a result changed. */
struct verdict_change {
	bool state; /* state is another one now */
	bool flapping; /* flapping began or ended */
	enum gavea_status from;
};

/*
 * Takes in the status of a run at now_ms. The first result counts at once. A check that is ok turns bad only
 * after `attempts` runs in a row that were not ok; it recovers, or gets worse or better among bad states, at
 * once.
 *
 * Flapping is Nagios' measure: the share of changes among the last 21 runs, newer ones weighing more (0.8
 * to 1.2); it begins above 50 % and ends below 25 %.
 * https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/flapping.html
 */
struct verdict_change verdict_take(
	struct verdict *verdict, enum gavea_status status, unsigned attempts, int64_t now_ms);

#endif
