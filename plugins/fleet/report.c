/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/parse.h"
#include "proto/report.pb-c.h"

#include <errno.h>

#define WIRE_BYTES 2u /* protobuf's wire type of what has a length */
#define SEQ_TAG 0x08 /* field 1, a varint */
#define VARINT_MAX 10

void records_done(struct records *records)
{
	free(records->items);
	*records = (struct records)RECORDS_INIT;
}

int records_collect(struct records *records, struct gavea_check *check, struct gavea_batch *batch)
{
	for (;;) {
		struct record record = {0};
		int r = gavea_batch_next(
			check, batch, &record.seq, &record.kind, &record.bytes, &record.size);

		if (r <= 0)
			return r;
		r = GROW(records->items, records->count, records->room);
		if (r < 0)
			return r;
		records->items[records->count++] = record;
	}
}

/* ---- Records ---- */

static size_t varint_write(uint64_t value, uint8_t bytes[static VARINT_MAX])
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[size++] = (uint8_t)(value | 0x80);
	bytes[size++] = (uint8_t)value;
	return size;
}

static size_t varint_size(uint64_t value)
{
	size_t size = 1;

	for (; value >= 0x80; value >>= 7)
		size++;
	return size;
}

static size_t record_length(const struct record *record)
{
	return 1 + varint_size(record->seq) + record->size;
}

size_t report_record_size(const struct record *record)
{
	size_t length = record_length(record);

	return 1 + varint_size(length) + length;
}

void report_add_record(struct buf *out, enum report_field field, const struct record *record)
{
	uint8_t head[2 + 2 * VARINT_MAX];
	size_t size = 0;

	head[size++] = (uint8_t)((unsigned)field << 3 | WIRE_BYTES);
	size += varint_write(record_length(record), head + size);
	head[size++] = SEQ_TAG;
	size += varint_write(record->seq, head + size);
	buf_add(out, head, size);
	buf_add(out, record->bytes, record->size);
}

/* ---- The head ---- */

/* protobuf-c wants char *, and only reads. */
static char *fact(struct gavea_check *check, struct gavea_batch *batch, const char *key)
{
	const char *value = gavea_batch_info(check, batch, key);

	return (char *)(value ? value : "");
}

struct labels {
	Gavea__V1__Agent__LabelsEntry *entries;
	Gavea__V1__Agent__LabelsEntry **pointers;
	char *keys; /* the host's list, cut at its commas */
	size_t count;
};

static void labels_done(struct labels *labels)
{
	free(labels->entries);
	free(labels->pointers);
	free(labels->keys);
}

static int labels_fill(struct labels *labels, struct gavea_check *check, struct gavea_batch *batch)
{
	size_t room = 1;
	char *rest, *key;

	labels->keys = strdup(fact(check, batch, "label_keys"));
	if (!labels->keys)
		return -ENOMEM;
	for (const char *c = labels->keys; *c; c++)
		room += *c == ',';
	labels->entries = calloc(room, sizeof(*labels->entries));
	labels->pointers = calloc(room, sizeof(void *));
	if (!labels->entries || !labels->pointers)
		return -ENOMEM;
	rest = labels->keys;
	while ((key = strsep(&rest, ","))) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		if (!*key)
			continue;
		buf_add_str(&name, "label.");
		buf_add_str(&name, key);
		if (buf_error(&name) < 0)
			return buf_error(&name);
		gavea__v1__agent__labels_entry__init(&labels->entries[labels->count]);
		labels->entries[labels->count].key = key;
		labels->entries[labels->count].value = fact(check, batch, buf_str(&name));
		labels->pointers[labels->count] = &labels->entries[labels->count];
		labels->count++;
	}
	return 0;
}

static uint32_t next_within_ms(struct gavea_check *check, struct gavea_batch *batch)
{
	uint64_t interval;

	if (parse_uint64(fact(check, batch, "interval_ms"), &interval) < 0 || interval == 0)
		return 0; /* nothing is promised */
	interval = MIN(interval, UINT32_MAX / 2);
	return (uint32_t)MAX(2 * interval, REPORT_SILENCE_MIN_MS);
}

static int pack_head(struct buf *out, struct gavea_check *check, struct gavea_batch *batch,
	const struct labels *labels, int64_t now_ms)
{
	Gavea__V1__Agent agent = GAVEA__V1__AGENT__INIT;
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;
	char *end;

	agent.name = fact(check, batch, "name");
	agent.version = fact(check, batch, "version");
	agent.machine_id = fact(check, batch, "machine_id");
	agent.boot_id = fact(check, batch, "boot_id");
	agent.labels = labels->pointers;
	agent.n_labels = labels->count;
	report.protocol = REPORT_PROTOCOL;
	report.agent_id = fact(check, batch, "agent_id");
	report.spool_id = fact(check, batch, "spool_id");
	report.stream = gavea_batch_stream(check, batch);
	report.agent = &agent;
	report.sent_at_ms = now_ms;
	report.next_within_ms = next_within_ms(check, batch);
	end = buf_extend(out, gavea__v1__report__get_packed_size(&report));
	if (!end)
		return buf_error(out);
	out->size += gavea__v1__report__pack(&report, (uint8_t *)end);
	return 0;
}

int report_add_head(struct buf *out, struct gavea_check *check, struct gavea_batch *batch, int64_t now_ms)
{
	struct labels labels = {0};
	int r = labels_fill(&labels, check, batch);

	if (r == 0)
		r = pack_head(out, check, batch, &labels, now_ms);
	labels_done(&labels);
	return r;
}
