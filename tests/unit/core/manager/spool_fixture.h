/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for a spool, records that are known again, and readers: for the tests of the spool. */
#ifndef SPOOL_FIXTURE_H
#define SPOOL_FIXTURE_H

#include "base/fd.h"
#include "base/log.h"
#include "core/manager/spool_internal.h"
#include "proto/report.pb-c.h"
#include "wire/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <gavea/plugin.h>

/* In memory where that can be: these tests sync thousands of times. */
static char folder[] = "/dev/shm/test-spool-XXXXXX";

static inline void remove_files(const char *prefix)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (startswith(entry->d_name, prefix))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static inline void empty_folder(void)
{
	remove_files("");
}

static inline int setup(void **state)
{
	(void)state;
	log_set_level(getenv("DEBUG") ? 7 : -1);
	if (mkdtemp(folder))
		return 0;
	snprintf(folder, sizeof folder, "/tmp/test-spool-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int setup_each(void **state)
{
	(void)state;
	empty_folder();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	empty_folder();
	return rmdir(folder);
}

static inline struct spool *open_sized(uint64_t max_bytes, uint64_t segment_bytes)
{
	struct spool_settings settings = {
		.folder = folder, .max_bytes = max_bytes, .segment_bytes = segment_bytes};
	struct spool *spool;

	assert_int_equal(spool_open(&settings, &spool), 0);
	return spool;
}

static inline struct spool *open_spool(void)
{
	return open_sized(1 << 20, 0);
}

/* A record of that kind; the tests know it again by time_ms. */
static inline int64_t append(struct spool *spool, int kind, int64_t time_ms, size_t padding)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	_cleanup_free_ double *values = calloc(padding / 8 + 1, sizeof *values);
	Gavea__V1__Series series = GAVEA__V1__SERIES__INIT;
	_cleanup_free_ char *text = malloc(padding + 1);
	_cleanup_free_ uint8_t *bytes = malloc(padding + 256);

	memset(text, 'x', padding);
	text[padding] = 0;
	record.time_ms = time_ms;
	record.body_case = (Gavea__V1__Record__BodyCase)kind;
	if (kind == GAVEA_RECORD_SAMPLES) {
		samples.values = values;
		samples.n_values = padding / 8;
		record.samples = &samples;
	} else if (kind == GAVEA_RECORD_SERIES) {
		series.name = text;
		record.series = &series;
	} else {
		event.summary = text;
		record.event = &event;
	}
	return spool_append(spool, bytes, gavea__v1__record__pack(&record, bytes));
}

/* A result of that check and state. */
static inline int64_t append_result(struct spool *spool, uint32_t check, int state, int64_t time_ms)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	uint8_t bytes[256];

	result.check = check;
	result.status = result.state = (Gavea__V1__Status)state;
	result.summary = (char *)"said";
	record.time_ms = time_ms;
	record.body_case = GAVEA__V1__RECORD__BODY_RESULT;
	record.result = &result;
	return spool_append(spool, bytes, gavea__v1__record__pack(&record, bytes));
}

static inline int64_t append_check(struct spool *spool, uint32_t number, const char *name)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Check check = GAVEA__V1__CHECK__INIT;
	uint8_t bytes[256];

	check.number = number;
	check.name = (char *)name;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK;
	record.check = &check;
	return spool_append(spool, bytes, gavea__v1__record__pack(&record, bytes));
}

static inline uint64_t dropped(const struct spool_status *status, enum drop_class class)
{
	uint64_t sum = 0;

	for (int cause = 0; cause < DROP_CAUSES; cause++)
		sum += status->dropped[class][cause];
	return sum;
}

struct seen {
	uint64_t seqs[4096];
	int64_t times[4096];
	int kinds[4096];
	size_t count;
};

static inline int remember(uint64_t seq, const uint8_t *payload, size_t length, void *userdata)
{
	struct seen *seen = userdata;
	Gavea__V1__Record *record = gavea__v1__record__unpack(NULL, length, payload);

	assert_non_null(record);
	seen->seqs[seen->count] = seq;
	seen->times[seen->count] = record->time_ms;
	seen->kinds[seen->count++] = (int)record->body_case;
	gavea__v1__record__free_unpacked(record, NULL);
	return 0;
}

static inline struct seen look(struct spool *spool)
{
	struct seen seen = {.count = 0};

	assert_int_equal(spool_visit(spool, remember, &seen), 0);
	return seen;
}

/* What a reader finds in a batch, through the descriptor that it gets. */
static inline size_t count_batch(const struct spool_batch *batch)
{
	uint8_t *bytes = malloc(batch->length + 1);
	size_t at = 0, count = 0;

	assert_int_equal(
		fd_pread_full(batch->fd, bytes, batch->length, (off_t)batch->offset), (ssize_t)batch->length);
	while (at < batch->length) {
		const uint8_t *payload;
		size_t length, size;
		uint64_t seq;

		assert_int_equal(
			segment_decode_record(bytes + at, batch->length - at, &seq, &payload, &length, &size),
			1);
		if (count == 0)
			assert_int_equal(seq, batch->first_seq);
		at += size;
		count++;
	}
	free(bytes);
	return count;
}

#define TEST(name) cmocka_unit_test_setup(name, setup_each)

#endif
