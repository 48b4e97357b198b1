/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/backup/ini.h"
#include "plugins/backup/locks.h"

#include <errno.h>

#define NOW INT64_C(1000000000)

static void the_oldest_lock_is_named_and_only_stale_ones_warn(void **state)
{
	_cleanup_findings_ struct findings findings = {0};
	struct locks locks = {0};

	(void)state;
	locks_judge(&locks, "nothing works", "wait", NOW, &findings);
	assert_int_equal(findings.count, 0);
	locks_add(&locks, 3600, NOW, "a on x", NOW - 60, true);
	locks_judge(&locks, "nothing works", "wait", NOW, &findings);
	assert_int_equal(findings.list[0].status, GAVEA_OK);
	assert_string_equal(findings.list[0].text, "1, the oldest by a on x for 1min 0s");
	assert_false(locks.exclusive);
	locks_add(&locks, 3600, NOW, "b on y", NOW - 7200, false);
	locks_judge(&locks, "nothing works", "wait", NOW, &findings);
	assert_int_equal(findings.list[1].status, GAVEA_WARNING);
	assert_string_equal(findings.list[1].text, "a lock by b on y is 2h 0min old: nothing works; wait");
	assert_false(locks.exclusive);
}

static int read_restic(const char *text, char owner[static 256], int64_t *time, bool *exclusive)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf_add_str(&buf, text);
	return lock_read_restic(&buf, owner, time, exclusive);
}

static void locks_of_restic_are_read(void **state)
{
	char owner[256];
	bool exclusive;
	int64_t time;

	(void)state;
	assert_int_equal(
		read_restic("{\"time\":\"2001-09-09T01:46:40Z\",\"exclusive\":true,\"hostname\":\"web1\","
			    "\"username\":\"root\",\"pid\":12}",
			owner, &time, &exclusive),
		0);
	assert_string_equal(owner, "root on web1 (process 12)");
	assert_int_equal(time, NOW);
	assert_true(exclusive);
	assert_int_equal(read_restic("{\"time\":\"soon\"}", owner, &time, &exclusive), -EBADMSG);
	assert_int_equal(read_restic("", owner, &time, &exclusive), -EBADMSG);
	assert_int_equal(read_restic("[]", owner, &time, &exclusive), -EBADMSG);
}

static bool read_borg(const char *text, char owner[static 256], bool *exclusive)
{
	_cleanup_buf_ struct buf buf = BUF_INIT;

	buf_add_str(&buf, text);
	return lock_read_borg(&buf, owner, exclusive);
}

static void locks_of_borg_are_read(void **state)
{
	char owner[256];
	bool exclusive;

	(void)state;
	assert_true(read_borg("{\"exclusive\":[[\"web1@123\",12,0]]}", owner, &exclusive));
	assert_string_equal(owner, "web1 (process 12)");
	assert_true(exclusive);
	assert_true(read_borg("{\"exclusive\":[],\"shared\":[[\"web2@1\",3,0]]}", owner, &exclusive));
	assert_string_equal(owner, "web2 (process 3)");
	assert_false(exclusive);
	assert_false(read_borg("{\"exclusive\":[[1]]}", owner, &exclusive));
	assert_false(read_borg("{}", owner, &exclusive));
}

static void the_holder_of_a_kernel_lock_is_found_and_who_waits_is_not(void **state)
{
	static const char locks[] = "1: POSIX  ADVISORY  WRITE 708 00:1a:1196 0 EOF\n"
				    "2: FLOCK  ADVISORY  WRITE 42 fe:00:77 0 EOF\n"
				    "2: -> FLOCK  ADVISORY  WRITE 43 fe:00:78 0 EOF\n"
				    "3: OFDLCK ADVISORY  READ -1 fe:00:79 0 EOF\n";

	(void)state;
	assert_int_equal(lock_find_holder(locks, 0xfe, 0, 77), 42);
	assert_int_equal(lock_find_holder(locks, 0, 0x1a, 1196), 708);
	assert_int_equal(lock_find_holder(locks, 0xfe, 0, 78), 0);
	assert_int_equal(lock_find_holder(locks, 0xfe, 0, 79), -1);
	assert_int_equal(lock_find_holder("", 0, 0, 0), 0);
}

static void a_value_is_found_in_its_section_alone(void **state)
{
	static const char text[] =
		"lock-path=/none\n[global]\n# lock-path=/no\n lock-path = /a b \r\n[main]\n"
		"lock-path=/main\nlock-path-x=/no\n[]\nlock-path=/empty";
	char value[16];

	(void)state;
	assert_true(ini_find(text, "global", "lock-path", value, sizeof(value)));
	assert_string_equal(value, "/a b");
	assert_true(ini_find(text, "main", "lock-path", value, sizeof(value)));
	assert_string_equal(value, "/main");
	assert_false(ini_find(text, "other", "lock-path", value, sizeof(value)));
	assert_false(ini_find(text, "main", "lock-path", value, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_lock_is_named_and_only_stale_ones_warn),
		cmocka_unit_test(locks_of_restic_are_read),
		cmocka_unit_test(locks_of_borg_are_read),
		cmocka_unit_test(the_holder_of_a_kernel_lock_is_found_and_who_waits_is_not),
		cmocka_unit_test(a_value_is_found_in_its_section_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
