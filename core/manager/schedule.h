/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a check runs: on a grid of its own on CLOCK_BOOTTIME, so that nothing drifts, whatever a run takes.
 * The grid's offset comes from the agent and the check, so that checks spread over time, and the same ones
 * over a fleet. Pure.
 */
#ifndef MANAGER_SCHEDULE_H
#define MANAGER_SCHEDULE_H

#include <stdint.h>

/* The offset of a check's grid, in [0, every). The same for the same agent and check, always. */
int64_t schedule_offset(const char *agent_id, const char *check, int64_t every);

/*
 * The first point of the grid after now. Points that passed meanwhile (a long run, a suspended machine) are
 * left out, never made up for.
 */
int64_t schedule_next(int64_t now, int64_t every, int64_t offset);

/* The second run: the first one is at once after a start, so a grid point that follows too closely is left
 * out. */
int64_t schedule_after_first(int64_t now, int64_t every, int64_t offset);

#endif
