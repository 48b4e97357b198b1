/* SPDX-License-Identifier: Apache-2.0 */
/* Files that proxies read: HAProxy's map and nginx's include. */
#include "base/clock.h"
#include "plugins/swap/haproxy_map.h"
#include "plugins/swap/nginx_include.h"
#include "plugins/swap/replace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_edit(const char *before, const char *after)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	uint32_t value = 0;

	buf_add_str(&text, before);
	haproxy_map_edit(&text, "shop", 500, &out);
	assert_string_equal(buf_str(&out), after);
	assert_int_equal(haproxy_map_find(&out, "shop", &value), 0);
	assert_int_equal(value, 500);
	buf_done(&text);
	buf_done(&out);
}

static void the_value_changes_and_nothing_else(void **state)
{
	(void)state;
	assert_edit("shop 0\n", "shop 500\n");
	assert_edit("# shop 1\nblog 7\n  shop\t 0  \n\nlast 3", "# shop 1\nblog 7\n  shop\t 500  \n\nlast 3");
	assert_edit("shop 0", "shop 500");
	assert_edit("shop2 1\nshop 0 # no comment\n", "shop2 1\nshop 500\n");
	assert_edit("shop\n", "shop 500\n");
	assert_edit("shop 1\r\nblog 2\r\n", "shop 500\r\nblog 2\r\n");
}

static void a_key_that_is_missing_is_added_on_a_line_of_its_own(void **state)
{
	(void)state;
	assert_edit("", "shop 500\n");
	assert_edit("blog 1\n", "blog 1\nshop 500\n");
	assert_edit("blog 1", "blog 1\nshop 500\n");
	assert_edit("#shop 5\n", "#shop 5\nshop 500\n");
}

static void a_key_that_stands_there_twice_is_changed_twice(void **state)
{
	struct buf text = BUF_INIT;
	uint32_t value = 1;

	(void)state;
	assert_edit("shop 1\nblog 2\nshop 3\n", "shop 500\nblog 2\nshop 500\n");
	buf_add_str(&text, "shop 1\nshop 3\n");
	assert_int_equal(haproxy_map_find(&text, "shop", &value), -ENOENT);
	assert_int_equal(value, 1);
	buf_done(&text);
}

static void values_that_are_no_numbers_are_not_known(void **state)
{
	const char *const bad[] = {"shop\n", "shop 5%\n", "shop -1\n", "shop 99999999999\n", "shop 5 5\n",
		"# shop 5\n", "shop 0000000000000000000000000000005\n"};
	uint32_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf text = BUF_INIT;

		buf_add_str(&text, bad[i]);
		assert_int_equal(haproxy_map_find(&text, "shop", &value), -ENOENT);
		buf_done(&text);
	}
}

static void keys_are_plain_words(void **state)
{
	(void)state;
	assert_true(haproxy_map_key_valid("shop-2.eu_west"));
	assert_false(haproxy_map_key_valid(""));
	assert_false(haproxy_map_key_valid("a b"));
	assert_false(haproxy_map_key_valid("a;b"));
	assert_false(haproxy_map_key_valid("#a"));
	assert_false(haproxy_map_key_valid("a\nb"));
	assert_false(
		haproxy_map_key_valid("a2345678901234567890123456789012345678901234567890123456789012345"));
}

static const struct nginx_include include = {"my-shop", {"blue_up", "green_up"}};

static void assert_include(uint32_t share, bool applied, const char *expected)
{
	struct buf text = BUF_INIT;
	uint32_t read_share = 1;
	bool read_applied = !applied;

	nginx_include_write(&include, share, applied, &text);
	assert_string_equal(buf_str(&text), expected);
	assert_int_equal(nginx_include_read(&include, &text, &read_share, &read_applied), 0);
	assert_int_equal(read_share, share);
	assert_int_equal(read_applied, applied);
	buf_done(&text);
}

static void nginx_gets_a_block_that_says_its_share(void **state)
{
	(void)state;
	assert_include(505, false,
		"# Written by gavea; changes by hand are lost. Requests of my-shop that go to green, share: "
		"505\n"
		"# applied: no\nsplit_clients \"$gavea_my_shop_key\" $gavea_my_shop {\n\t5.05% "
		"green_up;\n\t* blue_up;\n}\n");
	assert_include(0, true,
		"# Written by gavea; changes by hand are lost. Requests of my-shop that go to green, share: "
		"0\n"
		"# applied: yes\nsplit_clients \"$gavea_my_shop_key\" $gavea_my_shop {\n\t* blue_up;\n}\n");
	assert_include(10000, true,
		"# Written by gavea; changes by hand are lost. Requests of my-shop that go to green, share: "
		"10000\n"
		"# applied: yes\nsplit_clients \"$gavea_my_shop_key\" $gavea_my_shop {\n\t* green_up;\n}\n");
}

static void a_block_that_was_changed_is_not_believed(void **state)
{
	struct buf text = BUF_INIT;
	uint32_t share;
	bool applied;

	(void)state;
	nginx_include_write(&include, 505, true, &text);
	text.data[text.size - 4] = 'x';
	assert_int_equal(nginx_include_read(&include, &text, &share, &applied), -EBADMSG);
	buf_reset(&text);
	assert_int_equal(nginx_include_read(&include, &text, &share, &applied), -EBADMSG);
	buf_add_str(&text, "share: 4294967297");
	assert_int_equal(nginx_include_read(&include, &text, &share, &applied), -EBADMSG);
	buf_done(&text);
	assert_false(nginx_word_valid("a b"));
	assert_false(nginx_word_valid("a;"));
	assert_false(nginx_word_valid("{"));
	assert_false(nginx_word_valid(""));
	assert_true(nginx_word_valid("shop_green-1.x"));
}

static char folder[] = "/tmp/gavea-test-swap-XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/map", folder);
	snprintf(other, sizeof other, "%s/link", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int store(const char *where, uint32_t value, struct error *error)
{
	return haproxy_map_store(where, "shop", value, clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC, error);
}

static void a_link_to_the_file_stays_one_and_the_mode_stays(void **state)
{
	uint32_t value;
	struct stat st;

	(void)state;
	write_text("shop 0\n");
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(symlink("map", other), 0);
	assert_int_equal(store(other, 500, NULL), 0);
	assert_int_equal(lstat(other, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(haproxy_map_load(path, "shop", &value, NULL), 0);
	assert_int_equal(value, 500);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_temporary_file_that_a_crash_left_is_no_obstacle(void **state)
{
	char left[80];

	(void)state;
	write_text("shop 0\n");
	snprintf(left, sizeof left, "%s/.map.gavea", folder);
	assert_int_equal(symlink("/dev/null", left), 0);
	assert_int_equal(store(path, 700, NULL), 0);
	assert_int_equal(access(left, F_OK), -1);
}

static void files_that_can_not_be_changed_are_named(void **state)
{
	struct error error = ERROR_INIT;
	char expected[256];

	(void)state;
	unlink(path);
	assert_int_equal(store(path, 1, &error), -ENOENT);
	snprintf(expected, sizeof expected,
		"%s: there is no such map, and HAProxy can't start without it: create it with the line "
		"\"shop 0\"",
		path);
	assert_string_equal(error.message, expected);
	assert_int_equal(store(folder, 1, &error), -EINVAL);
	snprintf(expected, sizeof expected, "%s: it is no regular file", folder);
	assert_string_equal(error.message, expected);
	error_done(&error);
}

static void who_waits_for_the_lock_gives_up_at_the_deadline(void **state)
{
	struct replace *first, *second;
	struct error error = ERROR_INIT;
	char expected[128];

	(void)state;
	write_text("shop 0\n");
	assert_int_equal(replace_begin(path, false, 0, &first, NULL), 0);
	assert_int_equal(replace_begin(path, false, 0, &second, &error), -ETIMEDOUT);
	snprintf(expected, sizeof expected, "%s: somebody else keeps its folder locked", path);
	assert_string_equal(error.message, expected);
	replace_free(first);
	assert_int_equal(replace_begin(path, false, 0, &second, NULL), 0);
	replace_free(second);
	error_done(&error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_changes_and_nothing_else),
		cmocka_unit_test(a_key_that_is_missing_is_added_on_a_line_of_its_own),
		cmocka_unit_test(a_key_that_stands_there_twice_is_changed_twice),
		cmocka_unit_test(values_that_are_no_numbers_are_not_known),
		cmocka_unit_test(keys_are_plain_words),
		cmocka_unit_test(nginx_gets_a_block_that_says_its_share),
		cmocka_unit_test(a_block_that_was_changed_is_not_believed),
		cmocka_unit_test(a_link_to_the_file_stays_one_and_the_mode_stays),
		cmocka_unit_test(a_temporary_file_that_a_crash_left_is_no_obstacle),
		cmocka_unit_test(files_that_can_not_be_changed_are_named),
		cmocka_unit_test(who_waits_for_the_lock_gives_up_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
