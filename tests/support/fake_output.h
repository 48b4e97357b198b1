/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for output plugins, in the test: options from a table, a batch from arrays, and what the plugin said
 * kept for the test to look at.
 */
#ifndef TESTS_FAKE_OUTPUT_H
#define TESTS_FAKE_OUTPUT_H

#include "base/buf.h"
#include "base/util.h"
#include "proto/report.pb-c.h"

#include <gavea/plugin.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#define FAKE_MAX 4096

struct fake_record {
	uint64_t seq;
	int kind;
	uint8_t *bytes;
	size_t size;
};

struct gavea_batch {
	struct fake_output *fake;
};

struct gavea_secret {
	const char *text;
};

struct fake_output {
	struct gavea_check check; /* first: the host gets back from it to the rest */
	struct gavea_batch batch;
	const char *options[32]; /* key, value, …, NULL; as the host would keep them */
	struct gavea_secret token;
	const char *state_directory; /* NULL: none */
	const char *facts[32]; /* key, value, …, NULL */
	uint64_t stream;
	struct fake_record records[FAKE_MAX];
	size_t record_count;
	struct fake_record declarations[FAKE_MAX];
	size_t declaration_count;
	size_t next;
	bool declaring;
	bool damaged; /* the batch ends with a damaged record */
	bool cancelled;
	int64_t now, deadline;
	uint64_t acknowledged;
	int64_t retry_after;
	char *failure;
	struct buf logs, events;
	unsigned event_count;
};

static inline struct fake_output *fake_of(struct gavea_check *check)
{
	return (struct fake_output *)(void *)check;
}

static inline void fake_log(struct gavea_check *check, int level, const char *format, va_list args)
{
	buf_printf(&fake_of(check)->logs, "<%d>", level);
	buf_vprintf(&fake_of(check)->logs, format, args);
	buf_add_char(&fake_of(check)->logs, '\n');
}

static inline void fake_fail(struct gavea_check *check, const char *format, va_list args)
{
	free(fake_of(check)->failure);
	if (vasprintf(&fake_of(check)->failure, format, args) < 0)
		abort();
}

static inline const char *fake_lookup(const char *const *table, const char *key)
{
	for (; table[0]; table += 2)
		if (streq(table[0], key))
			return table[1];
	return NULL;
}

static inline const char *fake_option_string(struct gavea_check *check, const char *key)
{
	return fake_lookup(fake_of(check)->options, key);
}

static inline int64_t fake_option_int(struct gavea_check *check, const char *key)
{
	const char *value = fake_lookup(fake_of(check)->options, key);

	return value ? strtoll(value, NULL, 10) : 0;
}

static inline const struct gavea_secret *fake_option_secret(struct gavea_check *check, const char *key)
{
	fake_of(check)->token.text = fake_lookup(fake_of(check)->options, key);
	return fake_of(check)->token.text ? &fake_of(check)->token : NULL;
}

static inline const void *fake_secret_bytes(const struct gavea_secret *secret, size_t *ret_size)
{
	if (ret_size)
		*ret_size = strlen(secret->text);
	return secret->text;
}

static inline void fake_event(struct gavea_check *check, const char *kind, int status, const char *summary,
	const struct gavea_pair *attributes, size_t attribute_count)
{
	struct buf *events = &fake_of(check)->events;

	buf_printf(events, "%s %d %s", kind, status, summary);
	for (size_t i = 0; i < attribute_count; i++)
		buf_printf(events, " %s=%s", attributes[i].name, attributes[i].value);
	buf_add_char(events, '\n');
	fake_of(check)->event_count++;
}

static inline int64_t fake_now(struct gavea_check *check)
{
	return fake_of(check)->now;
}

static inline int64_t fake_deadline(struct gavea_check *check)
{
	return fake_of(check)->deadline;
}

static inline bool fake_cancelled(struct gavea_check *check)
{
	return fake_of(check)->cancelled;
}

static inline const char *fake_state_directory(struct gavea_check *check)
{
	return fake_of(check)->state_directory;
}

static inline const char *fake_batch_info(struct gavea_batch *batch, const char *key)
{
	return fake_lookup(batch->fake->facts, key);
}

static inline uint64_t fake_batch_stream(struct gavea_batch *batch)
{
	return batch->fake->stream;
}

static inline int fake_batch_next(
	struct gavea_batch *batch, uint64_t *ret_seq, int *ret_kind, const void **ret_bytes, size_t *ret_size)
{
	struct fake_output *fake = batch->fake;
	const struct fake_record *records = fake->declaring ? fake->declarations : fake->records;
	size_t count = fake->declaring ? fake->declaration_count : fake->record_count;

	if (fake->next == count) {
		if (fake->declaring) {
			fake->declaring = false;
			fake->next = 0;
		}
		return fake->damaged ? -EBADMSG : 0;
	}
	*ret_seq = records[fake->next].seq;
	*ret_kind = records[fake->next].kind;
	*ret_bytes = records[fake->next].bytes;
	*ret_size = records[fake->next].size;
	fake->next++;
	return 1;
}

static inline int fake_batch_declarations(struct gavea_batch *batch)
{
	batch->fake->declaring = true;
	batch->fake->next = 0;
	return 0;
}

static inline void fake_batch_acknowledge(struct gavea_batch *batch, uint64_t seq)
{
	assert(seq >= batch->fake->acknowledged);
	batch->fake->acknowledged = seq;
}

static inline void fake_batch_retry_after(struct gavea_batch *batch, int64_t delay)
{
	batch->fake->retry_after = delay;
}

static inline void fake_init(struct fake_output *fake)
{
	static const struct gavea_host host = {
		.size = sizeof(host),
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.log = fake_log,
		.fail = fake_fail,
		.option_string = fake_option_string,
		.option_int = fake_option_int,
		.option_secret = fake_option_secret,
		.secret_bytes = fake_secret_bytes,
		.event = fake_event,
		.now = fake_now,
		.deadline = fake_deadline,
		.cancelled = fake_cancelled,
		.state_directory = fake_state_directory,
		.batch_info = fake_batch_info,
		.batch_stream = fake_batch_stream,
		.batch_next = fake_batch_next,
		.batch_declarations = fake_batch_declarations,
		.batch_acknowledge = fake_batch_acknowledge,
		.batch_retry_after = fake_batch_retry_after,
	};

	memset(fake, 0, sizeof(*fake));
	fake->check.host = &host;
	fake->batch.fake = fake;
	fake->deadline = INT64_MAX;
}

static inline void fake_forget_records(struct fake_output *fake)
{
	for (size_t i = 0; i < fake->record_count; i++)
		free(fake->records[i].bytes);
	for (size_t i = 0; i < fake->declaration_count; i++)
		free(fake->declarations[i].bytes);
	fake->record_count = fake->declaration_count = fake->next = 0;
}

static inline void fake_done(struct fake_output *fake)
{
	fake_forget_records(fake);
	free(fake->failure);
	buf_done(&fake->logs);
	buf_done(&fake->events);
}

static inline struct fake_record fake_pack(uint64_t seq, int kind, Gavea__V1__Record *message)
{
	struct fake_record record = {.seq = seq, .kind = kind};

	record.size = gavea__v1__record__get_packed_size(message);
	record.bytes = malloc(record.size + 1);
	gavea__v1__record__pack(message, record.bytes);
	return record;
}

/* An event of that kind and summary. */
static inline void fake_add_event(
	struct fake_output *fake, uint64_t seq, const char *kind, const char *summary)
{
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	Gavea__V1__Record message = GAVEA__V1__RECORD__INIT;

	event.kind = (char *)kind;
	event.summary = (char *)summary;
	message.time_ms = 1000 + (int64_t)seq;
	message.body_case = GAVEA__V1__RECORD__BODY_EVENT;
	message.event = &event;
	assert(fake->record_count < FAKE_MAX);
	fake->records[fake->record_count++] = fake_pack(seq, GAVEA_RECORD_EVENT, &message);
}

static inline void fake_add_declaration(
	struct fake_output *fake, uint64_t seq, uint32_t number, const char *name)
{
	Gavea__V1__Check check = GAVEA__V1__CHECK__INIT;
	Gavea__V1__Record message = GAVEA__V1__RECORD__INIT;

	check.number = number;
	check.name = (char *)name;
	message.body_case = GAVEA__V1__RECORD__BODY_CHECK;
	message.check = &check;
	assert(fake->declaration_count < FAKE_MAX);
	fake->declarations[fake->declaration_count++] = fake_pack(seq, GAVEA_RECORD_CHECK, &message);
}

#endif
