/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/source.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

static void a_file_is_read_anew_each_time(void **state)
{
	struct fixture fixture;
	struct source source = SOURCE_INIT;
	struct text text = TEXT_INIT;

	(void)state;
	fixture_init(&fixture);
	fixture_write(&fixture, "a/b", "one\n");
	assert_int_equal(source_open(&source, fixture.folder, "a/b"), 0);
	assert_false(source.kernel);
	assert_int_equal(source_read(&source, &text), 0);
	assert_string_equal(text.data, "one\n");
	fixture_write(&fixture, "a/b", "two and more\n");
	assert_int_equal(source_read(&source, &text), 0);
	assert_string_equal(text.data, "two and more\n");
	assert_int_equal(text.size, strlen("two and more\n"));
	fixture_write(&fixture, "a/b", "");
	assert_int_equal(source_read(&source, &text), 0);
	assert_string_equal(text.data, "");
	source_close(&source);
	assert_true(source.fd < 0);
	text_done(&text);
	fixture_done(&fixture);
}

static void a_file_larger_than_the_buffer_makes_it_grow_once(void **state)
{
	static const size_t sizes[] = {8190, 8191, 8192, 8193, 100000};
	struct fixture fixture;
	struct source source = SOURCE_INIT;
	struct text text = TEXT_INIT;
	char *content = malloc(100000);
	size_t room;

	(void)state;
	memset(content, 'x', 100000);
	fixture_init(&fixture);
	fixture_write(&fixture, "f", "");
	assert_int_equal(source_open(&source, fixture.folder, "f"), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fixture_write_n(&fixture, "f", content, sizes[i]);
		assert_int_equal(source_read(&source, &text), 0);
		assert_int_equal(text.size, sizes[i]);
		assert_int_equal(strlen(text.data), sizes[i]);
	}
	room = text.room;
	assert_int_equal(source_read(&source, &text), 0);
	assert_int_equal(text.room, room);
	free(content);
	source_close(&source);
	text_done(&text);
	fixture_done(&fixture);
}

static void an_enormous_file_is_refused(void **state)
{
	struct fixture fixture;
	struct source source = SOURCE_INIT;
	struct text text = TEXT_INIT;

	(void)state;
	fixture_init(&fixture);
	fixture_write(&fixture, "f", "");
	assert_int_equal(source_open(&source, fixture.folder, "f"), 0);
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/f", fixture.folder);
		assert_int_equal(truncate(path, 64 << 20), 0);
	}
	assert_int_equal(source_read(&source, &text), -EFBIG);
	source_close(&source);
	text_done(&text);
	fixture_done(&fixture);
}

static void a_file_that_is_missing_or_a_folder_is_an_error(void **state)
{
	struct fixture fixture;
	struct source source = SOURCE_INIT;
	struct text text = TEXT_INIT;

	(void)state;
	fixture_init(&fixture);
	assert_int_equal(source_open(&source, fixture.folder, "none"), -ENOENT);
	assert_true(source.fd < 0);
	assert_int_equal(source_open(&source, fixture.folder, "."), 0);
	assert_int_equal(source_read(&source, &text), -EISDIR);
	source_close(&source);
	text_done(&text);
	fixture_done(&fixture);
}

enum {
	PAGE = 4096,
	PAGES = 400,
};

/* Memory whose pages differ in their rights has a line each in /proc/self/maps: far more than the kernel
 * gives in one read. */
static void files_of_the_kernel_are_known_and_read_to_their_end(void **state)
{
	struct source source = {.fd = -1, .short_records = true};
	struct text text = TEXT_INIT;
	char last[64];
	char *memory;

	(void)state;
	memory = mmap(NULL, (size_t)PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(memory != MAP_FAILED);
	for (int i = 0; i < PAGES; i += 2)
		assert_int_equal(mprotect(memory + (size_t)i * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(source_open(&source, "/proc", "self/maps"), 0);
	assert_true(source.kernel);
	assert_int_equal(source_read(&source, &text), 0);
	assert_true(text.size > (size_t)4 * PAGE);
	assert_non_null(strstr(text.data, "[stack]"));
	for (int i = 0; i < PAGES; i += 2) {
		snprintf(last, sizeof(last), "%lx-", (unsigned long)(memory + (size_t)i * PAGE));
		assert_non_null(strstr(text.data, last));
	}
	source_close(&source);
	text_done(&text);
	munmap(memory, (size_t)PAGES * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_anew_each_time),
		cmocka_unit_test(a_file_larger_than_the_buffer_makes_it_grow_once),
		cmocka_unit_test(an_enormous_file_is_refused),
		cmocka_unit_test(a_file_that_is_missing_or_a_folder_is_an_error),
		cmocka_unit_test(files_of_the_kernel_are_known_and_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
