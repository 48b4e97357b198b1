/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `gavea plugin test` puts a plugin through, point by point. Each point writes what it found into
 * finding and returns whether that is good.
 */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "cli/session.h"

struct trial {
	const char *path;
	const hello_t *hello;
	struct config_check check; /* with the options that were given, and defaults */
	struct buf finding;
	bool works; /* run() did not fail the first time: it should not later */
	int64_t run_time; /* of the slowest plain run so far, ns */
};

enum trial_verdict {
	TRIAL_OK,
	TRIAL_FAILED,
	TRIAL_SKIPPED, /* there is nothing to try */
};

/* A session with the check open. NULL: it could not be had, and finding says why. */
struct session *trial_session(struct trial *trial);

/* Notes what is wrong. Returns TRIAL_FAILED. */
enum trial_verdict trial_failed(struct trial *trial, const char *format, ...) _printf_(2, 3);

/* trial_options.c */
enum trial_verdict trial_description(struct trial *trial);
enum trial_verdict trial_odd_options(struct trial *trial);

/* trial_runs.c */
enum trial_verdict trial_result(struct trial *trial);
enum trial_verdict trial_series(struct trial *trial);
enum trial_verdict trial_limits(struct trial *trial);
enum trial_verdict trial_cancel(struct trial *trial);
enum trial_verdict trial_deadline(struct trial *trial);

/* trial_leaks.c */
enum trial_verdict trial_reopen(struct trial *trial);
enum trial_verdict trial_files(struct trial *trial);
enum trial_verdict trial_memory(struct trial *trial);
enum trial_verdict trial_end(struct trial *trial);

#endif
