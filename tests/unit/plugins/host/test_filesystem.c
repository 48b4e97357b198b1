/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems are judged by, on real ones in a mount namespace of the test's own, with a clock that it sets. */
#include "fixture.h"

#include "base/clock.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>

#include <cmocka.h>

#define MINUTE (60 * NSEC_PER_SEC)

enum {
	SIZE_KIB = 10000,
};

struct test {
	struct fixture fixture;
	union {
		struct fixture_host host;
		struct fake_host fake;
	};
	void *state;
	char folder[128]; /* that the file system is mounted on */
	bool mounted;
};

/* Moves into a mount namespace of its own, if it may. */
static bool enter_namespace(void)
{
	return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	char link[128];

	fixture_host_init(&test->host, &test->fixture);
	test->host.now = 1000 * MINUTE;
	fake_set(&test->fake, "collectors", "filesystem");
	fake_set(&test->fake, "processes", "never");
	fixture_write(&test->fixture, "sys/kernel/random/boot_id", "6c0ffee0-0000-4000-8000-000000000001\n");
	fixture_write(&test->fixture, "m/covered", "");
	snprintf(test->folder, sizeof(test->folder), "%s/m", test->fixture.folder);
	snprintf(link, sizeof(link), "%s/1", test->fixture.folder);
	*state = test;
	if (symlink("/proc/self", link) < 0)
		return -1;
	test->mounted =
		enter_namespace() && mount("x", test->folder, "tmpfs", 0, "size=10000k,nr_inodes=100") == 0;
	return 0;
}

static void stop(struct test *test)
{
	if (test->state)
		test->fake.plugin->close(&test->fake.check, test->state);
	test->state = NULL;
}

static int teardown(void **state)
{
	struct test *test = *state;

	stop(test);
	if (test->mounted)
		umount2(test->folder, MNT_DETACH);
	fake_done(&test->fake);
	fixture_done(&test->fixture);
	free(test);
	return 0;
}

static const struct fake_item *run(struct test *test)
{
	const struct fake_item *item;

	if (!test->state)
		assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_int_equal(fake_run(&test->fake, test->state), 0);
	item = fake_find_item(&test->fake, test->folder);
	assert_non_null(item);
	return item;
}

static void fill(struct test *test, const char *name, size_t kib)
{
	char path[64], *bytes = calloc(kib ? kib : 1, 1024);

	snprintf(path, sizeof(path), "m/%s", name);
	fixture_write_n(&test->fixture, path, bytes, kib * 1024);
	free(bytes);
}

/* Runs for so many minutes, in each of which a file grows by so much. */
static const struct fake_item *minutes(struct test *test, int count, size_t *kib, size_t step)
{
	const struct fake_item *item = NULL;

	for (int i = 0; i < count; i++) {
		*kib += step;
		fill(test, "log", *kib);
		test->host.now += MINUTE;
		item = run(test);
	}
	return item;
}

static void a_file_system_that_fills_fast_is_foretold(void **state)
{
	struct test *test = *state;
	const struct fake_item *item;
	size_t kib = 6500;

	if (!test->mounted)
		skip();
	assert_int_equal(minutes(test, 6, &kib, 60)->status, GAVEA_OK);
	item = minutes(test, 12, &kib, 60);
	assert_int_equal(item->status, GAVEA_CRITICAL);
	assert_non_null(strstr(item->text, "% used, "));
	assert_non_null(strstr(item->text, "; full in "));
	/* It stops. */
	assert_int_equal(minutes(test, 16, &kib, 0)->status, GAVEA_OK);
}

/* The time of day did not go on with the test's clock: moves what was saved back by as much. */
static void age_points(struct test *test, int64_t ns)
{
	char key[160], *bytes;
	int64_t time;

	snprintf(key, sizeof(key), "fs:%s", test->folder);
	bytes = fake_value(&test->fake, key)->bytes;
	for (size_t at = 16; at < fake_value(&test->fake, key)->size; at += 16) {
		memcpy(&time, bytes + at, sizeof(time));
		time -= ns;
		memcpy(bytes + at, &time, sizeof(time));
	}
}

static void the_trend_outlives_the_worker(void **state)
{
	struct test *test = *state;
	size_t kib = 6500;

	if (!test->mounted)
		skip();
	assert_int_equal(minutes(test, 18, &kib, 60)->status, GAVEA_CRITICAL);
	test->host.now += 10 * MINUTE; /* it is saved */
	fill(test, "log", kib += 600);
	run(test);
	stop(test);
	age_points(test, 28 * MINUTE);
	assert_int_equal(run(test)->status, GAVEA_CRITICAL);
}

static void below_the_use_that_is_configured_the_trend_does_not_count(void **state)
{
	struct test *test = *state;
	size_t kib = 1000;

	if (!test->mounted)
		skip();
	assert_int_equal(minutes(test, 20, &kib, 200)->status, GAVEA_OK);
}

static void a_file_system_that_loses_its_inodes_is_named_for_them(void **state)
{
	struct test *test = *state;

	if (!test->mounted)
		skip();
	assert_int_equal(run(test)->status, GAVEA_OK);
	for (int i = 0; i < 93; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		fill(test, name, 0);
	}
	assert_int_equal(run(test)->status, GAVEA_WARNING);
	assert_non_null(strstr(run(test)->text, "% of the inodes used; "));
}

#define TURNED "turned read-only: nothing can be written; "

static void a_file_system_that_turns_read_only_is_critical_over_restarts(void **state)
{
	struct test *test = *state;

	if (!test->mounted)
		skip();
	assert_int_equal(run(test)->status, GAVEA_OK);
	assert_int_equal(mount("x", test->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
	assert_int_equal(run(test)->status, GAVEA_CRITICAL);
	assert_int_equal(strncmp(run(test)->text, TURNED, strlen(TURNED)), 0);
	stop(test);
	assert_int_equal(run(test)->status, GAVEA_CRITICAL);
	stop(test);
	fake_set(&test->fake, "disk_readonly", "warning");
	assert_int_equal(run(test)->status, GAVEA_WARNING);
	/* Who boots with it read-only means it so. */
	stop(test);
	fixture_write(&test->fixture, "sys/kernel/random/boot_id", "6c0ffee0-0000-4000-8000-000000000002\n");
	assert_int_equal(run(test)->status, GAVEA_OK);
	assert_non_null(strstr(run(test)->text, "% used, read-only"));
}

static void a_file_system_beneath_a_writable_mount_that_is_read_only_failed(void **state)
{
	struct test *test = *state;

	if (!test->mounted)
		skip();
	assert_int_equal(mount("x", test->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
	assert_int_equal(mount(NULL, test->folder, NULL, MS_REMOUNT | MS_BIND, NULL), 0);
	assert_int_equal(run(test)->status, GAVEA_CRITICAL);
}

static void a_mount_that_is_gone_is_forgotten(void **state)
{
	struct test *test = *state;
	char key[160];

	if (!test->mounted)
		skip();
	snprintf(key, sizeof(key), "fs:%s", test->folder);
	run(test);
	assert_non_null(fake_value(&test->fake, key)->bytes);
	assert_int_equal(umount(test->folder), 0);
	test->mounted = false;
	assert_int_equal(fake_run(&test->fake, test->state), 0);
	assert_null(fake_find_item(&test->fake, test->folder));
	assert_null(fake_value(&test->fake, key)->bytes);
}

static void state_of_another_form_is_not_believed(void **state)
{
	struct test *test = *state;
	char key[160], junk[1040];

	if (!test->mounted)
		skip();
	memset(junk, 0xff, sizeof(junk));
	snprintf(key, sizeof(key), "fs:%s", test->folder);
	for (size_t size = 0; size <= sizeof(junk); size += 8) {
		fake_state_set(&test->fake.check, key, junk, size);
		fake_state_set(&test->fake.check, "oom", junk, size);
		fake_state_set(&test->fake.check, "saved", junk, 8);
		assert_int_equal(run(test)->status, GAVEA_OK);
		stop(test);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_system_that_fills_fast_is_foretold),
		TEST(the_trend_outlives_the_worker),
		TEST(below_the_use_that_is_configured_the_trend_does_not_count),
		TEST(a_file_system_that_loses_its_inodes_is_named_for_them),
		TEST(a_file_system_that_turns_read_only_is_critical_over_restarts),
		TEST(a_file_system_beneath_a_writable_mount_that_is_read_only_failed),
		TEST(a_mount_that_is_gone_is_forgotten),
		TEST(state_of_another_form_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
