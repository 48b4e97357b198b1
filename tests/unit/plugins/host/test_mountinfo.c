/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/mountinfo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_line_gives_device_mount_point_and_type(void **state)
{
	struct mount mount;

	(void)state;
	assert_int_equal(
		mount_parse("27 1 254:0 / /srv/data rw,relatime - ext4 /dev/vda rw,discard\nnext", &mount),
		0);
	assert_string_equal(mount.device, "/dev/vda");
	assert_string_equal(mount.mount_point, "/srv/data");
	assert_string_equal(mount.type, "ext4");
	mount_done(&mount);
	assert_null(mount.device);
}

static void optional_fields_are_passed_over(void **state)
{
	struct mount mount;

	(void)state;
	assert_int_equal(
		mount_parse("36 35 98:0 /m /n rw shared:1 master:2 unbindable - xfs /dev/b rw", &mount), 0);
	assert_string_equal(mount.mount_point, "/n");
	assert_string_equal(mount.type, "xfs");
	mount_done(&mount);
}

static void octal_escapes_are_undone(void **state)
{
	struct mount mount;

	(void)state;
	assert_int_equal(
		mount_parse("1 2 3:4 / /a\\040b\\011c\\134d\\012e rw - nfs srv:/x\\040y rw", &mount), 0);
	assert_string_equal(mount.mount_point, "/a b\tc\\d\ne");
	assert_string_equal(mount.device, "srv:/x y");
	mount_done(&mount);
}

static void a_backslash_that_is_no_escape_stays(void **state)
{
	struct mount mount;

	(void)state;
	assert_int_equal(mount_parse("1 2 3:4 / /a\\9\\000\\777\\04 rw - ext4 \\ rw", &mount), 0);
	assert_string_equal(mount.mount_point, "/a\\9\\000\\777\\04");
	assert_string_equal(mount.device, "\\");
	mount_done(&mount);
}

static void a_mount_point_that_is_a_dash_is_not_taken_for_the_separator(void **state)
{
	struct mount mount;

	(void)state;
	assert_int_equal(mount_parse("1 2 3:4 - - rw - ext4 /dev/a rw", &mount), 0);
	assert_string_equal(mount.mount_point, "-");
	assert_string_equal(mount.type, "ext4");
	mount_done(&mount);
}

static void options_tell_whether_it_may_be_written_to_and_whether_it_failed(void **state)
{
	static const struct {
		const char *line;
		bool writable, failed;
	} cases[] = {
		{"1 2 3:4 / /a rw - ext4 /dev/a rw", true, false},
		{"1 2 3:4 / /a relatime,rw - ext4 /dev/a ro", true, false},
		{"1 2 3:4 / /a ro,relatime - ext4 /dev/a rw", false, false},
		{"1 2 3:4 / /a rwx - ext4 /dev/a", false, false},
		{"1 2 3:4 / /a rw - ext4 /dev/a rw,emergency_ro,errors=remount-ro", true, true},
		{"1 2 3:4 / /a rw - ext4 /dev/a rw,emergency_ro\n", true, true},
		{"1 2 3:4 / /a rw - ext4 /dev/a rw,not_emergency_ro", true, false},
	};
	struct mount mount;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mount_parse(cases[i].line, &mount), 0);
		assert_int_equal(mount.writable, cases[i].writable);
		assert_int_equal(mount.failed, cases[i].failed);
		mount_done(&mount);
	}
}

static void what_is_no_line_is_refused(void **state)
{
	static const char *const lines[] = {"", "\n", "1 2 3", "1 2 3:4 / /a rw",
		"1 2 3:4 / /a rw shared:1 ext4 x rw", "1 2 3:4 / /a rw -", "1 2 3:4 / /a rw - ext4",
		"1 2 3:4 / /a rw - ext4\n/dev/vda rw"};
	struct mount mount;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(mount_parse(lines[i], &mount), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_gives_device_mount_point_and_type),
		cmocka_unit_test(optional_fields_are_passed_over),
		cmocka_unit_test(octal_escapes_are_undone),
		cmocka_unit_test(a_backslash_that_is_no_escape_stays),
		cmocka_unit_test(a_mount_point_that_is_a_dash_is_not_taken_for_the_separator),
		cmocka_unit_test(options_tell_whether_it_may_be_written_to_and_whether_it_failed),
		cmocka_unit_test(what_is_no_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
