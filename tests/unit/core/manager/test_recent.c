/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/util.h"
#include "core/manager/recent.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-recent-XXXXXX";

static int setup(void **state)
{
	(void)state;
	log_set_level(getenv("DEBUG") ? 7 : -1);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(folder);
}

static const struct recent_event *add(struct recent *recent, uint64_t seq, const char *check)
{
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;
	char summary[32];

	snprintf(summary, sizeof summary, "number %u", (unsigned)seq);
	event.kind = (char *)"state";
	event.summary = summary;
	return recent_add(recent, seq, (int64_t)seq * 10, check, &event);
}

static void an_event_is_copied(void **state)
{
	struct recent recent = {0};
	char check[] = "host/cpu";
	const struct recent_event *kept = add(&recent, 7, check);

	(void)state;
	check[0] = 'X';
	assert_int_equal(kept->seq, 7);
	assert_int_equal(kept->time_ms, 70);
	assert_string_equal(kept->check, "host/cpu");
	assert_string_equal(kept->event->summary, "number 7");
	assert_null(add(&recent, 8, NULL)->check);
	recent_done(&recent);
}

static void the_oldest_goes_when_it_is_full(void **state)
{
	struct recent recent = {0};

	(void)state;
	for (uint64_t i = 1; i <= RECENT_MAX + 30; i++)
		assert_int_equal(add(&recent, i, i % 2 ? "a/b" : NULL)->seq, i);
	assert_int_equal(recent.count, RECENT_MAX);
	for (size_t i = 0; i < recent.count; i++)
		assert_int_equal(recent.events[i].seq, i + 31);
	recent_done(&recent);
}

static void append(struct spool *spool, const Gavea__V1__Record *record)
{
	uint8_t bytes[512];

	assert_true(gavea__v1__record__get_packed_size(record) <= sizeof bytes);
	assert_true(spool_append(spool, bytes, gavea__v1__record__pack(record, bytes)) > 0);
}

static void append_check(struct spool *spool, uint32_t number, const char *name)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Check check = GAVEA__V1__CHECK__INIT;

	check.number = number;
	check.name = (char *)name;
	record.body_case = GAVEA__V1__RECORD__BODY_CHECK;
	record.check = &check;
	append(spool, &record);
}

static void append_event(struct spool *spool, uint32_t check, const char *kind)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;

	event.check = check;
	event.kind = (char *)kind;
	record.time_ms = 5;
	record.body_case = GAVEA__V1__RECORD__BODY_EVENT;
	record.event = &event;
	append(spool, &record);
}

static struct spool *open_spool(void)
{
	struct spool_settings settings = {.folder = folder, .max_bytes = 1 << 20};
	struct spool *spool;

	assert_int_equal(spool_open(&settings, &spool), 0);
	return spool;
}

/* After a restart the same number may be another check's: each stream has its own. */
static void events_come_back_from_the_spool_with_the_names_of_their_stream(void **state)
{
	struct recent recent = {0};
	struct spool *spool = open_spool();

	(void)state;
	append_check(spool, 1, "host/cpu");
	append_event(spool, 1, "state");
	append_event(spool, 0, "stopped");
	append_event(spool, 9, "of a check that nobody declared");
	spool_append(spool, "\xff\xff\xff", 3);
	spool_append(spool, "\x3a\x02\xff\xff", 4); /* an event, as far as its first byte says */
	spool_close(spool);
	spool = open_spool();
	append_check(spool, 1, "cert/www");
	append_event(spool, 1, "state");
	spool_close(spool);
	spool = open_spool();
	recent_load(&recent, spool);
	assert_int_equal(recent.count, 4);
	assert_string_equal(recent.events[0].check, "host/cpu");
	assert_int_equal(recent.events[0].time_ms, 5);
	assert_null(recent.events[1].check);
	assert_string_equal(recent.events[1].event->kind, "stopped");
	assert_null(recent.events[2].check);
	assert_string_equal(recent.events[3].check, "cert/www");
	assert_true(recent.events[3].seq > recent.events[2].seq);
	recent_done(&recent);
	spool_close(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_copied),
		cmocka_unit_test(the_oldest_goes_when_it_is_full),
		cmocka_unit_test(events_come_back_from_the_spool_with_the_names_of_their_stream),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
