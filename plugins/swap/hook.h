/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks while they run: programs that go on when the agent is restarted, upgraded or killed, and are found again by their
 * name. Where there is systemd they are transient units, outside of the agent's cgroup; else they have a session
 * of their own, and what became of them is written to files in the check's state directory.
 */
#ifndef SWAP_HOOK_H
#define SWAP_HOOK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define HOOK_KEY_SIZE 160

enum hook_state {
	HOOK_ABSENT, /* it was not started, as far as can be told */
	HOOK_RUNNING,
	HOOK_EXITED, /* code is its exit status */
	HOOK_TIMED_OUT,
	HOOK_LOST, /* it was started and is gone; nobody knows how it ended */
};

struct hook_view {
	enum hook_state state;
	int code;
	char text[160]; /* "exit status 3: the last line that it wrote"; for people */
};

struct hook_launch {
	char key[HOOK_KEY_SIZE]; /* names this attempt: letters, digits, "-" and "_" */
	const char *const *arguments; /* NULL at the end; the first is an absolute path */
	const char *const *environment; /* "NAME=value", NULL at the end */
	int64_t timeout; /* nanoseconds */
	const char *folder; /* for files */
	const char *bus; /* address of the system bus; NULL: sessions, no units */
};

/* Starts it, once: what was started under this key before is left alone. Blocks up to deadline (CLOCK_MONOTONIC). */
int hook_start(const struct hook_launch *launch, int64_t deadline, struct error *error);
int hook_observe(
	const struct hook_launch *launch, struct hook_view *ret_view, int64_t deadline, struct error *error);
/* Ends it and all that it started, and forgets it. What is not there is fine. */
int hook_end(const struct hook_launch *launch, int64_t deadline, struct error *error);

/* The two ways. */
int detached_start(const struct hook_launch *launch, int64_t deadline, struct error *error);
int detached_observe(const struct hook_launch *launch, struct hook_view *ret_view, struct error *error);
int detached_end(const struct hook_launch *launch, struct error *error);
int transient_start(const struct hook_launch *launch, int64_t deadline, struct error *error);
int transient_observe(
	const struct hook_launch *launch, struct hook_view *ret_view, int64_t deadline, struct error *error);
int transient_end(const struct hook_launch *launch, int64_t deadline, struct error *error);

#endif
