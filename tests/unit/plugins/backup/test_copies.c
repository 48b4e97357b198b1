/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/backup/copies.h"

static void assert_place(const char *address, const char *location, bool remote)
{
	struct place place;
	const char *path;

	assert_true(place_parse(address, "web1.example.org", &place, &path));
	assert_string_equal(place.location, location);
	assert_int_equal(place.remote, remote);
}

static void addresses_of_one_machine_or_bucket_are_one_place(void **state)
{
	(void)state;
	assert_place("sftp:u@nas:/a", "nas", true);
	assert_place("sftp://u:secret@nas:22/b", "nas", true);
	assert_place("rest:https://u:p@nas:8000/r", "nas", true);
	assert_place("ssh://u@[2001:db8::1]:22/./r", "[2001:db8::1]", true);
	assert_place("u@nas:/a", "nas", true);
	assert_place("s3:https://s3.example/web/a", "bucket web of s3.example", true);
	assert_place("s3:s3.example/web/b", "bucket web of s3.example", true);
	assert_place("b2:web:a", "bucket web", true);
}

static void addresses_of_this_machine_are_not_remote(void **state)
{
	(void)state;
	assert_place("sftp:u@localhost:/a", "this machine's server", false);
	assert_place("rest:http://127.0.0.1:8000/", "this machine's server", false);
	assert_place("ssh://web1/r", "this machine's server", false);
	assert_place("ssh://WEB1.example.org/r", "this machine's server", false);
	assert_place("ssh://web10/r", "web10", true);
}

static void paths_are_none(void **state)
{
	struct place place;
	const char *path;

	(void)state;
	assert_false(place_parse("/srv/a:b", "web1", &place, &path));
	assert_string_equal(path, "/srv/a:b");
	assert_false(place_parse("local:/srv/a", "web1", &place, &path));
	assert_string_equal(path, "/srv/a");
}

static void the_nearest_mount_counts_and_of_two_the_later(void **state)
{
	static const char mounts[] = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
				     "nonsense\n"
				     "2 1 8:2 / /srv rw shared:1 - ext4 /dev/sda2 rw\n"
				     "3 2 0:44 / /srv/my\\040nas rw - nfs4 nas:/export rw\n"
				     "4 1 8:17 / /srv rw - xfs /dev/sdb1 rw\n";
	struct place_mount mount;

	(void)state;
	assert_true(place_find_mount(mounts, "/srv2", &mount));
	assert_string_equal(mount.device, "8:1");
	assert_true(place_find_mount(mounts, "/srv/a", &mount));
	assert_string_equal(mount.device, "8:17");
	assert_true(place_find_mount(mounts, "/srv/my nas/a", &mount));
	assert_string_equal(mount.source, "nas:/export");
	assert_string_equal(mount.type, "nfs4");
	assert_false(place_find_mount("", "/", &mount));
}

static const struct copies_wanted three_two_one = {3, 2, true};

static struct copy make(
	const char *name, const char *location, enum place_medium medium, bool remote, bool in_time)
{
	struct copy copy = {.name = name, .place = {.medium = medium, .remote = remote}, .in_time = in_time};

	strcpy(copy.place.location, location);
	return copy;
}

static void assert_finding(
	const struct findings *findings, size_t at, enum gavea_status status, const char *text)
{
	assert_true(at < findings->count);
	assert_int_equal(findings->list[at].status, status);
	assert_string_equal(findings->list[at].text, text);
}

static void three_copies_on_two_media_with_one_elsewhere_are_ok(void **state)
{
	const struct copy copies[] = {make("/a", "disk sda", PLACE_DISK, false, true),
		make("/b", "disk sdb", PLACE_DISK, false, true),
		make("s3:x", "bucket x", PLACE_OBJECTS, true, true)};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	copies_judge(copies, 3, &three_two_one, &findings);
	assert_int_equal(findings.count, 3);
	assert_finding(&findings, 0, GAVEA_OK, "3 in time: disk sda, disk sdb, bucket x");
	assert_finding(&findings, 1, GAVEA_OK, "disk, object store");
	assert_finding(&findings, 2, GAVEA_OK, "bucket x");
}

static void two_on_one_disk_count_once(void **state)
{
	const struct copy copies[] = {make("/a", "disk sda", PLACE_DISK, false, true),
		make("/b", "disk sda", PLACE_DISK, false, true),
		make("s3:x", "bucket x", PLACE_OBJECTS, true, false)};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	copies_judge(copies, 3, &three_two_one, &findings);
	assert_finding(&findings, 0, GAVEA_CRITICAL,
		"1 copies in time are in places of their own, 3 are wanted (disk sda): two in the same place "
		"count "
		"once; move one");
	assert_finding(&findings, 1, GAVEA_WARNING,
		"the copies in time lie on 1 kinds of media (disk), 2 are wanted: add one on another kind");
	assert_finding(&findings, 2, GAVEA_WARNING,
		"the only copy on another machine, s3:x, holds no backup in time");
	copies_judge(copies, 2, &(struct copies_wanted){0}, &findings);
	assert_finding(&findings, 3, GAVEA_WARNING,
		"/a and /b lie in the same place (disk sda): what destroys one destroys both; move one");
}

static void places_that_are_not_there_are_not_the_same(void **state)
{
	const struct copy copies[] = {make("/a", "nowhere", PLACE_UNKNOWN, false, false),
		make("/b", "nowhere", PLACE_UNKNOWN, false, false)};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	copies_judge(copies, 2, &(struct copies_wanted){1, 0, true}, &findings);
	assert_finding(&findings, 0, GAVEA_CRITICAL,
		"0 copies in time are in places of their own, 1 are wanted: look why the others are late or "
		"missing");
	assert_finding(&findings, 1, GAVEA_WARNING,
		"no copy is on another machine: what destroys this one destroys all; add one elsewhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_one_machine_or_bucket_are_one_place),
		cmocka_unit_test(addresses_of_this_machine_are_not_remote),
		cmocka_unit_test(paths_are_none),
		cmocka_unit_test(the_nearest_mount_counts_and_of_two_the_later),
		cmocka_unit_test(three_copies_on_two_media_with_one_elsewhere_are_ok),
		cmocka_unit_test(two_on_one_disk_count_once),
		cmocka_unit_test(places_that_are_not_there_are_not_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
