/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may hand in a report now, and when those who may not come back. Each agent has an allowance of reports and
 * bytes (token buckets) and of reports that wait at a time, so that none takes the others' place. Whoever is refused
 * gets an appointment: they are given out at the pace at which reports are served, so that a storm comes back as a
 * stream. Nothing here blocks; any thread may call; now_ns is CLOCK_MONOTONIC.
 */
#ifndef FLEET_ADMISSION_H
#define FLEET_ADMISSION_H

#include <stddef.h>
#include <stdint.h>

struct admission;

struct admission_settings {
	unsigned reports_per_s; /* of an agent; 0: no limit */
	uint64_t bytes_per_s; /* of an agent, as received; 0: no limit */
};

#define ADMISSION_BURST_S 20 /* so many seconds of an allowance may be used at once */
#define ADMISSION_WAITING_MAX 4 /* reports of one agent that wait for their answer */
#define ADMISSION_WAIT_MAX_MS 60000u

/* NULL: no memory. */
struct admission *admission_new(const struct admission_settings *settings);
void admission_free(struct admission *admission);

/*
 * Takes a report of that many bytes into account. 0: it may go on, and admission_end() follows once; -EAGAIN: the
 * agent is over its allowance, which lasts for *ret_wait_ms; -EBUSY: too many of its reports wait.
 */
int admission_begin(struct admission *admission, const char *agent_id, size_t bytes, int64_t now_ns,
	uint32_t *ret_wait_ms);

/* The report of this agent was answered. */
void admission_end(struct admission *admission, const char *agent_id);

/* A report was served: with these the pace is measured. */
void admission_served(struct admission *admission, int64_t now_ns);

/* When somebody who is refused now shall come back, in milliseconds from now: at least 500, at most
 * ADMISSION_WAIT_MAX_MS; random around its place in the line. */
uint32_t admission_appointment(struct admission *admission, int64_t now_ns);

#endif
