/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the facts about units. Nothing here asks the bus or the clock. Times are microseconds, as systemd has
 * them; durations nanoseconds. */
#ifndef SYSTEMD_JUDGE_H
#define SYSTEMD_JUDGE_H

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stdint.h>

/* A unit as ListUnits has it. Strings are owned. */
struct unit {
	char *name;
	char *load;
	char *active;
	char *sub;
	char *path;
	uint32_t job; /* 0: none is queued */
};

struct verdict {
	enum gavea_status status;
	char text[256];
};

/* How a service or another unit that failed has ended. */
struct ending {
	const char *result; /* "exit-code", "watchdog", …; "": not known */
	int32_t code; /* CLD_EXITED, …; 0: none */
	int32_t status; /* exit status or signal */
};

struct timer {
	const char *active; /* state of the timer */
	const char *sub;
	uint64_t next_realtime; /* 0 or UINT64_MAX: none */
	uint64_t next_monotonic;
	uint64_t last; /* CLOCK_REALTIME; 0: never since boot */
	const char *service_active; /* state of what it starts; "": not known */
	const char *service_result;
};

struct now {
	uint64_t realtime;
	uint64_t monotonic;
};

struct verdict judge_failed(const struct unit *unit, const struct ending *ending);

/* unit may be NULL: systemd does not know it. wanted is an active or sub state. */
struct verdict judge_expected(const struct unit *unit, const char *wanted);

/* count restarts in a window; a limit of 0 is none. */
struct verdict judge_restarts(uint32_t count, int64_t window, int64_t warning, int64_t critical);

/* grace: how late it may be; age: how long ago its last run may be, 0: any time. */
struct verdict judge_timer(const struct timer *timer, const struct now *now, int64_t grace, int64_t age);

/* Manager's SystemState. "degraded" alone is ok: the failed units are told one by one. */
struct verdict judge_system(const char *state);

/* A watchdog that is due: last is when the service said last that it lives. */
struct verdict judge_watchdog(uint64_t last_monotonic, uint64_t period, uint64_t now_monotonic);

#endif
