/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"
#include "assertion.h"
#include "memory.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Damage does not go away by itself: it is looked at again sooner than what is well, but not at each run. */
static int64_t again_after(const struct record *record, int64_t every)
{
	return record->status == GAVEA_OK ? every : record->status == GAVEA_CRITICAL ? every / 10 : 0;
}

/* Why long work does not begin now, "" when it is not due; NULL: it may. */
static const char *why_not(struct context *context, const struct record *record, int64_t every)
{
	if (record->time && record->begun <= record->time &&
		context->now - record->time < again_after(record, every))
		return "";
	if (context->settings->window && window_contains(context->settings->window, context->now) == 0)
		return "waits for its window";
	return NULL;
}

/* Reading by this thread itself. Its processor priority could not be raised again afterwards. */
static void set_idle(struct context *context, bool idle)
{
	context->idle = idle && context->settings->idle;
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		context->idle ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0) : 0);
}

/* True: the one before did not come to its end because the agent, or its worker, did; that is told once. */
static bool was_interrupted(struct context *context, const char *key, struct record *record, const char *what,
	const char *now_what)
{
	char text[200];

	if (!record->running)
		return false;
	record->running = 0;
	memory_write_record(context, key, record);
	snprintf(text, sizeof(text), "%s interrupted by a restart; %s", what, now_what);
	gavea_event(context->check, "interrupted", GAVEA_WARNING, text, NULL, 0);
	gavea_log(context->check, GAVEA_LOG_NOTICE, "%s", text);
	return true;
}

static void begin(struct context *context, const char *key, struct record *record, const char *what)
{
	/* One that goes on began when its first run did. */
	if (record->begun <= record->time)
		record->begun = context->now;
	record->running = 1;
	memory_write_record(context, key, record);
	context_progress(context, -1, "%s", what);
	set_idle(context, true);
}

/* ended: it came to its end, else it goes on or begins again at the next run. A run that was cancelled leaves no trace
 * but that it was under way. */
static void end(struct context *context, const char *key, struct record *record, bool ended)
{
	set_idle(context, false);
	context->progress[0] = '\0';
	if (gavea_cancelled(context->check))
		return;
	record->running = 0;
	if (ended) {
		record->time = clock_unix_ms() / 1000;
		record->seconds = MAX(record->time - record->begun, INT64_C(0));
		redact(record->text);
	}
	memory_write_record(context, key, record);
}

/* A round that is not through yet. */
static void judge_unfinished(
	struct context *context, struct record *record, const struct record *done, int64_t every)
{
	const char *late = "it did not end in time: raise the check's timeout, or verify less at once";
	bool in_time = context->now - MAX(record->time, done->begun) <= every;

	/* Damage is told at once, and so is that all is well as long as nothing is overdue. */
	if (done->status != GAVEA_OK || (done->text[0] && in_time))
		finding_add(&context->findings, "verification", done->status, "verification so far: %s",
			done->text);
	else
		judge_record(record, "verification", "verified", every, done->text[0] ? done->text : late,
			context->now, &context->findings);
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
	(void)was_interrupted(
		context, "verification", &record, "verification", "it goes on, or begins again");
	reason = why_not(context, &record, settings->verify_every);
	if (!reason) {
		begin(context, "verification", &record, "verification");
		done = record;
		done.status = GAVEA_OK;
		done.text[0] = '\0';
		r = settings->kind->verify(context, &done);
		end(context, "verification", r == 0 ? &done : &record, r == 0);
		if (r < 0) {
			judge_unfinished(context, &record, &done, settings->verify_every);
			return;
		}
		record = done;
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
		context_progress(
			context, (double)i / (double)list->count, "restore test: %.150s", list->items[i]);
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

/* What an interrupted test left is removed even while the next one has to wait. */
static bool clean_up(struct context *context, struct record *record)
{
	if (!was_interrupted(context, "restore", record, "restore test", "scratch removed; it begins again"))
		return false;
	scratch_clean(context);
	return true;
}

void work_restore(struct context *context)
{
	const struct settings *settings = context->settings;
	struct record record;
	const char *reason;
	bool interrupted;
	int r = 0;

	if (!settings->restore_every)
		return;
	memory_read_record(context, "restore", &record);
	interrupted = clean_up(context, &record);
	reason = why_not(context, &record, settings->restore_every);
	if (!reason && !context->facts.count)
		reason = "there is no backup";
	if (!reason) {
		begin(context, "restore", &record, "restore test");
		test(context, &record, &r);
		end(context, "restore", &record, r != -EBUSY);
		if (r == -EBUSY) {
			memory_read_record(context, "restore", &record);
			reason = "waits for another restore test";
		} else if (interrupted) {
			size_t used = strlen(record.text);

			snprintf(record.text + used, sizeof(record.text) - used,
				"; the test before was interrupted by a restart");
		}
	}
	judge_record(&record, "restore", "restored and tested", settings->restore_every,
		reason && *reason ? reason : NULL, context->now, &context->findings);
}
