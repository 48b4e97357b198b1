/* SPDX-License-Identifier: Apache-2.0 */
/* The collectors beyond the first few: hostile files, and things that come, go and change. What they make of good files is
 * compared with node_exporter in tests/integration/test_host_parity.py. */
#include "host_test.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	fixture_host_init(&test->host, &test->fixture);
	test->host.now = NSEC_PER_SEC;
	fake_set(&test->fake, "rootfs", test->fixture.folder);
	fake_set(&test->fake, "processes", "never");
	*state = test;
	return 0;
}

static void later(struct test *test, int64_t seconds)
{
	test->host.now += seconds * NSEC_PER_SEC;
	run(test);
}

#define assert_value(test, name, number) \
	do { \
		assert_true(fake_has(&(test)->fake, name)); \
		assert_true(fake_find(&(test)->fake, name)->value == (number)); \
	} while (0)

static void files_of_another_form_make_the_run_unknown(void **state)
{
	struct test *test = *state;
	static const struct {
		const char *collector;
		const char *file;
		const char *text;
	} cases[] = {
		{"arp", "net/arp", "what\n"},
		{"arp", "net/arp", "IP address HW\n192.168.1.1 0x1\n"},
		{"conntrack", "sys/net/netfilter/nf_conntrack_count", "many\n"},
		{"conntrack", "net/stat/nf_conntrack", "entries found\n0001 zz\n"},
		{"entropy", "sys/kernel/random/entropy_avail", "-\n"},
		{"filefd", "sys/fs/file-nr", "1 2\n"},
		{"mdadm", "mdstat", "md0 : active raid1 sda1[0]\n"},
		{"netstat", "net/snmp", "Tcp: InSegs\nTcp:\n"},
		{"netstat", "net/snmp", "Tcp: InSegs\nUdp: 1\n"},
		{"netstat", "net/snmp", "Tcp: InSegs\n"},
		{"netstat", "net/snmp6", "Ip6InOctets\n"},
		{"nfs", "net/rpc/nfs", "what\n"},
		{"nfsd", "net/rpc/nfsd", ""},
		{"schedstat", "schedstat", "cpu0 1 2 3\n"},
		{"sockstat", "net/sockstat", "TCP inuse 1\n"},
		{"sockstat", "net/sockstat", "TCP: inuse\n"},
		{"softnet", "net/softnet_stat", ""},
		{"softnet", "net/softnet_stat", "0000 0001\n"},
		{"udp_queues", "net/udp", "what\n"},
		{"udp_queues", "net/udp", "sl tx_queue rx_queue\n 0: a b c 0001\n"},
		{"vmstat", "vmstat", "pgfault\n"},
		{"vmstat", "vmstat", "pgfault x\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[128];
		char path[256];

		run_with(test, cases[i].collector, cases[i].file, cases[i].text);
		snprintf(expected, sizeof(expected),
			"%s: the text is not of the form that was expected; collected", cases[i].collector);
		assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
		assert_string_equal(test->fake.summary, expected);
		stop(test);
		snprintf(path, sizeof(path), "%s/%s", test->fixture.folder, cases[i].file);
		assert_int_equal(unlink(path), 0);
	}
}

static void keys_that_are_no_names_become_some(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "vmstat_fields", "");
	run_with(test, "vmstat", "vmstat", "pg-\xff\xfe{x} 5\nnr_free 7\npgfault 18446744073709551616\n");
	assert_value(test, "node_vmstat_pg____x_", 5);
	assert_value(test, "node_vmstat_nr_free", 7);
	assert_int_equal(fake_find(&test->fake, "node_vmstat_nr_free")->type, GAVEA_GAUGE);
	assert_int_equal(fake_find(&test->fake, "node_vmstat_pgfault")->type, GAVEA_COUNTER);
	assert_value(test, "node_vmstat_pgfault", 18446744073709551615.0);
}

static void a_file_that_comes_later_is_found_within_a_minute(void **state)
{
	struct test *test = *state;
	char path[256];

	run_with(test, "conntrack,loadavg", "loadavg", "0 0 0 1/1 1\n");
	fixture_write(&test->fixture, "sys/net/netfilter/nf_conntrack_count", "5\n");
	later(test, 1);
	assert_null(fake_find_item(&test->fake, "x"));
	assert_false(fake_has(&test->fake, "node_nf_conntrack_entries"));
	later(test, 60);
	assert_value(test, "node_nf_conntrack_entries", 5);
	/* One that is deleted stays readable, as files do; a kernel's own says ENODEV and is left out. */
	snprintf(path, sizeof(path), "%s/sys/net/netfilter/nf_conntrack_count", test->fixture.folder);
	assert_int_equal(unlink(path), 0);
	later(test, 1);
	assert_int_equal(test->fake.status, GAVEA_OK);
}

static void a_file_that_grows_and_shrinks_is_read_whole(void **state)
{
	struct test *test = *state;
	struct buf text = BUF_INIT;

	run_with(test, "schedstat", "schedstat", "cpu0 0 0 0 0 0 0 1000000000 2 3\n");
	for (int i = 0; i < 500; i++)
		buf_printf(&text, "cpu%d 0 0 0 0 0 0 %d000000000 2 3\n", i, i);
	run_with(test, "schedstat", "schedstat", buf_str(&text));
	buf_done(&text);
	assert_value(test, "node_schedstat_running_seconds_total{cpu=\"499\"}", 499);
	run_with(test, "schedstat", "schedstat", "cpu0 0 0 0 0 0 0 1000000000 2 3\n");
	assert_int_equal(test->fake.sample_count, 3);
}

static void network_interfaces_come_and_go(void **state)
{
	struct test *test = *state;

	run_with(test, "netclass", "class/net/eth0/operstate", "down\n");
	assert_value(test, "node_network_up{device=\"eth0\"}", 0);
	fixture_write(&test->fixture, "class/net/veth1/operstate", "up\n");
	fixture_write(&test->fixture, "class/net/veth1/mtu", "1500\n");
	run(test);
	assert_value(test, "node_network_up{device=\"veth1\"}", 1);
	assert_value(test, "node_network_mtu_bytes{device=\"veth1\"}", 1500);
	/* A change of the state makes all be read again. */
	fixture_write(&test->fixture, "class/net/veth1/mtu", "1400\n");
	run(test);
	assert_value(test, "node_network_mtu_bytes{device=\"veth1\"}", 1500);
	fixture_write(&test->fixture, "class/net/veth1/operstate", "dormant\n");
	run(test);
	assert_value(test, "node_network_up{device=\"veth1\"}", 0);
	assert_value(test, "node_network_mtu_bytes{device=\"veth1\"}", 1400);
	assert_true(fake_has(&test->fake,
		"node_network_info{address=\"\",broadcast=\"\",device=\"veth1\",duplex=\"\",ifalias=\"\","
		"operstate=\"dormant\"}"));
	nftw(test->fixture.folder, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	run(test);
	assert_int_equal(test->fake.sample_count, 0);
}

static void sensors_with_hostile_names_and_values_harm_nobody(void **state)
{
	struct test *test = *state;

	fixture_write(&test->fixture, "class/hwmon/hwmon0/name", "\xff\xfe evil\"}\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp1_input", "45000\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp1_label", "C\xc3\xa4se \xff\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp2_input", "");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp3_input", "1e999\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp99999999999999999999_input", "1\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp4_\xff", "1\n");
	run_with(test, "hwmon", "class/hwmon/hwmon0/in1_input", "-12\n");
	assert_value(test, "node_hwmon_temp_celsius{chip=\"evil\",sensor=\"temp1\"}", 45);
	assert_value(test, "node_hwmon_in_volts{chip=\"evil\",sensor=\"in1\"}", -0.012);
	assert_value(
		test, "node_hwmon_sensor_label{chip=\"evil\",label=\"C\xc3\xa4se ?\",sensor=\"temp1\"}", 1);
	assert_int_equal(test->fake.status, GAVEA_OK);
	/* New hardware is found within a minute, values change each run. */
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp1_input", "46000\n");
	fixture_write(&test->fixture, "class/hwmon/hwmon1/fan1_input", "900\n");
	run(test);
	assert_value(test, "node_hwmon_temp_celsius{chip=\"evil\",sensor=\"temp1\"}", 46);
	assert_null(fake_find(&test->fake, "node_hwmon_fan_rpm{chip=\"hwmon1\",sensor=\"fan1\"}"));
	later(test, 60);
	assert_value(test, "node_hwmon_fan_rpm{chip=\"hwmon1\",sensor=\"fan1\"}", 900);
}

static void a_kept_descriptor_too_many_is_opened_each_time(void **state)
{
	struct test *test = *state;

	for (int i = 0; i < 450; i++) {
		char name[64];

		snprintf(name, sizeof(name), "class/hwmon/hwmon0/temp%d_input", i);
		fixture_write(&test->fixture, name, "1000\n");
	}
	run_with(test, "hwmon", "class/hwmon/hwmon0/name", "x\n");
	assert_int_equal(test->fake.sample_count, 451);
	fixture_write(&test->fixture, "class/hwmon/hwmon0/temp449_input", "2000\n");
	run(test);
	assert_value(test, "node_hwmon_temp_celsius{chip=\"x\",sensor=\"temp449\"}", 2);
}

static void an_os_release_of_nonsense_is_what_it_says(void **state)
{
	struct test *test = *state;

	run_with(test, "os", "etc/os-release",
		"ID=\"un\\\"closed\nVERSION_ID=x12\n=\nNAME=a b\nPRETTY_NAME='\xff'\n");
	assert_value(test,
		"node_os_info{build_id=\"\",id=\"un\"closed\",id_like=\"\",image_id=\"\",image_version=\"\","
		"name=\"a\","
		"pretty_name=\"?\",variant=\"\",variant_id=\"\",version=\"\",version_codename=\"\",version_"
		"id=\"x12\"}",
		1);
	assert_int_equal(test->fake.sample_count, 1);
}

/* ---- Text files ---- */

static void text_file(struct test *test, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "t/%s", name);
	fixture_write(&test->fixture, path, text);
}

static void run_text(struct test *test, const char *collectors)
{
	char *folder;

	assert_true(asprintf(&folder, "%s/t", test->fixture.folder) > 0);
	fake_set(&test->fake, "textfile_directory", folder);
	fake_set(&test->fake, "collectors", collectors);
	run(test);
	stop(test);
	free(folder);
}

static void a_bad_text_file_does_not_spoil_the_others(void **state)
{
	struct test *test = *state;
	char expected[256];

	text_file(test, "bad.prom", "what is this\n");
	text_file(test, "good.prom", "# TYPE mine counter\nmine{a=\"\xff\"} 3\n");
	text_file(test, "ignored.txt", "other 3\n");
	run_text(test, "textfile");
	assert_value(test, "mine{a=\"?\"}", 3);
	assert_value(test, "node_textfile_scrape_error", 1);
	assert_int_equal(test->fake.sample_count, 3);
	assert_int_equal(test->fake.status, GAVEA_OK);
	snprintf(expected, sizeof(expected),
		"textfile: %s/t/bad.prom: line 1: a value is no number; the file is left out\n",
		test->fixture.folder);
	assert_string_equal(test->fake.log, expected);
}

static void what_a_text_file_repeats_is_left_out(void **state)
{
	struct test *test = *state;

	text_file(test, "a.prom", "twice 1\nnode_load1 99\nmine 3\n");
	text_file(test, "b.prom", "twice 1\n");
	fixture_write(&test->fixture, "loadavg", "0.5 0 0 1/1 1\n");
	run_text(test, "textfile,loadavg");
	assert_value(test, "node_load1", 0.5);
	assert_value(test, "twice", 1);
	assert_value(test, "mine", 3);
	assert_value(test, "node_textfile_scrape_error", 1);
	assert_non_null(
		strstr(test->fake.log, "samples are there already, from this plugin or another file"));
}

static void a_text_file_that_changes_is_read_again_and_one_that_goes_is_gone(void **state)
{
	struct test *test = *state;
	char folder[128], path[160];

	snprintf(folder, sizeof(folder), "%s/t", test->fixture.folder);
	snprintf(path, sizeof(path), "%s/a.prom", folder);
	fake_set(&test->fake, "textfile_directory", folder);
	fake_set(&test->fake, "collectors", "textfile");
	run(test); /* the folder is not there */
	assert_value(test, "node_textfile_scrape_error", 0);
	text_file(test, "a.prom", "mine 3\n");
	run(test);
	assert_value(test, "mine", 3);
	text_file(test, "a.prom", "mine 45\n");
	run(test);
	assert_value(test, "mine", 45);
	text_file(test, "a.prom", "mine 4"); /* half written */
	run(test);
	assert_false(fake_has(&test->fake, "mine"));
	assert_value(test, "node_textfile_scrape_error", 1);
	assert_int_equal(unlink(path), 0);
	run(test);
	assert_value(test, "node_textfile_scrape_error", 0);
	assert_int_equal(test->fake.sample_count, 1);
}

static void text_files_that_are_no_files_or_too_large_are_left_out(void **state)
{
	struct test *test = *state;
	struct buf large = BUF_INIT;
	char path[160];

	for (int i = 0; i < 1 << 16; i++)
		buf_add_str(&large, "# a comment of some size\n");
	text_file(test, "large.prom", buf_str(&large));
	buf_done(&large);
	fixture_write_n(&test->fixture, "t/nul.prom", "a 1\n\0b 2\n", 9);
	snprintf(path, sizeof(path), "%s/t/pipe.prom", test->fixture.folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/t/folder.prom", test->fixture.folder);
	assert_int_equal(mkdir(path, 0700), 0);
	run_text(test, "textfile");
	assert_int_equal(test->fake.sample_count, 1);
	assert_value(test, "node_textfile_scrape_error", 1);
	assert_non_null(strstr(test->fake.log, "large.prom: larger than 1024 KiB; the file is left out"));
	assert_non_null(strstr(test->fake.log, "nul.prom: there is a NUL byte in it; the file is left out"));
}

/* ---- Processes ---- */

static void process(struct test *test, int pid, const char *name, int ticks, int pages)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "%d/stat", pid);
	snprintf(text, sizeof(text),
		"%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 %d 0 0 0 20 0 1 0 77 1000 %d 1844 1 1\n", pid, name,
		ticks, pages);
	fixture_write(&test->fixture, path, text);
}

static void processes_are_told_when_something_is_wrong(void **state)
{
	struct test *test = *state;
	char expected[128];
	const struct fake_item *memory;

	fake_set(&test->fake, "processes", "when-wrong");
	fake_set(&test->fake, "top", "2");
	process(test, 10, "small", 0, 1);
	process(test, 11, "ev) S (il\x1b\xff", 0, 300 << 8);
	process(test, 12, "mid", 0, 50 << 8);
	fixture_write(&test->fixture, "13/stat", "13 what\n");
	fixture_write(&test->fixture, "14/stat", "");
	fixture_write(&test->fixture, "15/other", "");
	run_with(test, "meminfo", "meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
	assert_null(fake_find_item(&test->fake, "processes"));
	run_with(test, "meminfo", "meminfo", "MemTotal: 1000 kB\nMemAvailable: 5 kB\n");
	memory = fake_find_item(&test->fake, "memory");
	assert_non_null(memory);
	snprintf(expected, sizeof(expected), "ev) S (il??[11] %ld MiB, mid[12] %ld MiB",
		300 * sysconf(_SC_PAGESIZE) / 4096, 50 * sysconf(_SC_PAGESIZE) / 4096);
	assert_string_equal(fake_attribute(memory, "top_memory"), expected);
	assert_string_equal(fake_attribute(memory, "top_cpu"), "none");
	assert_int_equal(fake_find_item(&test->fake, "processes")->status, GAVEA_OK);
	/* Their CPU time is known since the look before, which is a minute old. */
	process(test, 10, "small", 3000, 1);
	process(test, 12, "mid", 600, 50 << 8);
	later(test, 30);
	assert_string_equal(fake_attribute(fake_find_item(&test->fake, "memory"), "top_cpu"), "none");
	later(test, 30);
	assert_string_equal(fake_attribute(fake_find_item(&test->fake, "memory"), "top_cpu"),
		"small[10] 50 %, mid[12] 10 %");
}

static void a_process_that_took_the_number_of_another_is_not_blamed(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "processes", "always");
	process(test, 10, "old", 100, 1);
	run_with(test, "loadavg", "loadavg", "0 0 0 1/1 1\n");
	fixture_write(&test->fixture, "10/stat",
		"10 (new) S 1 1 1 0 -1 4194560 1 0 0 0 9000 0 0 0 20 0 1 0 78 1000 2 1844 1 1\n");
	later(test, 60);
	assert_non_null(
		strstr(fake_find_item(&test->fake, "processes")->text, "CPU: none; memory: new[10] "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_another_form_make_the_run_unknown),
		TEST(keys_that_are_no_names_become_some),
		TEST(a_file_that_comes_later_is_found_within_a_minute),
		TEST(a_file_that_grows_and_shrinks_is_read_whole),
		TEST(network_interfaces_come_and_go),
		TEST(sensors_with_hostile_names_and_values_harm_nobody),
		TEST(a_kept_descriptor_too_many_is_opened_each_time),
		TEST(an_os_release_of_nonsense_is_what_it_says),
		TEST(a_bad_text_file_does_not_spoil_the_others),
		TEST(what_a_text_file_repeats_is_left_out),
		TEST(a_text_file_that_changes_is_read_again_and_one_that_goes_is_gone),
		TEST(text_files_that_are_no_files_or_too_large_are_left_out),
		TEST(processes_are_told_when_something_is_wrong),
		TEST(a_process_that_took_the_number_of_another_is_not_blamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
