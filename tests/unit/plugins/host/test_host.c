/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole, on made-up files. */
#include "host_test.h"
#include "tests/support/fake_host.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#define CPU_IDLE "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}"

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	fixture_host_init(&test->host, &test->fixture);
	*state = test;
	return 0;
}

#define assert_value(test, name, number) \
	do { \
		assert_true(fake_has(&(test)->fake, name)); \
		assert_true(fake_find(&(test)->fake, name)->value == (number)); \
	} while (0)

static void every_mode_of_every_cpu_has_its_seconds(void **state)
{
	struct test *test = *state;

	run_with(test, "cpu", "stat",
		"cpu  30 0 0 0 0 0 0 0 0 0\ncpu0 11 2 3 456789 5 6 7 8 9 10\ncpu7 1 1 1 1 1 1 1 1 1 1\nintr "
		"5 1 2\n");
	assert_value(test, "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", 0.11);
	assert_value(test, CPU_IDLE, 4567.89);
	assert_value(test, "node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"}", 0.08);
	assert_value(test, "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"}", 0.09);
	assert_value(test, "node_cpu_guest_seconds_total{cpu=\"7\",mode=\"nice\"}", 0.01);
	assert_int_equal(test->fake.sample_count, 20);
	assert_int_equal(fake_find(&test->fake, CPU_IDLE)->type, GAVEA_COUNTER);
	assert_string_equal(fake_find(&test->fake, CPU_IDLE)->unit, "seconds");
	assert_int_equal(test->fake.status, GAVEA_OK);
	assert_string_equal(test->fake.summary, "2 CPUs");
}

static void a_counter_of_a_cpu_that_steps_back_a_little_keeps_its_value(void **state)
{
	struct test *test = *state;

	run_with(test, "cpu", "stat", "cpu0 1 0 0 1000 50 0 0 0 0 0\n");
	run_with(test, "cpu", "stat", "cpu0 2 0 0 998 40 0 0 0 0 0\n");
	assert_value(test, CPU_IDLE, 10.0);
	assert_value(test, "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"}", 0.5);
	assert_value(test, "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", 0.02);
}

static void a_cpu_that_was_taken_out_and_put_in_starts_anew(void **state)
{
	struct test *test = *state;

	run_with(test, "cpu", "stat", "cpu0 500 0 0 1000 50 0 0 0 0 0\n");
	run_with(test, "cpu", "stat", "cpu0 2 0 0 700 0 0 0 0 0 0\n");
	assert_value(test, CPU_IDLE, 7.0);
	assert_value(test, "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", 0.02);
}

static void a_cpu_that_goes_away_has_no_samples_and_the_same_series_when_it_is_back(void **state)
{
	struct test *test = *state;
	size_t series;

	run_with(test, "cpu", "stat", "cpu0 1 0 0 1 0 0 0 0 0 0\ncpu1 1 0 0 1 0 0 0 0 0 0\n");
	series = test->fake.series_count;
	run_with(test, "cpu", "stat", "cpu1 2 0 0 2 0 0 0 0 0 0\n");
	assert_false(fake_has(&test->fake, CPU_IDLE));
	assert_value(test, "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"}", 0.02);
	run_with(test, "cpu", "stat", "cpu0 1 0 0 3 0 0 0 0 0 0\ncpu1 2 0 0 2 0 0 0 0 0 0\n");
	assert_value(test, CPU_IDLE, 0.03);
	assert_int_equal(test->fake.series_count, series);
}

static void the_rest_of_stat_is_read_past_a_long_line_of_interrupts(void **state)
{
	struct test *test = *state;
	struct buf text = BUF_INIT;

	buf_add_str(&text, "cpu0 1 2 3 4\nintr 201848");
	for (int i = 0; i < 20000; i++)
		buf_add_str(&text, " 0");
	buf_add_str(&text,
		"\nctxt 420894\nbtime 1795344366\nprocesses 8747\nprocs_running 3\nprocs_blocked 1\n"
		"softirq 162041 0 21824\n");
	run_with(test, "stat", "stat", buf_str(&text));
	buf_done(&text);
	assert_value(test, "node_intr_total", 201848);
	assert_value(test, "node_context_switches_total", 420894);
	assert_value(test, "node_boot_time_seconds", 1795344366);
	assert_value(test, "node_forks_total", 8747);
	assert_value(test, "node_procs_running", 3);
	assert_value(test, "node_procs_blocked", 1);
	assert_int_equal(test->fake.sample_count, 6);
}

static void one_read_of_stat_serves_two_collectors(void **state)
{
	struct test *test = *state;

	run_with(test, "stat,cpu,stat", "stat", "cpu0 1 2 3 4\nctxt 9\n");
	assert_value(test, CPU_IDLE, 0.04);
	assert_value(test, "node_context_switches_total", 9);
}

static void memory_is_in_bytes_and_named_by_its_key(void **state)
{
	struct test *test = *state;

	run_with(test, "meminfo", "meminfo",
		"MemTotal:       1000 kB\nMemAvailable:    770 kB\nActive(anon):      3 kB\nHugePages_Total: "
		"      4\n");
	assert_value(test, "node_memory_MemTotal_bytes", 1024000);
	assert_value(test, "node_memory_Active_anon_bytes", 3072);
	assert_value(test, "node_memory_HugePages_Total", 4);
	assert_string_equal(fake_find(&test->fake, "node_memory_MemTotal_bytes")->unit, "bytes");
	assert_string_equal(fake_find(&test->fake, "node_memory_HugePages_Total")->unit, "");
	assert_string_equal(test->fake.summary, "memory 23 % used");
	assert_string_equal(fake_find_item(&test->fake, "memory")->text, "77 % available");
	assert_int_equal(fake_find_item(&test->fake, "memory")->status, GAVEA_OK);
}

static void little_available_memory_is_a_warning_and_less_is_critical(void **state)
{
	struct test *test = *state;

	run_with(test, "meminfo", "meminfo", "MemTotal: 1000 kB\nMemAvailable: 49 kB\n");
	assert_int_equal(fake_find_item(&test->fake, "memory")->status, GAVEA_WARNING);
	run_with(test, "meminfo", "meminfo", "MemTotal: 1000 kB\nMemAvailable: 19 kB\n");
	assert_int_equal(fake_find_item(&test->fake, "memory")->status, GAVEA_CRITICAL);
	run_with(test, "meminfo", "meminfo", "MemTotal: 1000 kB\nMemAvailable: 50 kB\n");
	assert_int_equal(fake_find_item(&test->fake, "memory")->status, GAVEA_OK);
}

static void load_averages_are_exact(void **state)
{
	struct test *test = *state;

	run_with(test, "loadavg", "loadavg", "0.31 12.07 3.00 1/91 8747\n");
	assert_value(test, "node_load1", 0.31);
	assert_value(test, "node_load5", 12.07);
	assert_value(test, "node_load15", 3.0);
	assert_string_equal(test->fake.summary, "load 0.31");
}

static void pressure_counts_waiting_and_stalled(void **state)
{
	struct test *test = *state;

	fixture_write(&test->fixture, "pressure/cpu",
		"some avg10=0.49 avg60=0.88 avg300=0.31 total=8013443\n"
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
	fixture_write(&test->fixture, "pressure/memory",
		"some avg10=0.49 avg60=0.88 avg300=0.31 total=30\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
		"total=20\n");
	run_with(test, "pressure", "pressure/io",
		"some avg10=0.19 avg60=0.05 avg300=0.13 total=6572756\n"
		"full avg10=0.19 avg60=0.05 avg300=0.13 total=6264813\n");
	assert_value(test, "node_pressure_cpu_waiting_seconds_total", 8.013443);
	assert_value(test, "node_pressure_io_waiting_seconds_total", 6.572756);
	assert_value(test, "node_pressure_io_stalled_seconds_total", 6.264813);
	assert_value(test, "node_pressure_memory_waiting_seconds_total", 0.03 / 1000);
	assert_value(test, "node_pressure_memory_stalled_seconds_total", 0.02 / 1000);
	assert_int_equal(test->fake.sample_count, 5);
}

static void a_kernel_without_pressure_leaves_it_out(void **state)
{
	struct test *test = *state;

	run_with(test, "pressure,loadavg", "loadavg", "0.00 0.00 0.00 1/1 1\n");
	assert_int_equal(test->fake.sample_count, 3);
	assert_int_equal(test->fake.status, GAVEA_OK);
}

static void disks_have_bytes_and_seconds_and_partitions_are_left_out(void **state)
{
	struct test *test = *state;

	run_with(test, "diskstats", "diskstats",
		"   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		" 254       0 vda 35352 9127 3037370 26866 30006 9324 1965816 4182 2 9952 31936 8935 70 "
		"308424 730 4553 156\n"
		" 254       1 vda1 1 1 1 1 1 1 1 1 0 1 1\n"
		" 259       1 nvme0n1p1 1 1 1 1 1 1 1 1 0 1 1\n");
	assert_value(test, "node_disk_reads_completed_total{device=\"vda\"}", 35352);
	assert_value(test, "node_disk_read_bytes_total{device=\"vda\"}", 3037370.0 * 512);
	assert_value(test, "node_disk_read_time_seconds_total{device=\"vda\"}", 26866 * 0.001);
	assert_value(test, "node_disk_io_now{device=\"vda\"}", 2);
	assert_int_equal(fake_find(&test->fake, "node_disk_io_now{device=\"vda\"}")->type, GAVEA_GAUGE);
	assert_value(test, "node_disk_discarded_sectors_total{device=\"vda\"}", 308424);
	assert_value(test, "node_disk_flush_requests_time_seconds_total{device=\"vda\"}", 156 * 0.001);
	assert_int_equal(test->fake.sample_count, 17 + 1);
}

static void an_older_kernel_has_fewer_columns(void **state)
{
	struct test *test = *state;

	run_with(test, "diskstats", "diskstats", " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n");
	assert_int_equal(test->fake.sample_count, 11 + 1);
	assert_null(fake_find(&test->fake, "node_disk_discards_completed_total{device=\"sda\"}"));
}

static void a_disk_that_is_plugged_in_is_there_at_once(void **state)
{
	struct test *test = *state;

	run_with(test, "diskstats", "diskstats", "");
	assert_int_equal(test->fake.sample_count, 0);
	assert_int_equal(test->fake.status, GAVEA_OK);
	run_with(test, "diskstats", "diskstats", " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n");
	assert_value(test, "node_disk_reads_merged_total{device=\"sda\"}", 2);
	run_with(test, "diskstats", "diskstats",
		" 8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\n 8 0 sda 2 2 3 4 5 6 7 8 9 10 11\n");
	assert_value(test, "node_disk_reads_completed_total{device=\"sda\"}", 2);
	assert_value(test, "node_disk_reads_completed_total{device=\"sdb\"}", 1);
}

#define NET_HEADINGS \
	"Inter-|   Receive                            |  Transmit\n" \
	" face |bytes    packets errs drop fifo frame |bytes    packets\n"

static void interfaces_have_all_their_counters_and_lo_is_left_out(void **state)
{
	struct test *test = *state;

	run_with(test, "netdev", "net/dev",
		NET_HEADINGS "    lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
			     "  eth0:159756354 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
	assert_value(test, "node_network_receive_bytes_total{device=\"eth0\"}", 159756354);
	assert_value(test, "node_network_receive_drop_total{device=\"eth0\"}", 4);
	assert_value(test, "node_network_receive_multicast_total{device=\"eth0\"}", 8);
	assert_value(test, "node_network_transmit_bytes_total{device=\"eth0\"}", 9);
	assert_value(test, "node_network_transmit_colls_total{device=\"eth0\"}", 14);
	assert_value(test, "node_network_transmit_compressed_total{device=\"eth0\"}", 16);
	assert_int_equal(test->fake.sample_count, 16);
}

static void an_exclusion_of_ones_own_replaces_the_default(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "netdev_device_exclude", "^veth|^eth0$");
	run_with(test, "netdev", "net/dev",
		NET_HEADINGS
		"    lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
		"  eth0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\nveth12: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n");
	assert_true(fake_has(&test->fake, "node_network_receive_bytes_total{device=\"lo\"}"));
	assert_int_equal(test->fake.sample_count, 16);
}

static void a_bad_expression_is_refused_with_the_option_named(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "netdev_device_exclude", "(");
	assert_int_equal(fake_open(&test->fake, &test->state), -EINVAL);
	assert_null(test->state);
	assert_string_equal(test->fake.failure,
		"netdev_device_exclude: \"(\" is no valid expression: Unmatched ( or \\(");
}

static void an_unknown_collector_is_refused_with_a_suggestion(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "cpu,memifno");
	fixture_write(&test->fixture, "stat", "cpu0 1 2 3 4\n");
	assert_int_equal(fake_open(&test->fake, &test->state), -EINVAL);
	assert_string_equal(
		test->fake.failure, "collectors: there is no \"memifno\"; did you mean \"meminfo\"?");
}

static void a_folder_without_any_file_is_refused(void **state)
{
	struct test *test = *state;
	char expected[256];

	fake_set(&test->fake, "collectors", "cpu,meminfo");
	snprintf(expected, sizeof(expected), "nothing to collect: none of the files is below %s",
		test->fixture.folder);
	assert_int_equal(fake_open(&test->fake, &test->state), -ENOENT);
	assert_string_equal(test->fake.failure, expected);
}

static void an_empty_list_of_collectors_is_refused(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "collectors", "");
	assert_int_equal(fake_open(&test->fake, &test->state), -EINVAL);
	assert_string_equal(test->fake.failure, "collectors: the list is empty");
}

static void a_file_of_nonsense_makes_the_run_unknown_and_the_others_go_on(void **state)
{
	struct test *test = *state;

	fixture_write(&test->fixture, "meminfo", "what is this\n");
	run_with(test, "meminfo,loadavg", "loadavg", "1.00 0.00 0.00 1/1 1\n");
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
	assert_string_equal(
		test->fake.summary, "meminfo: the text is not of the form that was expected; load 1.00");
	assert_string_equal(test->fake.log, "meminfo: the text is not of the form that was expected\n");
	assert_value(test, "node_load1", 1.0);
	run(test);
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
	assert_string_equal(test->fake.log, "");
	fixture_write(&test->fixture, "meminfo", "MemTotal: 1 kB\n");
	run(test);
	assert_int_equal(test->fake.status, GAVEA_OK);
}

static void the_hosts_limit_of_series_costs_samples_and_is_logged_once(void **state)
{
	struct test *test = *state;

	test->fake.series_limit = 2;
	run_with(test, "loadavg", "loadavg", "1.00 2.00 3.00 1/1 1\n");
	assert_int_equal(test->fake.sample_count, 2);
	fixture_write(&test->fixture, "loadavg", "2.00 2.00 3.00 1/1 1\n");
	run(test);
	assert_value(test, "node_load1", 2.0);
	assert_string_equal(test->fake.log, "");
}

/* A mount table whose mount points are folders of the fixture's; their figures are those of the file system
 * on which the test runs. */
static void mount_table(struct test *test, const char *const *lines, size_t count)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%zu 1 8:1 / %s\n", 20 + i, lines[i]);
	fixture_write(&test->fixture, "1/mountinfo", buf_str(&text));
	buf_done(&text);
}

static void filesystems_are_asked_below_rootfs_and_named_without_it(void **state)
{
	struct test *test = *state;
	const char *lines[] = {"/ rw - ext4 /dev/vda1 rw", "/srv/my\\040data rw - xfs /dev/vdb rw",
		"/proc rw - proc proc rw", "/run/user/0 rw - tmpfs tmpfs rw", "/gone rw - ext4 /dev/vdc rw",
		"/mail rw - nfs4 server:/mail rw", "/fuse rw - fuse.sshfs x rw",
		"/srv/my\\040data rw - xfs /dev/vdb rw"};
	const char *srv = "{device=\"/dev/vdb\",fstype=\"xfs\",mountpoint=\"/srv/my data\"}";
	char name[256];

	mount_table(test, lines, 8);
	fixture_write(&test->fixture, "srv/my data/x", "");
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "disk_warning", "100%");
	fake_set(&test->fake, "disk_critical", "100%");
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	snprintf(name, sizeof(name), "node_filesystem_size_bytes%s", srv);
	assert_true(fake_has(&test->fake, name));
	assert_true(fake_find(&test->fake, name)->value > 0);
	snprintf(name, sizeof(name), "node_filesystem_device_error%s", srv);
	assert_value(test, name, 0);
	assert_value(test,
		"node_filesystem_device_error{device=\"/dev/vdc\",fstype=\"ext4\",mountpoint=\"/gone\"}", 1);
	assert_int_equal(test->fake.sample_count, 7 + 7 + 1);
	assert_int_equal(test->fake.item_count, 2);
	assert_non_null(fake_find_item(&test->fake, "/"));
	assert_int_equal(fake_find_item(&test->fake, "/srv/my data")->status, GAVEA_OK);
}

static void remote_filesystems_are_asked_only_on_request(void **state)
{
	struct test *test = *state;
	const char *lines[] = {"/srv rw - nfs4 server:/srv rw"};

	mount_table(test, lines, 1);
	fixture_write(&test->fixture, "srv/x", "");
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "remote", "true");
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	assert_int_equal(test->fake.sample_count, 7);
	assert_int_equal(test->fake.item_count, 1);
}

static void a_filesystem_above_its_limits_is_a_warning_or_critical(void **state)
{
	struct test *test = *state;
	const char *lines[] = {"/ rw - ext4 /dev/vda rw"};

	mount_table(test, lines, 1);
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "disk_warning", "0%");
	fake_set(&test->fake, "disk_critical", "100%");
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	assert_int_equal(fake_find_item(&test->fake, "/")->status, GAVEA_WARNING);
	test->fake.plugin->close(&test->fake.check, test->state);
	test->state = NULL;
	fake_set(&test->fake, "disk_critical", "0%");
	run(test);
	assert_int_equal(fake_find_item(&test->fake, "/")->status, GAVEA_CRITICAL);
}

static void what_lies_on_the_same_mount_point_has_one_item(void **state)
{
	struct test *test = *state;
	const char *lines[] = {"/ rw - ext4 /dev/old rw", "/ rw - xfs /dev/new rw"};

	mount_table(test, lines, 2);
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	assert_int_equal(test->fake.sample_count, 14);
	assert_int_equal(test->fake.item_count, 1);
}

static void the_real_host_gives_a_summary_of_everything(void **state)
{
	struct test *test = *state;
	size_t series;

	fake_set(&test->fake, "procfs", "/proc");
	run(test);
	assert_int_equal(test->fake.status, GAVEA_OK);
	assert_non_null(strstr(test->fake.summary, "load "));
	assert_non_null(strstr(test->fake.summary, " CPU"));
	assert_true(fake_has(&test->fake, "node_time_seconds"));
	assert_true(fake_has(&test->fake, "node_boot_time_seconds"));
	series = test->fake.series_count;
	run(test);
	assert_int_equal(test->fake.series_count, series);
}

/* Moves the test into a mount namespace of its own, if it may. */
static bool enter_namespace(void)
{
	return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* The last two of the tests, because there is no way back from the namespace. */
static void the_kernels_mount_table_is_read_again_when_it_changed(void **state)
{
	struct test *test = *state;
	char link[128], folder[128], size[256], readonly[256];

	fixture_write(&test->fixture, "m/covered", "");
	snprintf(link, sizeof(link), "%s/1", test->fixture.folder);
	snprintf(folder, sizeof(folder), "%s/m", test->fixture.folder);
	snprintf(size, sizeof(size),
		"node_filesystem_size_bytes{device=\"x\",fstype=\"tmpfs\",mountpoint=\"%s\"}", folder);
	snprintf(readonly, sizeof(readonly),
		"node_filesystem_readonly{device=\"x\",fstype=\"tmpfs\",mountpoint=\"%s\"}", folder);
	if (!enter_namespace())
		skip();
	assert_int_equal(symlink("/proc/self", link), 0);
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	assert_null(fake_find(&test->fake, size));
	run(test);
	assert_int_equal(mount("x", folder, "tmpfs", 0, "size=64k"), 0);
	run(test);
	assert_value(test, size, 65536);
	assert_value(test, readonly, 0);
	run(test);
	assert_value(test, size, 65536);
	assert_int_equal(mount("x", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=128k"), 0);
	run(test);
	assert_value(test, size, 131072);
	assert_value(test, readonly, 1);
	assert_int_equal(umount(folder), 0);
	run(test);
	assert_false(fake_has(&test->fake, size));
}

static void a_line_of_the_mount_table_as_long_as_a_page_hides_nothing(void **state)
{
	struct test *test = *state;
	char link[128], folder[128], size[256], device[3001];

	memset(device, 'd', sizeof(device) - 1);
	device[sizeof(device) - 1] = '\0';
	fixture_write(&test->fixture, "m/covered", "");
	snprintf(link, sizeof(link), "%s/1", test->fixture.folder);
	snprintf(folder, sizeof(folder), "%s/m", test->fixture.folder);
	snprintf(size, sizeof(size),
		"node_filesystem_size_bytes{device=\"x\",fstype=\"tmpfs\",mountpoint=\"%s\"}", folder);
	if (!enter_namespace())
		skip();
	assert_int_equal(symlink("/proc/self", link), 0);
	assert_int_equal(mount(device, folder, "tmpfs", 0, "size=4k"), 0);
	assert_int_equal(mount("x", folder, "tmpfs", 0, "size=64k"), 0);
	fake_set(&test->fake, "collectors", "filesystem");
	run(test);
	assert_value(test, size, 65536);
	assert_int_equal(umount(folder), 0);
	assert_int_equal(umount(folder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_mode_of_every_cpu_has_its_seconds),
		TEST(a_counter_of_a_cpu_that_steps_back_a_little_keeps_its_value),
		TEST(a_cpu_that_was_taken_out_and_put_in_starts_anew),
		TEST(a_cpu_that_goes_away_has_no_samples_and_the_same_series_when_it_is_back),
		TEST(the_rest_of_stat_is_read_past_a_long_line_of_interrupts),
		TEST(one_read_of_stat_serves_two_collectors),
		TEST(memory_is_in_bytes_and_named_by_its_key),
		TEST(little_available_memory_is_a_warning_and_less_is_critical),
		TEST(load_averages_are_exact),
		TEST(pressure_counts_waiting_and_stalled),
		TEST(a_kernel_without_pressure_leaves_it_out),
		TEST(disks_have_bytes_and_seconds_and_partitions_are_left_out),
		TEST(an_older_kernel_has_fewer_columns),
		TEST(a_disk_that_is_plugged_in_is_there_at_once),
		TEST(interfaces_have_all_their_counters_and_lo_is_left_out),
		TEST(an_exclusion_of_ones_own_replaces_the_default),
		TEST(a_bad_expression_is_refused_with_the_option_named),
		TEST(an_unknown_collector_is_refused_with_a_suggestion),
		TEST(a_folder_without_any_file_is_refused),
		TEST(an_empty_list_of_collectors_is_refused),
		TEST(a_file_of_nonsense_makes_the_run_unknown_and_the_others_go_on),
		TEST(the_hosts_limit_of_series_costs_samples_and_is_logged_once),
		TEST(filesystems_are_asked_below_rootfs_and_named_without_it),
		TEST(remote_filesystems_are_asked_only_on_request),
		TEST(a_filesystem_above_its_limits_is_a_warning_or_critical),
		TEST(what_lies_on_the_same_mount_point_has_one_item),
		TEST(the_real_host_gives_a_summary_of_everything),
		TEST(the_kernels_mount_table_is_read_again_when_it_changed),
		TEST(a_line_of_the_mount_table_as_long_as_a_page_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
