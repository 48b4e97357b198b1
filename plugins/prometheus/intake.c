/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "base/buf.h"
#include "base/clock.h"
#include "text.h"

#include <errno.h>

#define CANCEL_EVERY 256u /* records */

struct intake {
	struct gavea_check *check;
	struct gavea_batch *batch;
	struct records *records;
	int64_t wall_ms, boot_ns;
	uint64_t seq; /* the last one that was taken in */
	bool complete; /* all declarations were seen */
};

static int apply(struct intake *intake, const void *bytes, size_t size)
{
	return records_apply(
		intake->records, bytes, size, intake->complete, intake->wall_ms, intake->boot_ns);
}

/* The declarations of the stream that come before the batch; after them the batch begins again. */
static int take_declarations(struct intake *intake)
{
	int r = gavea_batch_declarations(intake->check, intake->batch);

	intake->complete = true;
	while (r >= 0) {
		const void *bytes;
		uint64_t seq;
		size_t size;
		int kind;

		r = gavea_batch_next(intake->check, intake->batch, &seq, &kind, &bytes, &size);
		if (r <= 0)
			break;
		r = apply(intake, bytes, size);
		if (r == -EBADMSG)
			r = 0;
	}
	if (r < 0)
		return gavea_fail(
			intake->check, r, "the declarations cannot be read from the spool: %s", strerror(-r));
	return 0;
}

/* One record. 1: go on; 0: the end. */
static int take_next(struct intake *intake)
{
	const void *bytes;
	uint64_t seq;
	size_t size;
	int kind, r = gavea_batch_next(intake->check, intake->batch, &seq, &kind, &bytes, &size);

	if (r == -EBADMSG && intake->seq > 0)
		return 0;
	if (r == -EBADMSG)
		return gavea_fail(intake->check, r, "the next record in the spool is damaged");
	if (r <= 0)
		return r;
	if (seq <= intake->seq)
		return 1;
	r = apply(intake, bytes, size);
	if (r == -ENOENT) {
		r = take_declarations(intake);
		return r < 0 ? r : 1;
	}
	if (r == -ENOMEM)
		return gavea_fail(intake->check, r, "out of memory");
	intake->seq = seq;
	return 1;
}

int intake_batch(
	struct gavea_check *check, struct gavea_batch *batch, struct records *records, uint64_t *ret_seq)
{
	struct intake intake = {
		.check = check,
		.batch = batch,
		.records = records,
		.wall_ms = clock_unix_ms(),
		.boot_ns = clock_ns(CLOCK_BOOTTIME),
	};
	unsigned taken = 0;
	int r;

	records_set_stream(records, gavea_batch_stream(check, batch));
	do
		r = take_next(&intake);
	while (r > 0 && (++taken % CANCEL_EVERY != 0 || !gavea_cancelled(check)));
	*ret_seq = intake.seq;
	return MIN(r, 0);
}

/* ---- Facts ---- */

static char *agent_labels(struct gavea_check *check, struct gavea_batch *batch)
{
	const char *keys = gavea_batch_info(check, batch, "label_keys");
	_cleanup_free_ char *copy = strdup(keys ? keys : "");
	_cleanup_buf_ struct buf out = BUF_INIT;
	char *rest = copy, *key;

	while (rest && (key = strsep(&rest, ","))) {
		_cleanup_buf_ struct buf fact = BUF_INIT, name = BUF_INIT;
		const char *value;

		if (!*key)
			continue;
		buf_add_str(&fact, "label.");
		buf_add_str(&fact, key);
		text_add_label_name(&name, key);
		value = gavea_batch_info(check, batch, buf_str(&fact));
		if (streq(buf_str(&name), "name") || str_empty(value))
			continue;
		if (out.size > 0)
			buf_add_char(&out, ',');
		text_add_label(&out, buf_str(&name), value);
	}
	return buf_error(&out) < 0 || !copy ? NULL : strdup(buf_str(&out));
}

/* Takes value. */
static void replace(struct picture *picture, char **field, char *value)
{
	if (*field && streq(*field, value)) {
		free(value);
		return;
	}
	free(*field);
	*field = value;
	picture->generation++;
}

int intake_facts(struct gavea_check *check, struct gavea_batch *batch, struct picture *picture)
{
	const char *name = gavea_batch_info(check, batch, "name");
	const char *version = gavea_batch_info(check, batch, "version");
	_cleanup_free_ char *own_name = strdup(name ? name : ""),
			    *own_version = strdup(version ? version : "");
	_cleanup_free_ char *labels = agent_labels(check, batch);

	if (!own_name || !own_version || !labels)
		return -ENOMEM;
	picture_lock(picture);
	replace(picture, &picture->agent_name, TAKE_PTR(own_name));
	replace(picture, &picture->version, TAKE_PTR(own_version));
	replace(picture, &picture->agent_labels, TAKE_PTR(labels));
	picture_unlock(picture);
	return 0;
}
