/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"
#include "assertion.h"
#include "memory.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Why long work does not begin now; NULL: it may. */
static const char *why_not(struct context *context, const struct record *record, int64_t every)
{
	/* What failed is tried again on each run, within the window. */
	if (record->time && record->status == GAVEA_OK && context->now - record->time < every &&
		record->begun <= record->time)
		return "";
	if (context->settings->window && window_contains(context->settings->window, context->now) == 0)
		return "waits for its window";
	return NULL;
}

static void begin(struct context *context, const char *key, struct record *record, const char *what)
{
	if (record->begun > record->time)
		gavea_log(context->check, GAVEA_LOG_NOTICE,
			"the last %s did not come to its end; it begins again", what);
	record->begun = context->now;
	memory_write_record(context, key, record);
	(void)gavea_progress(context->check, -1, what);
}

static void end(struct context *context, const char *key, struct record *record)
{
	record->time = clock_unix_ms() / 1000;
	record->seconds = MAX(record->time - record->begun, INT64_C(0));
	redact(record->text);
	memory_write_record(context, key, record);
}

void work_verify(struct context *context)
{
	const struct settings *settings = context->settings;
	struct record record, done;
	const char *reason;
	int r;

	if (!settings->verify_every || !settings->kind->verify)
		return;
	memory_read_record(context, "verification", &record);
	reason = why_not(context, &record, settings->verify_every);
	if (!reason) {
		done = record;
		begin(context, "verification", &done, "verification");
		r = settings->kind->verify(context, &done);
		if (r == 0) {
			end(context, "verification", &done);
			record = done;
		} else {
			reason = "it did not end in time: raise the check's timeout, or verify less at once";
			record.begun = done.begun;
		}
	}
	judge_record(&record, "verification", "verified", settings->verify_every,
		reason && *reason ? reason : NULL, context->now, &context->findings);
}

/* ---- Restore test ---- */

static int restore(struct context *context, struct scratch *scratch, struct error *error)
{
	int r = scratch_open(scratch, context, error);

	if (r == 0)
		r = context->settings->kind->restore(context, scratch->data, scratch_stop, scratch, error);
	if (scratch->path[0] && r != -EBUSY && scratch->data[0])
		(void)scratch_is_too_large(scratch);
	if (scratch->too_large)
		return error_set(error, -EFBIG,
			"it grew beyond restore_max_size: raise that, or name less in restore_paths");
	if (scratch->disk_full)
		return error_set(error, -ENOSPC,
			"the disk of restore_into is nearly full: make room, or restore less");
	if (r == -ETIME || (r < 0 && clock_ns(CLOCK_MONOTONIC) >= context->deadline))
		return error_set(error, -ETIME, "it did not end in time: raise the check's timeout");
	return r;
}

static int judge_all(struct context *context, struct scratch *scratch, struct error *error)
{
	const struct list *list = &context->settings->restore_assert;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		(void)gavea_progress(context->check, (double)i / (double)list->count, list->items[i]);
		r = assertion_judge(scratch, list->items[i], error);
	}
	return r;
}

/* What could not be tried says nothing on the backup. */
static bool is_about_us(int r)
{
	return r == -ETIME || r == -ECANCELED || r == -EFBIG || r == -ENOSPC || r == -EPERM || r == -EACCES ||
		r == -ENOENT || r == -ENOMEM || r == -EINVAL || r == -ENAMETOOLONG || r == -EROFS;
}

static void test(struct context *context, struct record *record, int *ret_result)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct scratch scratch;
	int r = restore(context, &scratch, &error);
	bool restored = r == 0;

	if (r == 0)
		r = judge_all(context, &scratch, &error);
	scratch_close(&scratch);
	*ret_result = r;
	record->status = r == 0 ? GAVEA_OK : is_about_us(r) ? GAVEA_UNKNOWN : GAVEA_CRITICAL;
	if (r == 0)
		snprintf(record->text, sizeof(record->text), "%zu assertions hold",
			context->settings->restore_assert.count);
	else
		snprintf(record->text, sizeof(record->text), "restore test %s: %.400s",
			!restored || is_about_us(r) ? "failed" : "restored, but", error_text(&error, r));
}

void work_restore(struct context *context)
{
	const struct settings *settings = context->settings;
	struct record record;
	const char *reason;
	int r = 0;

	if (!settings->restore_every)
		return;
	memory_read_record(context, "restore", &record);
	reason = why_not(context, &record, settings->restore_every);
	if (!reason && !context->facts.count)
		reason = "there is no backup";
	if (!reason) {
		begin(context, "restore", &record, "restore test");
		test(context, &record, &r);
		if (r == -EBUSY) {
			memory_read_record(context, "restore", &record);
			reason = "waits for another restore test";
		} else {
			end(context, "restore", &record);
		}
	}
	judge_record(&record, "restore", "restored and tested", settings->restore_every,
		reason && *reason ? reason : NULL, context->now, &context->findings);
}
