/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "base/strmap.h"
#include "cli/format.h"
#include "cli/trial.h"
#include "wire/convert.h"

#include <errno.h>

#define OUTPUT_BYTES_MOST ((size_t)4 << 20) /* the manager ends a run that says more than 16 MiB */
#define ITEMS_MOST 10000
#define SHORT_DEADLINE (20 * NSEC_PER_MSEC)

/* A plain run. 0, or TRIAL_FAILED when it did not come to its end. */
static int plain_run(struct trial *trial, struct session *session, struct outcome *ret_outcome)
{
	struct run_limits limits = {.timeout = trial->check.timeout, .signals = -1};
	int r = session_run(session, &limits, ret_outcome);

	if (r < 0)
		return trial_failed(trial, "%s", strerror(-r));
	trial->run_time = MAX(trial->run_time, (int64_t)ret_outcome->result->duration_us * NSEC_PER_USEC);
	if (ret_outcome->end > OUTCOME_FAILED)
		return trial_failed(trial, "%s", ret_outcome->result->summary);
	if (ret_outcome->end == OUTCOME_FAILED && trial->works)
		return trial_failed(trial, "a later run failed: %s", ret_outcome->result->summary);
	return 0;
}

enum trial_verdict trial_result(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	_cleanup_outcome_ struct outcome outcome = {.result = NULL};
	char text[FORMAT_SIZE];

	if (!session || plain_run(trial, session, &outcome))
		return TRIAL_FAILED;
	if (outcome.end == OUTCOME_FAILED)
		return trial_failed(trial,
			"run() failed: %s (give it options with which it works: KEY=VALUE behind the file)",
			outcome.result->summary);
	trial->works = true;
	buf_printf(&trial->finding, "%s: %s; %zu items, %zu samples, %s",
		status_name(status_from_wire(outcome.result->status)), outcome.result->summary,
		outcome.result->n_items, outcome.sample_count, format_run(text, outcome.result->duration_us));
	return TRIAL_OK;
}

/* ---- Series ---- */

static void series_key(const Gavea__V1__Series *series, struct buf *out)
{
	buf_reset(out);
	buf_add_str(out, series->name);
	for (size_t i = 0; i < series->n_labels; i++)
		buf_printf(
			out, "%s%s=\"%s\"", i ? "," : "{", series->labels[i]->key, series->labels[i]->value);
	buf_add_str(out, series->n_labels ? "}" : "");
}

static void map_done(struct strmap *map)
{
	strmap_done(map, NULL);
}

/* The series of a run. One that comes twice is an offence. */
static enum trial_verdict collect_series(
	struct trial *trial, const struct outcome *outcome, struct strmap *series)
{
	for (size_t i = 0; i < outcome->sample_count; i++) {
		_cleanup_buf_ struct buf key = BUF_INIT;
		void *before;

		series_key(outcome->samples[i].series, &key);
		if (strmap_set(series, buf_str(&key), trial, &before) < 0)
			return trial_failed(trial, "out of memory");
		if (before)
			return trial_failed(trial, "%s has two samples in one run", buf_str(&key));
	}
	return TRIAL_OK;
}

static const char *missing(const struct strmap *in, const struct strmap *from)
{
	const struct strmap_entry *entry;
	size_t position = 0;

	while ((entry = strmap_next(from, &position)))
		if (!strmap_get(in, entry->key))
			return entry->key;
	return NULL;
}

enum trial_verdict trial_series(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	_cleanup_(map_done) struct strmap second = STRMAP_INIT, third = STRMAP_INIT;
	const char *odd;

	if (!session)
		return TRIAL_FAILED;
	/* The first run has no rates yet. */
	for (int i = 0; i < 3; i++) {
		_cleanup_outcome_ struct outcome outcome = {.result = NULL};
		struct strmap first = STRMAP_INIT;
		enum trial_verdict verdict;

		if (plain_run(trial, session, &outcome))
			return TRIAL_FAILED;
		verdict = collect_series(trial, &outcome, i == 0 ? &first : i == 1 ? &second : &third);
		strmap_done(&first, NULL);
		if (verdict != TRIAL_OK)
			return verdict;
	}
	odd = missing(&second, &third);
	if (odd)
		return trial_failed(
			trial, "%s came in the third run only: series must be the same from run to run", odd);
	odd = missing(&third, &second);
	if (odd)
		return trial_failed(
			trial, "%s was gone in the third run: series must be the same from run to run", odd);
	if (second.count == 0)
		return TRIAL_SKIPPED;
	buf_printf(&trial->finding, "%zu, the same from run to run", second.count);
	return TRIAL_OK;
}

enum trial_verdict trial_limits(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	_cleanup_outcome_ struct outcome outcome = {.result = NULL};
	char bytes[32], most[32];

	if (!session || plain_run(trial, session, &outcome))
		return TRIAL_FAILED;
	if (outcome.result->items_left_out)
		return trial_failed(
			trial, "%u items were over the limit of one run", outcome.result->items_left_out);
	if (outcome.output_bytes > OUTPUT_BYTES_MOST)
		return trial_failed(trial, "one run says %s; more than %s is too much",
			format_size(bytes, outcome.output_bytes), format_size(most, OUTPUT_BYTES_MOST));
	buf_printf(&trial->finding, "one run says %s", format_size(bytes, outcome.output_bytes));
	return TRIAL_OK;
}

/* ---- Ends that come early ---- */

static enum trial_verdict try_early(struct trial *trial, const struct run_limits *limits, const char *what)
{
	_cleanup_(session_freep) struct session *session = trial_session(trial);
	_cleanup_outcome_ struct outcome outcome = {.result = NULL}, after = {.result = NULL};
	char text[32];

	if (!session || session_run(session, limits, &outcome) < 0)
		return TRIAL_FAILED;
	if (outcome.end == OUTCOME_HUNG)
		return trial_failed(trial,
			"it did not end within %s: ask gavea_cancelled() at least once a second",
			format_duration(text, SESSION_GRACE));
	if (outcome.end == OUTCOME_DIED)
		return trial_failed(trial, "%s", outcome.result->summary);
	if (plain_run(trial, session, &after))
		return TRIAL_FAILED;
	if (outcome.end <= OUTCOME_FAILED)
		buf_printf(&trial->finding, "it was done before the %s", what);
	else
		buf_printf(&trial->finding, "it ended %s after the %s, and runs again",
			format_duration_rough(text, outcome.stopped_after), what);
	return TRIAL_OK;
}

enum trial_verdict trial_cancel(struct trial *trial)
{
	struct run_limits limits = {.timeout = trial->check.timeout, .cancel_after = 1, .signals = -1};

	return try_early(trial, &limits, "cancellation");
}

enum trial_verdict trial_deadline(struct trial *trial)
{
	struct run_limits limits = {.timeout = SHORT_DEADLINE, .signals = -1};

	return try_early(trial, &limits, "deadline");
}
