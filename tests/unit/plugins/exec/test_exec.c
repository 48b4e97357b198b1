/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole, with small scripts. */
#include "tests/support/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct test {
	struct fake_host fake;
	void *state;
	char folder[64];
	char script[96];
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	fake_init(&test->fake, gavea_plugin());
	snprintf(test->folder, sizeof(test->folder), "/tmp/gavea-test-exec.XXXXXX");
	if (!mkdtemp(test->folder))
		abort();
	snprintf(test->script, sizeof(test->script), "%s/check_it", test->folder);
	fake_set(&test->fake, "command", test->script);
	fake_set(&test->fake, "output_max", "65536");
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	if (test->state)
		test->fake.plugin->close(&test->fake.check, test->state);
	fake_done(&test->fake);
	unlink(test->script);
	rmdir(test->folder);
	free(test);
	return 0;
}

static void write_script(struct test *test, const char *text)
{
	FILE *file = fopen(test->script, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(test->script, 0700), 0);
}

static void run(struct test *test, const char *text)
{
	write_script(test, text);
	if (!test->state)
		assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_int_equal(fake_run(&test->fake, test->state), 0);
}

static void assert_said(struct test *test, enum gavea_status status, const char *summary)
{
	assert_string_equal(test->fake.summary, summary);
	assert_int_equal(test->fake.status, status);
}

static const char *attribute(struct test *test, const char *item, const char *name)
{
	const struct fake_item *found = fake_find_item(&test->fake, item);

	assert_non_null(found);
	return fake_attribute(found, name);
}

static void the_exit_status_decides_and_the_first_line_is_the_summary(void **state)
{
	static const enum gavea_status statuses[] = {GAVEA_OK, GAVEA_WARNING, GAVEA_CRITICAL, GAVEA_UNKNOWN};
	struct test *test = *state;

	for (size_t i = 0; i < 4; i++) {
		char script[64];

		snprintf(script, sizeof(script), "echo 'IT | a=1'; echo more; exit %zu", i);
		run(test, script);
		assert_said(test, statuses[i], "IT");
		assert_string_equal(attribute(test, "check_it", "output"), "more");
		assert_int_equal(fake_find_item(&test->fake, "check_it")->status, statuses[i]);
	}
	assert_string_equal(attribute(test, "check_it", "exit_status"), "3");
}

static void statuses_without_a_meaning_are_unknown(void **state)
{
	struct test *test = *state;

	run(test, "echo hm; exit 42");
	assert_said(test, GAVEA_UNKNOWN, "check_it exit status 42 means nothing; hm");
	run(test, "no-such-program");
	assert_int_equal(test->fake.status, GAVEA_UNKNOWN);
	assert_non_null(strstr(
		test->fake.summary, "exit status 127 means nothing: a program that it calls is not there"));
}

static void other_statuses_can_be_given_a_meaning(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "ok_codes", "0,10");
	fake_set(&test->fake, "critical_codes", "2,20-29");
	run(test, "echo x; exit 25");
	assert_said(test, GAVEA_CRITICAL, "x");
	run(test, "echo x; exit 10");
	assert_said(test, GAVEA_OK, "x");
}

static void a_signal_is_unknown(void **state)
{
	struct test *test = *state;

	run(test, "echo 'OK | a=1'; kill -SEGV $$");
	assert_said(test, GAVEA_UNKNOWN, "check_it killed by SIGSEGV; OK");
	assert_false(fake_has(&test->fake, "gavea_exec_perfdata{label=\"a\"}"));
}

static void a_program_that_does_not_end_is_ended_before_the_deadline(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "timeout_status", "critical");
	test->fake.deadline = fake_now(NULL) + 500000000;
	run(test, "echo begun; sleep 1000");
	assert_int_equal(test->fake.status, GAVEA_CRITICAL);
	assert_non_null(strstr(test->fake.summary, "check_it timed out after "));
}

static void without_output_the_errors_are_the_summary(void **state)
{
	struct test *test = *state;

	run(test, "echo 'cannot: do' >&2; echo more >&2; exit 2");
	assert_said(test, GAVEA_CRITICAL, "cannot: do");
	assert_string_equal(attribute(test, "check_it", "stderr"), "cannot: do\nmore\n");
	run(test, "exit 1");
	assert_said(test, GAVEA_WARNING, "no output");
}

static void perfdata_become_samples_in_base_units(void **state)
{
	struct test *test = *state;

	run(test, "echo \"OK | rta=250ms;;;; pl=50% 'free mem'=2KB users=3 req=9c x=U users=4 bad\"");
	assert_true(fake_find(&test->fake, "gavea_exec_perfdata_seconds{label=\"rta\"}")->value == 0.25);
	assert_true(fake_find(&test->fake, "gavea_exec_perfdata_ratio{label=\"pl\"}")->value == 0.5);
	assert_true(fake_find(&test->fake, "gavea_exec_perfdata_bytes{label=\"free mem\"}")->value == 2048);
	assert_true(fake_find(&test->fake, "gavea_exec_perfdata{label=\"users\"}")->value == 3);
	assert_int_equal(
		fake_find(&test->fake, "gavea_exec_perfdata_total{label=\"req\"}")->type, GAVEA_COUNTER);
	assert_false(fake_has(&test->fake, "gavea_exec_perfdata{label=\"x\"}"));
	assert_string_equal(fake_find_item(&test->fake, "x")->text, "not known");
	assert_string_equal(attribute(test, "check_it", "malformed_perfdata"), "bad");
	assert_true(fake_has(&test->fake, "gavea_exec_duration_seconds"));
	assert_said(test, GAVEA_OK, "OK");
}

static void thresholds_of_the_program_mark_its_items_but_change_no_status(void **state)
{
	struct test *test = *state;

	run(test, "echo 'BAD | a=7;5;10 b=12;5;10;0;20 c=1;5;10'; exit 2");
	assert_int_equal(fake_find_item(&test->fake, "a")->status, GAVEA_WARNING);
	assert_int_equal(fake_find_item(&test->fake, "b")->status, GAVEA_CRITICAL);
	assert_int_equal(fake_find_item(&test->fake, "c")->status, GAVEA_OK);
	assert_string_equal(attribute(test, "b", "maximum"), "20");
	run(test, "echo 'FINE | b=12;5;10'; exit 0");
	assert_int_equal(fake_find_item(&test->fake, "b")->status, GAVEA_OK);
}

static void thresholds_of_the_configuration_judge_beyond_the_program(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "warning", "rta=> 100ms");
	fake_set(&test->fake, "critical", "rta=> 1s");
	run(test, "echo 'OK | rta=250ms'");
	assert_said(test, GAVEA_WARNING, "rta is 250ms, warning for ~:0.1s; OK");
	run(test, "echo 'OK | rta=2s'");
	assert_said(test, GAVEA_CRITICAL, "rta is 2s, critical for ~:1s; OK");
	run(test, "echo 'OK | rta=50ms'");
	assert_said(test, GAVEA_OK, "OK");
}

static void a_value_with_a_threshold_that_is_missing_is_unknown(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "critical", "rta=> 1s");
	run(test, "echo OK");
	assert_said(test, GAVEA_UNKNOWN, "no perfdata \"rta\", which has a threshold; OK");
	run(test, "echo 'OK | rta=U'");
	assert_said(test, GAVEA_UNKNOWN, "rta is not known; OK");
	run(test, "echo 'OK | rta=5B'");
	assert_said(test, GAVEA_UNKNOWN, "rta is in \"B\", which the threshold ~:1s does not fit; OK");
}

static void labels_without_end_are_bounded(void **state)
{
	struct test *test = *state;

	run(test, "printf 'OK |'; i=0; while [ $i -lt 300 ]; do printf ' l%d=1' $i; i=$((i+1)); done");
	assert_true(fake_has(&test->fake, "gavea_exec_perfdata{label=\"l255\"}"));
	assert_null(fake_find(&test->fake, "gavea_exec_perfdata{label=\"l256\"}"));
	assert_string_equal(
		test->fake.log, "more than 256 labels of perfdata: samples of further ones are left out\n");
}

static void output_beyond_the_bound_is_said_to_be_cut(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "output_max", "1024");
	run(test, "echo first; head -c 100000 /dev/zero; exit 1");
	assert_said(test, GAVEA_WARNING, "first");
	assert_string_equal(
		attribute(test, "check_it", "output_cut"), "the program wrote more than output_max");
}

static void the_environment_is_what_is_configured_secrets_included(void **state)
{
	struct test *test = *state;

	fake_set(&test->fake, "environment", "A=1,B=two words");
	fake_set(&test->fake, "secret_environment", "# of the database\nPASS=s e=c\n\nX=1");
	run(test, "echo \"$A-$B-$PASS-$X\"");
	assert_said(test, GAVEA_OK, "1-two words-s e=c-1");
}

static void assert_refused(struct test *test, const char *key, const char *value, const char *message)
{
	void *opened = NULL;

	fake_set(&test->fake, key, value);
	assert_true(fake_open(&test->fake, &opened) < 0);
	assert_string_equal(test->fake.failure, message);
}

static void bad_options_are_refused_by_name(void **state)
{
	struct test *test = *state;

	write_script(test, "");
	assert_refused(test, "warning", "load1", "warning: \"load1\" is not of the form LABEL=RANGE");
	assert_refused(test, "critical", "a=5:1", "critical: \"5:1\": the first end is above the second");
	fake_set(&test->fake, "critical", NULL);
	fake_set(&test->fake, "warning", NULL);
	assert_refused(test, "directory", "tmp", "directory: \"tmp\" is not an absolute path");
	assert_refused(test, "ok_codes", "0,x", "ok_codes: \"x\" is no exit status, such as 3 or 10-19");
	assert_refused(test, "user", "no-such-user", "user: there is no user no-such-user");
	fake_set(&test->fake, "user", NULL);
	assert_refused(test, "secret_environment", "A=1\nhunter2",
		"secret_environment: line 2 is not of the form NAME=VALUE");
	assert_refused(test, "environment", "A=1,2B=1", "environment: entry 2 is not of the form NAME=VALUE");
	assert_refused(test, "command", "./check", "command: \"./check\" is not an absolute path");
	assert_refused(test, "command", "check_nothing",
		"command: /usr/lib/nagios/plugins/check_nothing: No such file or directory");
	assert_refused(
		test, "command", "", "command: the list is empty; it wants a program and its arguments");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_exit_status_decides_and_the_first_line_is_the_summary, setup, teardown),
		cmocka_unit_test_setup_teardown(statuses_without_a_meaning_are_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(other_statuses_can_be_given_a_meaning, setup, teardown),
		cmocka_unit_test_setup_teardown(a_signal_is_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_program_that_does_not_end_is_ended_before_the_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(without_output_the_errors_are_the_summary, setup, teardown),
		cmocka_unit_test_setup_teardown(perfdata_become_samples_in_base_units, setup, teardown),
		cmocka_unit_test_setup_teardown(
			thresholds_of_the_program_mark_its_items_but_change_no_status, setup, teardown),
		cmocka_unit_test_setup_teardown(
			thresholds_of_the_configuration_judge_beyond_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_value_with_a_threshold_that_is_missing_is_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(labels_without_end_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(output_beyond_the_bound_is_said_to_be_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_environment_is_what_is_configured_secrets_included, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_options_are_refused_by_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
