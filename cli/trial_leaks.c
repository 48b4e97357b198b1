/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "cli/trial.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define REOPENS 20
#define FILE_RUNS 50
#define MEMORY_RUNS 100 /* in each of the three parts */
#define MEMORY_SLACK ((int64_t)64 << 10) /* what one part may grow by: less than 1 KiB a run */
#define MEMORY_DEFAULT ((int64_t)64 << 20)
#define TIME_MOST (30 * NSEC_PER_SEC) /* for one point */

static int plain_run(struct trial *trial, struct session *session, uint32_t *ret_files)
{
	struct run_limits limits = {.timeout = trial->check.timeout, .signals = -1};
	_cleanup_outcome_ struct outcome outcome = {.result = NULL};
	int r = session_run(session, &limits, &outcome);

	if (r < 0 || outcome.end > OUTCOME_FAILED)
		return trial_failed(trial, "%s", r < 0 ? strerror(-r) : outcome.result->summary);
	if (outcome.end == OUTCOME_FAILED && trial->works)
		return trial_failed(trial, "a later run failed: %s", outcome.result->summary);
	if (outcome.open_files == UINT32_MAX)
		return trial_failed(
			trial, "all descriptors that it may have are open: something is not closed");
	if (ret_files)
		*ret_files = outcome.open_files;
	return 0;
}

/* So many runs as fit into the time. */
static unsigned affordable(const struct trial *trial, unsigned runs)
{
	int64_t one = MAX(trial->run_time, (int64_t)1);

	return (unsigned)MIN((int64_t)runs, TIME_MOST / one);
}

enum trial_verdict trial_reopen(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	_cleanup_error_ struct error error = ERROR_INIT;
	unsigned times = affordable(trial, REOPENS);
	uint32_t first = 0, files = 0;
	int r;

	if (!session)
		return TRIAL_FAILED;
	for (unsigned i = 0; i < times; i++) {
		if (trial->hello->runs && plain_run(trial, session, i == 1 ? &first : &files))
			return TRIAL_FAILED;
		r = session_close(session, &error);
		if (r == 0)
			r = session_open(session, &trial->check, &error);
		if (r < 0)
			return trial_failed(trial, "the %u. time: %s", i + 1, error_text(&error, r));
	}
	if (times > 2 && files > first)
		return trial_failed(trial,
			"it holds %" PRIu32
			" more files open after %u times: close() must close what open() opened",
			files - first, times);
	buf_printf(&trial->finding, "%u times", times);
	return TRIAL_OK;
}

enum trial_verdict trial_files(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	unsigned runs = affordable(trial, FILE_RUNS);
	uint32_t first = 0, files = 0;

	if (!session)
		return TRIAL_FAILED;
	if (runs < 5) {
		buf_add_str(&trial->finding, "a run takes too long to try many");
		return TRIAL_SKIPPED;
	}
	for (unsigned i = 0; i < runs; i++)
		if (plain_run(trial, session, i == 2 ? &first : &files))
			return TRIAL_FAILED;
	if (files > first)
		return trial_failed(trial,
			"%" PRIu32 " descriptors more after %u runs: something is not closed", files - first,
			runs - 3);
	buf_printf(&trial->finding, "%" PRIu32 " open, no more after %u runs", files, runs);
	return TRIAL_OK;
}

/* Resident bytes of the worker; below 0: not known. */
static int64_t resident(pid_t pid)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[64];
	long pages;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	if (file_read(AT_FDCWD, path, 4096, &text) < 0 || sscanf(buf_str(&text), "%*s %ld", &pages) != 1)
		return -1;
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t memory_limit(const struct trial *trial)
{
	uint64_t limit = trial->hello->needs ? trial->hello->needs->memory : 0;

	return limit ? (int64_t)MIN(limit, (uint64_t)INT64_MAX) : MEMORY_DEFAULT;
}

/* A leak grows in every part; caches and arenas fill up once. */
enum trial_verdict trial_memory(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	unsigned runs = affordable(trial, 3 * MEMORY_RUNS) / 3;
	int64_t sizes[3];
	char second[32], third[32];

	if (!session)
		return TRIAL_FAILED;
	if (runs < MEMORY_RUNS / 4) {
		buf_add_str(&trial->finding, "a run takes too long to try many");
		return TRIAL_SKIPPED;
	}
	for (int part = 0; part < 3; part++) {
		for (unsigned i = 0; i < runs; i++)
			if (plain_run(trial, session, NULL))
				return TRIAL_FAILED;
		sizes[part] = resident(session_pid(session));
	}
	if (sizes[0] < 0) {
		buf_add_str(&trial->finding, "its memory cannot be seen");
		return TRIAL_SKIPPED;
	}
	if (sizes[2] > memory_limit(trial))
		return trial_failed(trial, "it takes %s, over the %s that its needs declare",
			format_size(second, (uint64_t)sizes[2]),
			format_size(third, (uint64_t)memory_limit(trial)));
	if (sizes[1] - sizes[0] > MEMORY_SLACK && sizes[2] - sizes[1] > MEMORY_SLACK)
		return trial_failed(trial,
			"it grew by %s in %u runs, and by %s in %u more: something is not freed",
			format_size(second, (uint64_t)(sizes[1] - sizes[0])), runs,
			format_size(third, (uint64_t)(sizes[2] - sizes[1])), runs);
	buf_printf(&trial->finding, "%s, steady over %u runs", format_size(second, (uint64_t)sizes[2]),
		3 * runs);
	return TRIAL_OK;
}

enum trial_verdict trial_end(struct trial *trial)
{
	struct session *session = trial_session(trial);
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!session)
		return TRIAL_FAILED;
	r = session_let_go(session, &error);
	session_free(session);
	if (r < 0)
		return trial_failed(trial, "%s", error_text(&error, r));
	return TRIAL_OK;
}
