/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void taking_leaves_nothing_behind(void **state _unused_)
{
	int value, *pointer = &value, fd = 7;

	assert_ptr_equal(TAKE_PTR(pointer), &value);
	assert_null(pointer);
	assert_int_equal(TAKE_FD(fd), 7);
	assert_int_equal(fd, -EBADF);
}

static void an_array_grows_by_doubling_and_keeps_its_elements(void **state _unused_)
{
	_cleanup_free_ int *array = NULL;
	size_t count = 0, room = 0;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(GROW(array, count, room), 0);
		array[count++] = i;
	}
	assert_int_equal(room, 1024);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(array[i], i);
}

static void growing_beyond_memory_changes_nothing(void **state _unused_)
{
	void *array = NULL;
	size_t room = SIZE_MAX / 4;

	assert_int_equal(grow_array(&array, &room, 64), -ENOMEM);
	assert_null(array);
	assert_int_equal(room, SIZE_MAX / 4);
}

static void prefixes_are_cut_off(void **state _unused_)
{
	assert_string_equal(startswith("cert/www", "cert/"), "www");
	assert_string_equal(startswith("cert/", "cert/"), "");
	assert_null(startswith("cer", "cert/"));
	assert_string_equal(startswith("x", ""), "x");
}

static void empty_is_nothing_or_no_text(void **state _unused_)
{
	assert_true(str_empty(NULL));
	assert_true(str_empty(""));
	assert_false(str_empty(" "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taking_leaves_nothing_behind),
		cmocka_unit_test(an_array_grows_by_doubling_and_keeps_its_elements),
		cmocka_unit_test(growing_beyond_memory_changes_nothing),
		cmocka_unit_test(prefixes_are_cut_off),
		cmocka_unit_test(empty_is_nothing_or_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
