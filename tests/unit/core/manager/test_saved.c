/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/saved.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-saved-XXXXXX";

/* A check as far as saving it goes. */
struct check {
	const char *name;
	Gavea__V1__Result *result;
};

void check_describe(const struct check *check, Gavea__Control__V1__CheckStatus *ret_status)
{
	gavea__control__v1__check_status__init(ret_status);
	ret_status->name = (char *)check->name;
	ret_status->result = check->result;
}

static int setup(void **state)
{
	(void)state;
	log_set_level(getenv("DEBUG") ? 7 : -1);
	return mkdtemp(folder) ? 0 : -1;
}

static char *path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static int teardown(void **state)
{
	_cleanup_free_ char *path = path_of("checks");

	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void save_two(void)
{
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	struct check first = {"host/cpu", &result}, second = {"cert/www", NULL};
	struct check *const checks[] = {&first, &second};

	result.state = GAVEA__V1__STATUS__CRITICAL;
	result.summary = (char *)"on fire";
	result.attempt = 2;
	result.state_since_ms = 1234;
	assert_int_equal(saved_write(folder, checks, 2), 0);
}

/* How many results come back. */
static size_t count_loaded(void)
{
	struct strmap results = STRMAP_INIT;
	size_t count;

	saved_load(folder, &results);
	count = results.count;
	saved_done(&results);
	return count;
}

static void read_checks(struct buf *bytes)
{
	_cleanup_free_ char *path = path_of("checks");

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, bytes), 0);
}

static void write_checks(const void *bytes, size_t size)
{
	_cleanup_free_ char *path = path_of("checks");

	assert_int_equal(file_write_atomic(AT_FDCWD, path, bytes, size, 0600), 0);
}

static void what_was_saved_comes_back(void **state)
{
	struct strmap results = STRMAP_INIT;
	const Gavea__V1__Result *result;

	(void)state;
	save_two();
	saved_load(folder, &results);
	/* The one without a result has no state to keep. */
	assert_int_equal(results.count, 1);
	result = strmap_get(&results, "host/cpu");
	assert_non_null(result);
	assert_int_equal(result->state, GAVEA__V1__STATUS__CRITICAL);
	assert_string_equal(result->summary, "on fire");
	assert_int_equal(result->attempt, 2);
	assert_int_equal(result->state_since_ms, 1234);
	saved_done(&results);
}

static void nothing_at_all_can_be_saved(void **state)
{
	(void)state;
	assert_int_equal(saved_write(folder, NULL, 0), 0);
	assert_int_equal(count_loaded(), 0);
}

static void without_a_file_or_a_folder_it_begins_empty(void **state)
{
	_cleanup_free_ char *path = path_of("checks");
	struct strmap results = STRMAP_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(count_loaded(), 0);
	saved_load("/proc/no-such-folder", &results);
	assert_int_equal(results.count, 0);
	assert_int_equal(saved_write("/proc/no-such-folder", NULL, 0), -ENOENT);
}

static void a_file_torn_at_any_byte_begins_empty(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	(void)state;
	save_two();
	read_checks(&bytes);
	for (size_t size = 0; size < bytes.size; size++) {
		write_checks(bytes.data, size);
		assert_int_equal(count_loaded(), 0);
	}
	write_checks(bytes.data, bytes.size);
	assert_int_equal(count_loaded(), 1);
}

static void a_flipped_bit_anywhere_begins_empty(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	(void)state;
	save_two();
	read_checks(&bytes);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 0x20;
		write_checks(bytes.data, bytes.size);
		assert_int_equal(count_loaded(), 0);
		bytes.data[i] ^= 0x20;
	}
}

static void garbage_with_a_good_sum_begins_empty(void **state)
{
	char bytes[64];
	uint32_t crc;

	(void)state;
	memset(bytes, 0xff, sizeof bytes);
	crc = crc32c(0, bytes + sizeof crc, sizeof bytes - sizeof crc);
	memcpy(bytes, &crc, sizeof crc);
	write_checks(bytes, sizeof bytes);
	assert_int_equal(count_loaded(), 0);
}

static void of_two_with_one_name_none_is_leaked(void **state)
{
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	struct check twice = {"host/cpu", &result};
	struct check *const checks[] = {&twice, &twice, &twice};

	(void)state;
	assert_int_equal(saved_write(folder, checks, 3), 0);
	assert_int_equal(count_loaded(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_comes_back),
		cmocka_unit_test(nothing_at_all_can_be_saved),
		cmocka_unit_test(without_a_file_or_a_folder_it_begins_empty),
		cmocka_unit_test(a_file_torn_at_any_byte_begins_empty),
		cmocka_unit_test(a_flipped_bit_anywhere_begins_empty),
		cmocka_unit_test(garbage_with_a_good_sum_begins_empty),
		cmocka_unit_test(of_two_with_one_name_none_is_leaked),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
