/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define KEY "verifying"
#define NAME_MAX_BYTES 8192

int steps_write(const struct steps *steps, struct buf *out)
{
	const char *name = steps->name ? steps->name : "";

	buf_printf(out, "1 %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %zu\n%s%s", steps->time,
		steps->done, steps->bad, steps->unknown, strlen(name), name, steps->text);
	return buf_error(out);
}

int steps_read(const char *text, struct steps *ret_steps)
{
	struct steps steps = {.begun = true};
	size_t size;
	int used = 0;

	if (sscanf(text, "1 %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %zu%n", &steps.time, &steps.done,
		    &steps.bad, &steps.unknown, &size, &used) != 5 ||
		text[used] != '\n' || size > NAME_MAX_BYTES || strnlen(text + used + 1, size) < size)
		return -EINVAL;
	if (steps.done < 0 || steps.bad < 0 || steps.unknown < 0 || steps.done > INT32_MAX ||
		steps.bad + (steps.unknown & INT32_MAX) > steps.done || steps.unknown > steps.done)
		return -EINVAL;
	steps.name = strndup(text + used + 1, size);
	if (!steps.name)
		return -ENOMEM;
	snprintf(steps.text, sizeof(steps.text), "%s", text + used + 1 + size);
	*ret_steps = steps;
	return 0;
}

bool steps_wants(const struct steps *steps, const struct backup *backup)
{
	if (!steps->begun)
		return true;
	return backup->time != steps->time ? backup->time < steps->time
					   : strcmp(backup->name, steps->name) < 0;
}

void steps_done(struct steps *steps)
{
	free(steps->name);
	*steps = (struct steps){0};
}

/* ---- What is kept ---- */

static void load(struct context *context, struct steps *steps)
{
	const void *value;
	size_t size;

	*steps = (struct steps){0};
	if (gavea_state_get(context->check, KEY, &value, &size) == 0 && size &&
		((const char *)value)[size - 1] == '\0')
		(void)steps_read(value, steps);
}

static void save(struct context *context, const struct steps *steps)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = 0;

	if (steps)
		r = steps_write(steps, &text);
	if (r == 0)
		r = gavea_state_set(
			context->check, KEY, steps ? buf_str(&text) : NULL, steps ? text.size + 1 : 0);
	if (r == 0 || r == -ENOENT)
		r = gavea_state_commit(context->check);
	if (r < 0)
		gavea_log(context->check, GAVEA_LOG_WARNING, "cannot keep how far the verification is: %s",
			strerror(-r));
}

static int advance(struct steps *steps, const struct backup *backup, const struct record *one)
{
	char *name = strdup(backup ? backup->name : "");

	if (!name)
		return -ENOMEM;
	free(steps->name);
	steps->name = name;
	steps->time = backup ? backup->time : INT64_MAX;
	steps->begun = true;
	if (!backup)
		return 0;
	steps->done++;
	if (one->status == GAVEA_OK)
		return 0;
	if (one->status == GAVEA_CRITICAL ? !steps->bad : !steps->bad && !steps->unknown)
		snprintf(steps->text, sizeof(steps->text), "%.299s", one->text);
	steps->bad += one->status == GAVEA_CRITICAL;
	steps->unknown += one->status != GAVEA_CRITICAL;
	return 0;
}

/* ---- A round ---- */

static void conclude(const struct steps *steps, const struct steps_work *work, size_t total, bool whole,
	struct record *record)
{
	char of[48] = "";

	if (!whole)
		snprintf(of, sizeof(of), " of %zu", total);
	record->status = steps->bad ? GAVEA_CRITICAL : steps->unknown ? GAVEA_UNKNOWN : GAVEA_OK;
	if (record->status == GAVEA_OK)
		snprintf(record->text, sizeof(record->text), "%" PRId64 "%s %s%s", steps->done, of,
			work->what, whole ? "" : "; it goes on at the next run");
	else
		snprintf(record->text, sizeof(record->text), "%" PRId64 " of %" PRId64 " %s %s: %s",
			steps->bad ? steps->bad : steps->unknown, steps->done, work->what,
			steps->bad ? "are damaged" : "could not be judged", steps->text);
}

static bool is_over(struct context *context)
{
	return gavea_cancelled(context->check) || clock_ns(CLOCK_MONOTONIC) >= context->deadline;
}

static int take_steps(struct context *context, const struct steps_work *work, struct steps *steps)
{
	const struct facts *facts = &context->facts;
	struct record one;
	int r;

	for (size_t i = facts->count; i-- > 0;) {
		const struct backup *backup = &facts->list[i];

		if (!steps_wants(steps, backup))
			continue;
		if (is_over(context))
			return -EAGAIN;
		context_progress(context, (double)steps->done / (double)facts->count, "verifying %.150s",
			backup->name);
		one = (struct record){.status = GAVEA_UNKNOWN};
		r = work->verify_one(context, backup, &one);
		if (r == 0)
			r = advance(steps, backup, &one);
		if (r < 0)
			return -EAGAIN;
		save(context, steps);
	}
	return 0;
}

int steps_verify(struct context *context, const struct steps_work *work, struct record *record)
{
	_cleanup_steps_ struct steps steps;
	int r = 0;

	load(context, &steps);
	record->status = GAVEA_OK;
	if (!context->facts.count) {
		record->status = GAVEA_CRITICAL;
		snprintf(record->text, sizeof(record->text), "there are no %s that could be verified",
			work->what);
		return 0;
	}
	if (!steps.begun && work->prepare) {
		r = work->prepare(context, record);
		if (r < 0 || record->status != GAVEA_OK)
			return r;
		if (advance(&steps, NULL, NULL) < 0)
			return -EAGAIN;
		save(context, &steps);
	}
	r = take_steps(context, work, &steps);
	if (r == 0 || steps.done)
		conclude(&steps, work, context->facts.count, r == 0, record);
	if (r == 0)
		save(context, NULL);
	return r;
}
