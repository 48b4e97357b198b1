/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity.h"
#include "base/fd.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-identity-XXXXXX";

static char *path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static int setup(void **state)
{
	(void)state;
	log_set_level(getenv("DEBUG") ? 7 : -1);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	_cleanup_free_ char *id = path_of("state/agent-id"), *machine = path_of("state/agent-machine"),
			    *inner = path_of("state");

	(void)state;
	unlink(id);
	unlink(machine);
	rmdir(inner);
	return rmdir(folder);
}

static void write_id(const void *bytes, size_t size)
{
	_cleanup_free_ char *path = path_of("state/agent-id");

	assert_int_equal(file_write_atomic(AT_FDCWD, path, bytes, size, 0644), 0);
}

static struct identity load(void)
{
	_cleanup_free_ char *path = path_of("state");
	struct identity identity;

	assert_int_equal(identity_load(path, &identity), 0);
	assert_int_equal(strlen(identity.agent_id), 32);
	assert_int_equal(strspn(identity.agent_id, "0123456789abcdef"), 32);
	return identity;
}

static void it_is_made_once_with_its_folder_and_kept(void **state)
{
	struct identity first = load(), second = load();

	(void)state;
	assert_string_equal(first.agent_id, second.agent_id);
	assert_string_equal(first.machine_id, second.machine_id);
	assert_string_equal(first.boot_id, second.boot_id);
}

static void the_machine_s_own_id_is_not_shown(void **state)
{
	_cleanup_buf_ struct buf id = BUF_INIT;
	struct identity identity = load();

	(void)state;
	if (file_read(AT_FDCWD, "/etc/machine-id", 64, &id) < 0 || id.size < 32)
		skip();
	assert_true(strncmp(buf_str(&id), identity.machine_id, 32) != 0);
	assert_true(identity.machine_id[0] == 0 || strlen(identity.machine_id) == 32);
}

static void an_id_written_by_hand_is_taken_with_or_without_a_newline(void **state)
{
	const char id[] = "00112233445566778899aabbccddeeff\n";

	(void)state;
	write_id(id, 33);
	assert_memory_equal(load().agent_id, id, 32);
	write_id(id, 32);
	assert_memory_equal(load().agent_id, id, 32);
}

static void a_damaged_id_is_replaced_for_good(void **state)
{
	char large[5000];
	const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
		{"", 0},
		{"0011", 4},
		{"00112233445566778899AABBCCDDEEFF\n", 33},
		{"00112233445566778899aabbccddeeff00\n", 35},
		{"00112233445566778899aabbccddee\0f\n", 33},
		{"../../../../../../etc/passwd/xxxx", 32},
		{large, 65},
		{large, sizeof large},
	};

	(void)state;
	memset(large, 'a', sizeof large);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct identity first, second;

		write_id(bad[i].bytes, bad[i].size);
		first = load();
		second = load();
		assert_string_equal(first.agent_id, second.agent_id);
	}
}

static void a_copy_on_another_machine_takes_a_new_id_once(void **state)
{
	const char other[] = "0123456789abcdef0123456789abcdef\n";
	_cleanup_free_ char *path = path_of("state/agent-machine");
	struct identity original = load(), copy, again;

	(void)state;
	if (!original.machine_id[0])
		skip();
	assert_int_equal(file_write_atomic(AT_FDCWD, path, other, strlen(other), 0644), 0);
	copy = load();
	again = load();
	assert_string_not_equal(copy.agent_id, original.agent_id);
	assert_string_equal(again.agent_id, copy.agent_id);
}

static void a_machine_that_was_never_noted_is_no_reason_for_a_new_id(void **state)
{
	_cleanup_free_ char *path = path_of("state/agent-machine");
	struct identity first = load(), second;

	(void)state;
	unlink(path);
	second = load();
	assert_string_equal(first.agent_id, second.agent_id);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "junk", 4, 0644), 0);
	second = load();
	assert_string_equal(first.agent_id, second.agent_id);
}

static void where_it_cannot_be_kept_it_lives_for_this_run(void **state)
{
	struct identity first, second;

	(void)state;
	assert_int_equal(identity_load("/proc/no-such-folder", &first), 0);
	assert_int_equal(identity_load("/proc/no-such-folder", &second), 0);
	assert_int_equal(strlen(first.agent_id), 32);
	assert_string_not_equal(first.agent_id, second.agent_id);
	assert_string_equal(first.machine_id, second.machine_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_once_with_its_folder_and_kept),
		cmocka_unit_test(the_machine_s_own_id_is_not_shown),
		cmocka_unit_test(an_id_written_by_hand_is_taken_with_or_without_a_newline),
		cmocka_unit_test(a_damaged_id_is_replaced_for_good),
		cmocka_unit_test(a_copy_on_another_machine_takes_a_new_id_once),
		cmocka_unit_test(a_machine_that_was_never_noted_is_no_reason_for_a_new_id),
		cmocka_unit_test(where_it_cannot_be_kept_it_lives_for_this_run),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
