/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/backup/content.h"
#include "plugins/backup/judge.h"
#include "plugins/backup/ping.h"
#include "plugins/backup/steps.h"
#include "plugins/backup/wal.h"

#include "base/buf.h"

#include <errno.h>

#define NOW INT64_C(1000000000)
#define DAY 86400

static const struct judge_settings daily = {
	.interval = DAY, .grace = 3600, .min_count = 1, .size_change = 50};

static enum gavea_status judge_one(int64_t age, int64_t size, char *text, const char *item)
{
	static const int64_t earlier[] = {90, 100, 110};
	_cleanup_facts_ struct facts facts = {0};
	_cleanup_findings_ struct findings findings = {0};
	enum gavea_status status = GAVEA_UNKNOWN;

	assert_int_equal(facts_add(&facts, "new", NOW - age, size), 0);
	judge_backups(&daily, "/srv", &facts, earlier, 3, NOW, &findings);
	for (size_t i = 0; i < findings.count; i++)
		if (streq(findings.list[i].name, item)) {
			status = findings.list[i].status;
			strcpy(text, findings.list[i].text);
		}
	return status;
}

static void a_late_backup_warns_and_a_second_missing_one_is_critical(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(judge_one(DAY + 3600, 100, text, "age"), GAVEA_OK);
	assert_int_equal(judge_one(DAY + 3601, 100, text, "age"), GAVEA_WARNING);
	assert_int_equal(judge_one(2 * DAY + 3601, 100, text, "age"), GAVEA_CRITICAL);
	assert_int_equal(judge_one(-301, 100, text, "age"), GAVEA_UNKNOWN);
}

static void a_size_far_from_the_median_warns(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(judge_one(0, 150, text, "size"), GAVEA_OK);
	assert_int_equal(judge_one(0, 151, text, "size"), GAVEA_WARNING);
	assert_int_equal(judge_one(0, 49, text, "size"), GAVEA_WARNING);
	assert_string_equal(text,
		"the newest backup new has 49 B, -51% from the median of the last 3 (100 B): look what is "
		"missing in it or what grew");
}

static void no_backup_is_critical(void **state)
{
	_cleanup_facts_ struct facts facts = {0};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	judge_backups(&daily, "rest:https://u:secret@host/", &facts, NULL, 0, NOW, &findings);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.list[0].status, GAVEA_CRITICAL);
	assert_string_equal(findings.list[0].text,
		"there is no backup in rest:https://host/: run the backup job, and look whether it writes "
		"there");
}

static void a_record_reads_back_and_nonsense_is_refused(void **state)
{
	struct record record = {5, 3, 2, GAVEA_CRITICAL, 4, 1, "two\nlines"}, back;
	char text[1024];

	(void)state;
	record_write(&record, text);
	assert_int_equal(record_read(text, &back), 0);
	assert_memory_equal(&record, &back, sizeof(record));
	assert_int_equal(record_read("1 2 3 4 9 5 0\n", &back), -EINVAL);
	assert_int_equal(record_read("", &back), -EINVAL);
}

static void a_verification_goes_on_after_the_backup_that_was_last(void **state)
{
	const struct backup newer = {(char *)"a", 200, 1}, twin = {(char *)"a", 100, 1},
			    same = {(char *)"b\nc", 100, 1}, older = {(char *)"z", 99, 1};
	struct steps steps = {.begun = true, .time = 100, .done = 2, .bad = 1, .text = "x: cut off\n"}, back;
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	assert_true(steps_wants(&(struct steps){0}, &newer));
	steps.name = strdup("b\nc");
	assert_int_equal(steps_write(&steps, &text), 0);
	assert_int_equal(steps_read(buf_str(&text), &back), 0);
	assert_string_equal(back.name, steps.name);
	assert_string_equal(back.text, steps.text);
	assert_int_equal(back.bad, 1);
	assert_false(steps_wants(&back, &newer));
	assert_false(steps_wants(&back, &same));
	assert_true(steps_wants(&back, &twin));
	assert_true(steps_wants(&back, &older));
	steps_done(&steps);
	steps_done(&back);
	assert_int_equal(steps_read("", &back), -EINVAL);
	assert_int_equal(steps_read("1 5 1 0 0 3\nab", &back), -EINVAL);
	assert_int_equal(steps_read("1 5 1 2 0 1\nab", &back), -EINVAL);
	assert_int_equal(steps_read("1 5 1 0 -1 1\nab", &back), -EINVAL);
}

static void times_of_the_tools_are_read(void **state)
{
	int64_t time;

	(void)state;
	assert_int_equal(time_parse("2001-09-09T01:46:40.5Z", &time), 0);
	assert_int_equal(time, NOW);
	assert_int_equal(time_parse("2001-09-09 03:46:40+02:00", &time), 0);
	assert_int_equal(time, NOW);
	assert_int_equal(time_parse("2001-09-09T01:46:40", &time), 0);
	assert_int_equal(time_parse("2001-13-09T01:46:40Z", &time), -EINVAL);
	assert_int_equal(time_parse("2001-09-09T01:46:40Zx", &time), -EINVAL);
}

static enum gavea_status judge_line(
	const char *const *names, const char *start, uint32_t timeline, const char *history, char *text)
{
	struct wal_archive archive = {.segment_size = 16 << 20};
	struct wal_need need = {.backup = "B"};
	_cleanup_findings_ struct findings findings = {0};
	enum gavea_status status;

	for (; *names; names++)
		assert_int_equal(wal_add(&archive, *names, NOW - 1000), 0);
	if (history)
		assert_int_equal(wal_take_history(&archive, timeline, history), 0);
	assert_int_equal(wal_name_parse(start, 16 << 20, &need.start), 0);
	need.stop = need.start;
	wal_judge(&archive, &need, 1, 600, NOW, &findings);
	wal_done(&archive);
	assert_int_equal(findings.count, 1);
	status = findings.list[0].status;
	strcpy(text, findings.list[0].text);
	return status;
}

static enum gavea_status judge_wal(const char *const *names, const char *start, char *text)
{
	return judge_line(names, start, 0, NULL, text);
}

static void a_hole_in_the_wal_is_critical_also_where_a_log_file_ends(void **state)
{
	static const char *const whole[] = {"0000000100000000000000FE", "0000000100000000000000FF",
		"000000010000000100000000", "000000020000000100000001", NULL};
	static const char *const hole[] = {"0000000100000000000000FE", "000000010000000100000000", NULL};
	char text[1024];

	(void)state;
	assert_int_equal(judge_wal(whole, whole[0], text), GAVEA_OK);
	assert_string_equal(text, "4 WAL segments without a hole");
	assert_int_equal(judge_wal(hole, hole[0], text), GAVEA_CRITICAL);
	assert_non_null(strstr(text, "WAL 0000000100000000000000FF is missing"));
	/* Nothing that is kept needs what is older than the oldest backup. */
	assert_int_equal(judge_wal(hole, hole[1], text), GAVEA_OK);
}

/* Timeline 2 left 1 within segment 5, and 1 went on there for a while. */
static void a_timeline_has_to_begin_where_its_history_says(void **state)
{
	static const char *const whole[] = {"000000010000000000000003", "000000010000000000000004",
		"000000010000000000000005", "000000010000000000000006", "000000020000000000000005",
		"000000020000000000000006", NULL};
	static const char *const late[] = {"000000010000000000000003", "000000010000000000000004",
		"000000010000000000000005", "000000010000000000000006", "000000020000000000000007", NULL};
	static const char *const short_parent[] = {
		"000000010000000000000003", "000000020000000000000005", NULL};
	static const char history[] = "1\t0/5000028\tno recovery target specified\n";
	char text[1024];

	(void)state;
	assert_int_equal(judge_line(whole, whole[0], 2, history, text), GAVEA_OK);
	assert_int_equal(judge_line(late, late[0], 2, history, text), GAVEA_CRITICAL);
	assert_non_null(strstr(text, "WAL 000000020000000000000005 to 000000020000000000000006 is missing"));
	/* Without the history it looks whole. */
	assert_int_equal(judge_wal(late, late[0], text), GAVEA_OK);
	assert_int_equal(judge_line(short_parent, short_parent[0], 2, history, text), GAVEA_CRITICAL);
	assert_non_null(strstr(text, "WAL 000000010000000000000004 is missing"));
}

static void a_hole_on_a_timeline_that_was_given_up_warns(void **state)
{
	/* 3 left 1 at segment 5; 2 is a dead end, and so is what 1 wrote after it. */
	static const char *const dead[] = {"000000010000000000000004", "000000020000000000000005",
		"000000020000000000000008", "000000030000000000000005", NULL};
	static const char *const after[] = {"000000010000000000000004", "000000010000000000000005",
		"000000010000000000000009", "000000030000000000000005", NULL};
	static const char *const across[] = {
		"000000010000000000000003", "000000010000000000000009", "000000030000000000000005", NULL};
	static const char history[] = "# comment\n\n1\t0/5000028\tbefore transaction 7\n";
	char text[1024];

	(void)state;
	assert_int_equal(judge_line(dead, dead[0], 3, history, text), GAVEA_WARNING);
	assert_non_null(strstr(text,
		"000000020000000000000006 to 000000020000000000000007 is missing in the archive, "
		"on a timeline that was given up"));
	assert_int_equal(judge_line(after, after[0], 3, history, text), GAVEA_WARNING);
	/* Of a hole over the end of the timeline only its part before counts. */
	assert_int_equal(judge_line(across, across[0], 3, history, text), GAVEA_CRITICAL);
	assert_non_null(strstr(text, "WAL 000000010000000000000004 is missing in the archive: after"));
}

static void a_history_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "1", "1\t0\t", "2\t0/1\n1\t0/2\n", "2\t0/1\n", "1\t1/0\n2\t0/1\n"};
	struct wal_archive archive = {.segment_size = 16 << 20};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(wal_take_history(&archive, i == 5 ? 2 : 9, bad[i]), -EBADMSG);
		assert_int_equal(archive.line_count, 0);
	}
	assert_int_equal(wal_history_name("0000000A.history"), 10);
	assert_int_equal(wal_history_name("0000000A.histor"), 0);
	assert_int_equal(wal_history_name("0000000"), 0);
	wal_done(&archive);
}

static void a_history_that_is_missing_is_told(void **state)
{
	struct wal_archive archive = {.segment_size = 16 << 20, .missing_history = 2};
	struct wal_need need = {.backup = "B", .start = {1, 3, 0}, .stop = {1, 3, 0}};
	_cleanup_findings_ struct findings findings = {0};

	(void)state;
	assert_int_equal(wal_add(&archive, "000000010000000000000003", NOW - 1000), 0);
	wal_judge(&archive, &need, 1, 600, NOW, &findings);
	wal_done(&archive);
	assert_int_equal(findings.list[0].status, GAVEA_CRITICAL);
	assert_string_equal(findings.list[0].text,
		"00000002.history is missing in the archive: no backup of before can be restored onto "
		"timeline 2; make a "
		"new full backup now");
}

static void a_backup_without_its_own_wal_is_critical(void **state)
{
	static const char *const other[] = {"000000010000000000000009", NULL};
	char text[1024];

	(void)state;
	assert_int_equal(judge_wal(other, "000000010000000000000002", text), GAVEA_CRITICAL);
	assert_non_null(
		strstr(text, "backup B cannot be restored: its WAL 000000010000000000000002 is missing"));
}

static void a_failed_dump_is_told_by_its_words(void **state)
{
	struct content content = {.size = 30, .head = "pg_dump: error: no such host", .head_size = 28};
	char text[512];

	(void)state;
	assert_int_equal(content_judge(&content, 0, NULL, text), GAVEA_CRITICAL);
	assert_string_equal(
		text, "it holds an error instead of data (\"pg_dump: error…\"): look at the job's log");
	content = (struct content){0};
	assert_int_equal(content_judge(&content, 0, NULL, text), GAVEA_CRITICAL);
	assert_string_equal(text, "there is nothing in it: the job wrote no data; look at its log");
}

static void pings_know_how_long_a_job_took(void **state)
{
	struct ping ping = {0}, back;
	const char *problem;
	char text[256];

	(void)state;
	assert_int_equal(ping_take(&ping, &(struct ping_words){.state = "start"}, 100, &problem), 0);
	assert_int_equal(ping_take(&ping, &(struct ping_words){.size = "7"}, 160, &problem), 0);
	assert_int_equal(ping.seconds, 60);
	ping_write(&ping, text);
	assert_int_equal(ping_read(text, &back), 0);
	assert_memory_equal(&ping, &back, sizeof(ping));
	assert_int_equal(
		ping_take(&ping, &(struct ping_words){.state = "fail", .duration = "2min"}, 200, &problem),
		0);
	assert_int_equal(ping.seconds, 120);
	assert_int_equal(ping.size, 7);
	assert_int_equal(ping.failed, 200);
	/* Within the same second. */
	assert_int_equal(ping_take(&ping, &(struct ping_words){.state = "success"}, 200, &problem), 0);
	assert_int_equal(ping.failed, 0);
	assert_int_equal(ping.seconds, -1);
	assert_int_equal(ping.size, -1);
	assert_int_equal(ping_read("1 2", &back), -EINVAL);
}

static void pings_that_make_no_sense_change_nothing(void **state)
{
	static const struct {
		struct ping_words words;
		const char *problem;
	} cases[] = {
		{{.state = "done"}, "state: wanted start, success or fail"},
		{{.size = "much"}, "size: wanted bytes, or such as 10MiB"},
		{{.size = "9223372036854775808"}, "size: wanted bytes, or such as 10MiB"},
		{{.duration = "-1s"}, "duration: wanted such as 90s, or 1h 30min"},
		{{.state = "start", .duration = "90"}, "duration: wanted such as 90s, or 1h 30min"},
	};
	struct ping ping = {.started = 5}, before = ping;
	const char *problem;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ping_take(&ping, &cases[i].words, 100, &problem), -EINVAL);
		assert_string_equal(problem, cases[i].problem);
		assert_memory_equal(&ping, &before, sizeof(ping));
	}
}

static void windows_are_of_one_form(void **state)
{
	(void)state;
	assert_int_equal(window_contains("00:00-24:00", NOW), 1);
	assert_int_equal(window_contains("25:00-26:00", NOW), -EINVAL);
	assert_int_equal(window_contains("22:00", NOW), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_backup_warns_and_a_second_missing_one_is_critical),
		cmocka_unit_test(a_size_far_from_the_median_warns),
		cmocka_unit_test(no_backup_is_critical),
		cmocka_unit_test(a_record_reads_back_and_nonsense_is_refused),
		cmocka_unit_test(a_verification_goes_on_after_the_backup_that_was_last),
		cmocka_unit_test(times_of_the_tools_are_read),
		cmocka_unit_test(a_hole_in_the_wal_is_critical_also_where_a_log_file_ends),
		cmocka_unit_test(a_timeline_has_to_begin_where_its_history_says),
		cmocka_unit_test(a_hole_on_a_timeline_that_was_given_up_warns),
		cmocka_unit_test(a_history_that_is_none_is_refused),
		cmocka_unit_test(a_history_that_is_missing_is_told),
		cmocka_unit_test(a_backup_without_its_own_wal_is_critical),
		cmocka_unit_test(a_failed_dump_is_told_by_its_words),
		cmocka_unit_test(pings_know_how_long_a_job_took),
		cmocka_unit_test(pings_that_make_no_sense_change_nothing),
		cmocka_unit_test(windows_are_of_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
