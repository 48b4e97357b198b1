/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of the host: items, their statuses and the summary, on made-up files and a clock that the test sets. */
#include "host_test.h"

#include "plugins/host/collector.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/utsname.h>

#include <cmocka.h>

#define MINUTE (60 * NSEC_PER_SEC)
#define STEAL "the hypervisor gave "

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	fixture_host_init(&test->host, &test->fixture);
	test->host.now = 1000 * MINUTE;
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "processes", "never");
	fixture_write(&test->fixture, "sys/kernel/random/boot_id", "6c0ffee0-0000-4000-8000-000000000001\n");
	*state = test;
	return 0;
}

static const struct fake_item *item(struct test *test, const char *name)
{
	const struct fake_item *found = fake_find_item(&test->fake, name);

	assert_non_null(found);
	return found;
}

#define assert_item(test, name, expected_status, expected_text) \
	do { \
		assert_string_equal(item(test, name)->text, expected_text); \
		assert_int_equal(item(test, name)->status, expected_status); \
	} while (0)

static void what_is_wrong_begins_the_summary(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "meminfo,loadavg,filefd");
	fixture_write(&test->fixture, "loadavg", "0.31 0 0 1/1 1\n");
	fixture_write(&test->fixture, "sys/fs/file-nr", "96\t0\t100\n");
	fixture_write(&test->fixture, "meminfo", "MemTotal: 1000 kB\nMemAvailable: 40 kB\n");
	run(test);
	assert_string_equal(test->fake.summary,
		"2 of 2 wrong: file descriptors: 96 open, 96 % of what may be; find who leaks them (lsof), "
		"or raise "
		"fs.file-max; memory: 4 % available; load 0.31, memory 96 % used");
	assert_int_equal(item(test, "file descriptors")->status, GAVEA_CRITICAL);
}

static void files_that_are_open_are_compared_with_the_hosts_limit(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "filefd");
	fixture_write(&test->fixture, "sys/fs/file-nr", "80\t0\t100\n");
	run(test);
	assert_item(test, "file descriptors", GAVEA_OK, "80 open, 80 % of what may be");
	fixture_write(&test->fixture, "sys/fs/file-nr", "81\t0\t100\n");
	run(test);
	assert_int_equal(item(test, "file descriptors")->status, GAVEA_WARNING);
	fixture_write(&test->fixture, "sys/fs/file-nr", "81\t0\n");
	run(test);
	assert_null(fake_find_item(&test->fake, "file descriptors"));
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
}

static void memory_that_is_not_told_is_unknown(void **state)
{
	struct test *test = *state;
	char expected[256];

	fake_set(&test->fake, "collectors", "meminfo");
	fixture_write(&test->fixture, "meminfo", "MemTotal: 1000 kB\nMemFree: 40 kB\n");
	snprintf(expected, sizeof(expected), "%s/meminfo does not say what is available",
		test->fixture.folder);
	run(test);
	assert_item(test, "memory", GAVEA_UNKNOWN, expected);
}

static void pressure(struct test *test, const char *name, const char *kind, double minute, double five)
{
	char text[256], file[64];

	snprintf(file, sizeof(file), "pressure/%s", name);
	snprintf(text, sizeof(text),
		"some avg10=99.00 avg60=%.2f avg300=%.2f total=1\n%s avg10=99.00 avg60=%.2f avg300=%.2f "
		"total=1\n",
		strcmp(kind, "some") == 0 ? minute : 0, strcmp(kind, "some") == 0 ? five : 0, "full",
		strcmp(kind, "full") == 0 ? minute : 0, strcmp(kind, "full") == 0 ? five : 0);
	fixture_write(&test->fixture, file, text);
}

static void pressure_counts_when_it_lasts_and_is_not_over(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "pressure");
	pressure(test, "memory", "full", 90, 5); /* a spike */
	pressure(test, "io", "full", 20, 95); /* over */
	pressure(test, "cpu", "some", 85, 90);
	run(test);
	assert_item(test, "pressure memory", GAVEA_OK, "all work waits for memory 5 % of the time");
	assert_int_equal(item(test, "pressure io")->status, GAVEA_OK);
	assert_item(test, "pressure cpu", GAVEA_WARNING,
		"tasks wait for a CPU 85 % of the time; stop or move what uses them, or add CPUs");
	pressure(test, "memory", "full", 41, 50);
	pressure(test, "io", "full", 51, 60);
	run(test);
	assert_item(test, "pressure memory", GAVEA_CRITICAL,
		"all work waits for memory 41 % of the time; stop or move what uses it, or add memory");
	assert_int_equal(item(test, "pressure io")->status, GAVEA_WARNING);
}

static void cpu(struct test *test, unsigned user, unsigned stolen)
{
	char text[256];

	snprintf(text, sizeof(text), "cpu  %u 0 0 0 0 0 0 %u 0 0\ncpu0 %u 0 0 0 0 0 0 %u 0 0\n", user, stolen,
		user, stolen);
	fixture_write(&test->fixture, "stat", text);
	run(test);
	test->host.now += 30 * NSEC_PER_SEC;
}

static void steal_counts_over_five_minutes(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "cpu");
	cpu(test, 9000, 1000); /* since boot */
	assert_item(test, "steal", GAVEA_OK, STEAL "10.0 % of the CPU time to others");
	for (unsigned i = 1; i <= 9; i++)
		cpu(test, 9000 + i * 100, 1000 + i * 100);
	assert_item(test, "steal", GAVEA_WARNING,
		STEAL
		"16.1 % of the CPU time to others; move this VM, or its neighbours, to a host with room");
	cpu(test, 10000, 2000);
	assert_int_equal(item(test, "steal")->status, GAVEA_CRITICAL);
	for (unsigned i = 1; i <= 12; i++)
		cpu(test, 10000 + i * 100, 2000);
	assert_item(test, "steal", GAVEA_OK, STEAL "0.0 % of the CPU time to others");
}

static void times_that_go_back_begin_anew(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "cpu");
	cpu(test, 9000, 8000);
	assert_int_equal(item(test, "steal")->status, GAVEA_CRITICAL);
	cpu(test, 90, 80); /* another hypervisor */
	assert_item(test, "steal", GAVEA_OK, STEAL "0.0 % of the CPU time to others");
	cpu(test, 190, 80);
	assert_item(test, "steal", GAVEA_OK, STEAL "0.0 % of the CPU time to others");
}

static void oom(struct test *test, unsigned count)
{
	char text[64];

	snprintf(text, sizeof(text), "pgpgin 1\noom_kill %u\n", count);
	fixture_write(&test->fixture, "vmstat", text);
	fake_set(&test->fake, "collectors", "vmstat");
	run(test);
}

static void processes_that_the_kernel_ended_are_a_warning_for_an_hour(void **state)
{
	struct test *test = *state;

	oom(test, 3);
	assert_item(test, "oom kills", GAVEA_OK, "3 since boot");
	assert_int_equal(test->fake.event_count, 0);
	oom(test, 5);
	assert_item(test, "oom kills", GAVEA_WARNING,
		"2 processes ended for want of memory, the last just now; the kernel's log names them "
		"(journalctl -k -g "
		"oom-kill)");
	assert_int_equal(test->fake.event_count, 1);
	assert_string_equal(test->fake.events[0].kind, "oom-kill");
	test->host.now += 60 * MINUTE;
	oom(test, 5);
	assert_int_equal(item(test, "oom kills")->status, GAVEA_WARNING);
	test->host.now += MINUTE;
	oom(test, 5);
	assert_item(test, "oom kills", GAVEA_OK, "5 since boot");
	oom(test, 6);
	assert_non_null(strstr(item(test, "oom kills")->text, "1 process ended"));
}

static void processes_that_ended_while_no_worker_ran_are_seen(void **state)
{
	struct test *test = *state;

	oom(test, 3);
	stop(test);
	test->host.now += 2 * MINUTE;
	oom(test, 4);
	assert_int_equal(item(test, "oom kills")->status, GAVEA_WARNING);
	stop(test);
	oom(test, 4);
	assert_int_equal(item(test, "oom kills")->status, GAVEA_WARNING);
	/* After a boot the kernel counts anew. */
	stop(test);
	fake_set(&test->fake, "oom_remember", "0");
	fixture_write(&test->fixture, "sys/kernel/random/boot_id", "6c0ffee0-0000-4000-8000-000000000002\n");
	oom(test, 0);
	assert_int_equal(item(test, "oom kills")->status, GAVEA_OK);
	stop(test);
	oom(test, 1);
	assert_int_equal(item(test, "oom kills")->status, GAVEA_WARNING);
}

static void state_is_saved_each_ten_minutes(void **state)
{
	struct test *test = *state;

	oom(test, 3);
	assert_int_equal(test->fake.commits, 1);
	for (int i = 0; i < 9; i++) {
		test->host.now += MINUTE;
		oom(test, 3);
	}
	assert_int_equal(test->fake.commits, 1);
	test->host.now += MINUTE;
	oom(test, 3);
	assert_int_equal(test->fake.commits, 2);
	oom(test, 4); /* at once */
	assert_int_equal(test->fake.commits, 3);
}

/* The judge by itself: what the kernel's clock says can't be made up. */
static void judge(struct test *test, const char *ntp, bool synchronised, double error)
{
	struct collection collection = {0};
	void *clock = calloc(1, judge_clock.state_size);

	fake_set(&test->fake, "ntp", ntp);
	fake_begin(&test->fake);
	assert_int_equal(collection_open(&collection, &test->fake.check), 0);
	collection_begin(&collection);
	collection.facts.clock_synchronised = synchronised;
	collection.facts.clock_error = error;
	assert_int_equal(judge_clock.open(clock, &collection), 0);
	assert_int_equal(judge_clock.collect(clock, &collection, 0, ""), 0);
	free(clock);
	collection_done(&collection);
}

static void a_clock_that_nobody_keeps_has_no_item(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "clock_grace", "0");
	judge(test, "auto", false, 16);
	assert_null(fake_find_item(&test->fake, "clock"));
	judge(test, "off", false, 16);
	assert_null(fake_find_item(&test->fake, "clock"));
}

static void a_clock_with_a_client_must_be_synchronised(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "clock_grace", "0");
	fixture_write(&test->fixture, "run/systemd/system/x", "");
	judge(test, "auto", false, 16);
	assert_null(fake_find_item(&test->fake, "clock"));
	fixture_write(&test->fixture, "etc/systemd/system/multi-user.target.wants/chrony.service", "");
	judge(test, "auto", false, 16);
	assert_item(test, "clock", GAVEA_WARNING,
		"not synchronised; see timedatectl timesync-status or chronyc tracking, and whether UDP port "
		"123 gets out");
	fixture_write(&test->fixture, "run/systemd/container", "systemd-nspawn");
	judge(test, "auto", false, 16);
	assert_null(fake_find_item(&test->fake, "clock"));
	judge(test, "required", false, 16);
	assert_int_equal(item(test, "clock")->status, GAVEA_CRITICAL);
	fake_set(&test->fake, "clock_grace", "36500d");
	judge(test, "required", false, 16);
	assert_item(test, "clock", GAVEA_OK, "not synchronised yet");
}

static void a_clock_that_may_be_wrong_by_much_is_a_warning(void **state)
{
	struct test *test = *state;

	judge(test, "auto", true, 0.0021);
	assert_item(test, "clock", GAVEA_OK, "synchronised, wrong by at most 0.002 s");
	judge(test, "auto", true, 5.1);
	assert_item(test, "clock", GAVEA_WARNING,
		"may be wrong by 5.1 s: the time server has not answered for long; see timedatectl "
		"timesync-status or "
		"chronyc sources");
}

static void a_reboot_that_an_upgrade_asks_for_is_a_warning(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "time");
	fake_set(&test->fake, "reboot_required", "warning");
	run(test);
	assert_item(test, "reboot", GAVEA_OK, "none is asked for");
	fixture_write(&test->fixture, "run/reboot-required", "");
	run(test);
	assert_int_equal(item(test, "reboot")->status, GAVEA_OK); /* it looks once a minute */
	test->host.now += MINUTE;
	run(test);
	assert_item(test, "reboot", GAVEA_WARNING,
		"an upgrade asks for a reboot; /run/reboot-required.pkgs names the packages");
}

static void a_newer_kernel_of_the_same_flavour_asks_for_a_reboot(void **state)
{
	struct test *test = *state;
	struct utsname names;
	char path[256], expected[512];

	assert_int_equal(uname(&names), 0);
	fake_set(&test->fake, "collectors", "time");
	fake_set(&test->fake, "reboot_required", "warning");
	fixture_write(&test->fixture, "boot/vmlinuz-999.1-other-flavour", "");
	snprintf(path, sizeof(path), "boot/vmlinuz-999%.128s", names.release);
	fixture_write(&test->fixture, path, "");
	run(test);
	/* The running one is not among them: it came from elsewhere. */
	assert_int_equal(item(test, "reboot")->status, GAVEA_OK);
	snprintf(expected, sizeof(expected), "kernel %s is installed, %s runs: reboot",
		path + strlen("boot/vmlinuz-"), names.release);
	snprintf(path, sizeof(path), "boot/vmlinuz-%.128s", names.release);
	fixture_write(&test->fixture, path, "");
	test->host.now += MINUTE;
	run(test);
	assert_item(test, "reboot", GAVEA_WARNING, expected);
}

static void disks_that_fail_are_named(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "time");
	run(test);
	assert_null(fake_find_item(&test->fake, "disks"));
	fixture_write(&test->fixture, "block/sda/device/state", "running\n");
	fixture_write(&test->fixture, "block/sda/device/ioerr_cnt", "0x4\n");
	fixture_write(&test->fixture, "block/nvme0n1/device/state", "live\n");
	test->host.now += MINUTE;
	run(test);
	assert_item(test, "disks", GAVEA_OK, "no errors");
	fixture_write(&test->fixture, "block/sda/device/ioerr_cnt", "0x14\n");
	fixture_write(&test->fixture, "fs/ext4/vda1/errors_count", "2\n");
	test->host.now += MINUTE;
	run(test);
	assert_item(test, "disks", GAVEA_WARNING,
		"ext4 on vda1 has 2 errors on record: run fsck on it; sda had 16 more errors: see dmesg and "
		"smartctl -a "
		"/dev/sda");
	assert_string_equal(test->fake.events[0].kind, "disk-error");
	fixture_write(&test->fixture, "block/sda/device/state", "offline\n");
	fixture_write(&test->fixture, "fs/ext4/vda1/errors_count", "0\n");
	test->host.now += 120 * MINUTE;
	run(test);
	assert_item(test, "disks", GAVEA_CRITICAL,
		"sda is offline: its cable, controller or the disk itself failed");
}

static void raid(struct test *test, const char *text)
{
	fake_set(&test->fake, "collectors", "mdadm");
	fixture_write(&test->fixture, "mdstat", text);
	run(test);
}

static void an_array_that_lacks_a_disk_is_critical(void **state)
{
	struct test *test = *state;

	raid(test, "md0 : active raid1 sdb1[1] sda1[0]\n      1048 blocks [2/2] [UU]\n\n");
	assert_item(test, "raid md0", GAVEA_OK, "2 disks");
	raid(test, "md0 : active raid1 sdb1[1](F) sda1[0]\n      1048 blocks [2/1] [U_]\n\n");
	assert_item(test, "raid md0", GAVEA_CRITICAL,
		"degraded: 1 of 2 disks; replace the one that failed (mdadm --detail /dev/md0)");
	raid(test, "md0 : active raid1 sdc1[2] sdb1[1](F) sda1[0]\n      1048 blocks [2/2] [UU]\n\n");
	assert_item(test, "raid md0", GAVEA_WARNING,
		"1 failed disk, none missing; remove it (mdadm --detail /dev/md0)");
	raid(test, "md0 : active raid1 sda1[0]\n      what\n");
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_wrong_begins_the_summary),
		TEST(files_that_are_open_are_compared_with_the_hosts_limit),
		TEST(memory_that_is_not_told_is_unknown),
		TEST(pressure_counts_when_it_lasts_and_is_not_over),
		TEST(steal_counts_over_five_minutes),
		TEST(times_that_go_back_begin_anew),
		TEST(processes_that_the_kernel_ended_are_a_warning_for_an_hour),
		TEST(processes_that_ended_while_no_worker_ran_are_seen),
		TEST(state_is_saved_each_ten_minutes),
		TEST(a_clock_that_nobody_keeps_has_no_item),
		TEST(a_clock_with_a_client_must_be_synchronised),
		TEST(a_clock_that_may_be_wrong_by_much_is_a_warning),
		TEST(a_reboot_that_an_upgrade_asks_for_is_a_warning),
		TEST(a_newer_kernel_of_the_same_flavour_asks_for_a_reboot),
		TEST(disks_that_fail_are_named),
		TEST(an_array_that_lacks_a_disk_is_critical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
