/* SPDX-License-Identifier: Apache-2.0 */
/* The one line, and N of M. */
#include "plugins/dns/summary.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void add(struct findings *findings, bool of_server, const char *name, enum gavea_status status,
	const char *text)
{
	struct finding *finding = findings_add(findings, "%s", name);

	finding->of_server = of_server;
	finding_say(finding, status, "%s", text);
}

static void assert_summary(
	struct findings *findings, size_t at_least, enum gavea_status status, const char *line)
{
	struct settings settings = {.name_text = "www.example", .type_name = "A", .at_least = at_least};
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_int_equal(summary_make(&settings, findings, &out).status, status);
	assert_string_equal(buf_str(&out), line);
	findings_done(findings);
}

static void what_is_right_is_told_with_the_answer(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	add(&findings, true, "a", GAVEA_OK, "192.0.2.1");
	add(&findings, false, "dnssec", GAVEA_OK, "secure");
	assert_summary(
		&findings, 0, GAVEA_OK, "www.example A: 1 of 1 server right: 192.0.2.1; dnssec secure");
}

static void the_worst_is_told_first(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	add(&findings, true, "a", GAVEA_WARNING, "slow");
	add(&findings, true, "b", GAVEA_UNKNOWN, "not asked");
	add(&findings, true, "c", GAVEA_CRITICAL, "timeout");
	assert_summary(&findings, 0, GAVEA_CRITICAL,
		"www.example A: 1 of 3 servers right; c: timeout; b: not asked; and 1 more");
}

static void enough_servers_make_the_others_a_warning(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	add(&findings, true, "a", GAVEA_OK, "192.0.2.1");
	add(&findings, true, "b", GAVEA_CRITICAL, "timeout");
	assert_summary(&findings, 1, GAVEA_WARNING, "www.example A: 1 of 2 servers right; b: timeout");
}

static void too_few_servers_are_critical_even_when_all_are_right(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	add(&findings, true, "a", GAVEA_OK, "192.0.2.1");
	assert_summary(
		&findings, 2, GAVEA_CRITICAL, "www.example A: 1 of 1 server right, at least 2 must be");
}

static void no_server_is_unknown(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	assert_summary(
		&findings, 0, GAVEA_UNKNOWN, "www.example A: 0 of 0 servers right, there was none to ask");
}

static void findings_of_the_zone_are_not_excused(void **state)
{
	struct findings findings = FINDINGS_INIT;

	(void)state;
	add(&findings, true, "a", GAVEA_OK, "192.0.2.1");
	add(&findings, false, "dnssec", GAVEA_CRITICAL, "bogus");
	assert_summary(&findings, 1, GAVEA_CRITICAL, "www.example A: 1 of 1 server right; dnssec: bogus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_is_told_with_the_answer),
		cmocka_unit_test(the_worst_is_told_first),
		cmocka_unit_test(enough_servers_make_the_others_a_warning),
		cmocka_unit_test(too_few_servers_are_critical_even_when_all_are_right),
		cmocka_unit_test(no_server_is_unknown),
		cmocka_unit_test(findings_of_the_zone_are_not_excused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
