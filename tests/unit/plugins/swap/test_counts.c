/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a line of a proxy's log. */
#include "base/buf.h"
#include "base/clock.h"
#include "plugins/swap/counts.h"
#include "plugins/swap/logline.h"
#include "plugins/swap/logtail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define MS NSEC_PER_MSEC

static struct logline parsed(const char *text)
{
	struct logline line;

	if (logline_parse(text, strlen(text), &line) < 0)
		fail_msg("refused: %s", text);
	return line;
}

/* HAProxy's line with these status, termination, times and retries. */
static struct logline haproxy(
	int status, const char *end, int queue, int connect, int answer, const char *retries)
{
	char text[256];

	snprintf(text, sizeof text,
		"{\"b\":\"shop\",\"s\":\"g1\",\"st\":%d,\"ts\":\"%s\",\"tw\":%d,\"tc\":%d,\"tr\":%d,\"rc\":"
		"\"%s\"}\n",
		status, end, queue, connect, answer, retries);
	return parsed(text);
}

static struct logline nginx(int status, const char *statuses, const char *times)
{
	char text[256];

	snprintf(text, sizeof text, "{\"b\":\"shop\",\"st\":%d,\"us\":\"%s\",\"ut\":\"%s\"}", status,
		statuses, times);
	return parsed(text);
}

static void a_request_waits_for_queue_connection_and_answer(void **state)
{
	struct logline line = haproxy(200, "----", 5, 10, 100, "0");

	(void)state;
	assert_int_equal(line.wait, 115 * MS);
	assert_false(line.failed || line.aborted || line.redispatched || line.local);
	assert_memory_equal(line.backend.at, "shop", line.backend.size);
	assert_int_equal(line.server.size, 2);
	assert_int_equal(haproxy(404, "----", 0, 0, 1, "0").failed, false);
}

static void failures_are_those_of_the_server_and_of_haproxy(void **state)
{
	(void)state;
	assert_true(haproxy(500, "----", 0, 0, 3, "0").failed);
	assert_true(haproxy(503, "SC--", 0, -1, -1, "3").failed);
	assert_true(haproxy(504, "sH--", 0, 0, -1, "0").failed);
	assert_true(haproxy(502, "PH--", 0, 0, -1, "0").failed);
	assert_true(haproxy(-1, "SH--", 0, 0, -1, "0").failed);
	assert_true(haproxy(200, "SD--", 0, 0, 3, "0").failed);
	assert_true(haproxy(200, "sD--", 0, 0, 3, "0").failed);
	assert_true(haproxy(200, "KD--", 0, 0, 3, "0").failed);
	assert_true(haproxy(200, "DD--", 0, 0, 3, "0").failed);
	assert_true(haproxy(200, "----", 0, 0, -1, "0").failed);
	assert_int_equal(haproxy(504, "sH--", 0, 0, -1, "0").wait, -1);
	/* A server's own 5xx stands, though the client then left. */
	assert_true(haproxy(503, "CD--", 0, 0, 3, "0").failed);
}

static void tunnels_end_as_they_should(void **state)
{
	(void)state;
	assert_false(haproxy(101, "SD--", 0, 0, 3, "0").failed);
	assert_false(haproxy(101, "sD--", 0, 0, 3, "0").failed);
	assert_true(haproxy(101, "CD--", 0, 0, 3, "0").aborted);
}

static void clients_that_leave_are_neither_good_nor_bad(void **state)
{
	const char *const ends[] = {"CR--", "cR--", "CQ--", "CC--", "CH--", "cD--", "CD--"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct logline line = haproxy(i < 5 ? -1 : 200, ends[i], 0, 0, i < 5 ? -1 : 3, "0");

		assert_true(line.aborted);
		assert_false(line.failed);
	}
	assert_false(haproxy(-1, "----", 0, 0, -1, "0").aborted);
}

static void answers_by_rule_of_the_proxy_are_not_slow(void **state)
{
	struct logline line = haproxy(302, "LR--", 0, -1, -1, "0");

	(void)state;
	assert_true(line.local);
	assert_false(line.failed);
	assert_true(haproxy(403, "PR--", 0, -1, -1, "0").local);
	assert_false(haproxy(503, "LR--", 0, -1, -1, "0").local);
}

static void retries_with_a_plus_were_meant_for_another_server(void **state)
{
	(void)state;
	assert_true(haproxy(200, "----", 0, 0, 3, "+1").redispatched);
	assert_false(haproxy(200, "----", 0, 0, 3, "1").redispatched);
}

static void nginx_asks_another_upstream_only_after_a_failure(void **state)
{
	struct logline line = nginx(200, "502, 200", "0.001, 0.250");

	(void)state;
	assert_true(line.redispatched);
	assert_false(line.failed);
	assert_int_equal(line.wait, 251 * MS);
	assert_false(nginx(200, "200", "0.250").redispatched);
	assert_true(nginx(200, "502 : 200", "0.001 : 0.250").redispatched);
	assert_true(nginx(200, "-, 200", "-, 0.250").redispatched);
	assert_true(nginx(502, "502, 502", "0.001, 0.002").failed);
	assert_true(nginx(504, "504", "1.001").failed);
	assert_true(nginx(499, "-", "-").aborted);
	assert_int_equal(nginx(499, "", "").wait, -1);
	assert_true(nginx(404, "", "").local);
	assert_int_equal(nginx(200, "200", "12").wait, 12000 * MS);
	assert_int_equal(nginx(200, "200", "0.000").wait, 0);
}

static void lines_are_read_behind_headers_and_with_fields_of_others(void **state)
{
	struct logline line =
		parsed("<134>Nov 25 06:00:00 lb haproxy[4711]: {\"path\": \"/a\\\"b\\\\\", \"n\": 1.5e3, "
		       "\"ok\": true, \"b\": \"shop\" , \"st\":200,\"ts\":\"----\",\"tr\":+7}\r\n");

	(void)state;
	assert_int_equal(line.wait, 7 * MS);
	assert_int_equal(line.server.size, 0);
}

static void lines_that_are_something_else_are_refused(void **state)
{
	const char *const bad[] = {
		"",
		"{",
		"{}",
		"[]",
		"GET / HTTP/1.1",
		"{\"b\":\"x\",\"st\":200}",
		"{\"b\":\"x\",\"st\":200,\"ts\":\"----\"}",
		"{\"b\":\"x\",\"st\":\"ok\",\"ts\":\"----\",\"tr\":1}",
		"{\"b\":\"x\",\"st\":200,\"ts\":\"-\",\"tr\":1}",
		"{\"b\":\"x\",\"st\":200,\"ts\":\"----\",\"tr\":1.5}",
		"{\"b\":\"x\",\"st\":200,\"ts\":\"----\",\"tr\":1} x",
		"{\"b\":\"x\",\"st\":200,\"ts\":\"----\",\"tr\":1,}",
		"{\"b\":\"x\",\"b\":\"y\",\"st\":200,\"ts\":\"----\",\"tr\":1}",
		"{\"b\":{\"x\":1},\"st\":200,\"ts\":\"----\",\"tr\":1}",
		"{\"b\":\"x\",\"st\":9999999999999999999,\"ts\":\"----\",\"tr\":1}",
		"{\"b\":\"x\ny\",\"st\":200,\"ts\":\"----\",\"tr\":1}",
		"{\"b\":\"x\",\"st\":200,\"us\":\"ok\",\"ut\":\"1\"}",
		"{\"b\":\"x\",\"st\":200,\"us\":\"200\",\"ut\":\"1.2.3\"}",
		"{\"b\":\"x\",\"st\":200,\"us\":\"200\",\"ut\":\"0.0000000001\"}",
		"{\"b\":\"x\",\"st\":200,\"us\":\"200\",\"ut\":\"-1\"}",
	};
	struct logline line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (logline_parse(bad[i], strlen(bad[i]), &line) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

static const int64_t limits[] = {100 * MS, 2000 * MS};
static char log_path[64];

static struct counts *open_counts(const char *blue, const char *green)
{
	struct counts_settings settings = {.file = log_path,
		.backend = {blue, green},
		.limits = limits,
		.limit_count = ARRAY_SIZE(limits)};
	struct counts *counts;

	assert_int_equal(counts_open(&settings, &counts, NULL), 0);
	return counts;
}

static void add(struct counts *counts, const char *text)
{
	counts_line(counts, text, strlen(text));
}

#define LINE(backend, server, status, end, answer, retries) \
	"{\"b\":\"" backend "\",\"s\":\"" server "\",\"st\":" status ",\"ts\":\"" end \
	"--\",\"tw\":0,\"tc\":0,\"tr\":" answer ",\"rc\":\"" retries "\"}"

static void each_colour_has_its_own_numbers(void **state)
{
	struct counts *counts = open_counts("blue", "green");
	struct counts_view view;

	(void)state;
	add(counts, LINE("blue", "b1", "200", "--", "99", "0"));
	add(counts, LINE("blue", "b1", "200", "--", "100", "0"));
	add(counts, LINE("green", "g1", "504", "sH", "-1", "0"));
	add(counts, LINE("green", "g1", "500", "--", "5", "0"));
	add(counts, LINE("green", "g1", "200", "--", "2000", "0"));
	add(counts, LINE("green", "g1", "-1", "CH", "-1", "0"));
	add(counts, LINE("green", "<NOSRV>", "302", "LR", "-1", "0"));
	add(counts, LINE("green2", "g1", "200", "--", "5", "0"));
	add(counts, "Proxy shop stopped (cumulated conns: FE: 3, BE: 0).");
	add(counts, "{nonsense");
	counts_view(counts, &view);
	assert_int_equal(view.side[COLOUR_BLUE].requests, 2);
	assert_int_equal(view.side[COLOUR_BLUE].slow[0], 1);
	assert_int_equal(view.side[COLOUR_GREEN].requests, 4);
	assert_int_equal(view.side[COLOUR_GREEN].errors, 2);
	assert_int_equal(view.side[COLOUR_GREEN].slow[0], 2);
	assert_int_equal(view.side[COLOUR_GREEN].slow[1], 2);
	assert_int_equal(view.side[COLOUR_GREEN].aborted, 1);
	assert_int_equal(view.others, 2);
	assert_int_equal(view.malformed, 1);
	assert_true(view.last_ns > 0);
	counts_close(counts);
}

static void a_redispatch_is_an_error_of_the_one_that_was_meant(void **state)
{
	struct counts *counts = open_counts("blue", "green");
	struct counts_view view;

	(void)state;
	/* Within a colour's own backend one of its servers is dead. */
	add(counts, LINE("green", "g1", "200", "--", "5", "+1"));
	counts_view(counts, &view);
	assert_int_equal(view.side[COLOUR_GREEN].errors, 1);
	assert_int_equal(view.side[COLOUR_GREEN].redispatched, 1);
	assert_int_equal(view.side[COLOUR_GREEN].slow[0], 0);
	counts_close(counts);
	/* With a server for each colour the log names the one that helped out. */
	counts = open_counts("shop/blue", "shop/green");
	add(counts, LINE("shop", "blue", "200", "--", "5", "+1"));
	add(counts, LINE("shop", "blue", "200", "--", "5", "0"));
	add(counts, LINE("shop", "other", "200", "--", "5", "0"));
	add(counts, LINE("shop2", "blue", "200", "--", "5", "0"));
	counts_view(counts, &view);
	assert_int_equal(view.side[COLOUR_GREEN].requests, 1);
	assert_int_equal(view.side[COLOUR_GREEN].errors, 1);
	assert_int_equal(view.side[COLOUR_BLUE].requests, 1);
	assert_int_equal(view.side[COLOUR_BLUE].errors, 0);
	assert_int_equal(view.others, 2);
	counts_close(counts);
}

static void settings_that_can_not_be_are_named(void **state)
{
	struct error error = ERROR_INIT;
	struct counts_settings settings = {.limits = limits, .limit_count = COUNTS_LIMITS_MAX + 1};
	struct counts *counts;

	(void)state;
	assert_int_equal(counts_open(&settings, &counts, &error), -EINVAL);
	assert_string_equal(error.message, "more than 8 limits on times");
	settings.limit_count = 0;
	assert_int_equal(counts_open(&settings, &counts, &error), -EINVAL);
	assert_string_equal(error.message, "neither a socket nor a file to read the proxy's log from");
	settings.file = "/tmp";
	assert_int_equal(counts_open(&settings, &counts, &error), -EINVAL);
	assert_string_equal(error.message, "/tmp: it is no regular file");
	settings.file = NULL;
	settings.socket = "/proc/none/log.sock";
	assert_int_equal(counts_open(&settings, &counts, &error), -ENOENT);
	assert_string_equal(
		error.message, "/proc/none/log.sock: can't make the socket: No such file or directory");
	settings.socket = "log.sock";
	assert_int_equal(counts_open(&settings, &counts, &error), -EINVAL);
	assert_string_equal(error.message,
		"\"log.sock\": expected the absolute path of a socket, or 127.0.0.1:PORT for UDP");
	settings.socket = "192.0.2.1:5514";
	assert_int_equal(counts_open(&settings, &counts, &error), -EINVAL);
	assert_string_equal(error.message,
		"192.0.2.1:5514: not an address of the loopback: anybody in the network could write lines");
	settings.socket = "/tmp";
	assert_int_equal(counts_open(&settings, &counts, &error), -EEXIST);
	assert_string_equal(error.message, "/tmp: something that is no socket is in the way");
	error_done(&error);
}

static void append(const char *path, const char *text)
{
	FILE *file = fopen(path, "ae");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void gather(void *userdata, const char *text, size_t size)
{
	struct buf *all = userdata;

	buf_add(all, text, MIN(size, (size_t)10));
	buf_add_char(all, '|');
}

static void assert_tail(struct logtail *tail, const char *expected)
{
	struct buf all = BUF_INIT;

	assert_int_equal(logtail_read(tail, gather, &all), 0);
	assert_string_equal(buf_str(&all), expected);
	buf_done(&all);
}

static void a_log_is_followed_from_its_end_over_its_rotation(void **state)
{
	char old[80];
	struct logtail *tail;

	(void)state;
	snprintf(old, sizeof old, "%s.1", log_path);
	append(log_path, "before\n");
	assert_int_equal(logtail_open(log_path, &tail, NULL), 0);
	assert_tail(tail, "");
	append(log_path, "one\ntwo\nthr");
	assert_tail(tail, "one|two|");
	append(log_path, "ee\n");
	assert_tail(tail, "three|");
	assert_int_equal(rename(log_path, old), 0);
	append(old, "late\n");
	assert_tail(tail, "late|");
	append(log_path, "new\n");
	append(old, "later\n");
	assert_tail(tail, "later|new|");
	append(old, "latest\n");
	assert_tail(tail, "latest|");
	logtail_free(tail);
	unlink(old);
}

static void a_log_that_is_not_there_yet_is_read_from_its_beginning(void **state)
{
	struct logtail *tail;

	(void)state;
	unlink(log_path);
	assert_int_equal(logtail_open(log_path, &tail, NULL), 0);
	assert_tail(tail, "");
	append(log_path, "first\n");
	assert_tail(tail, "first|");
	logtail_free(tail);
}

static void a_log_that_was_cut_short_is_told(void **state)
{
	struct logtail *tail;
	struct buf all = BUF_INIT;

	(void)state;
	append(log_path, "a line\n");
	assert_int_equal(logtail_open(log_path, &tail, NULL), 0);
	assert_int_equal(truncate(log_path, 0), 0);
	append(log_path, "x\n");
	assert_int_equal(logtail_read(tail, gather, &all), 1);
	assert_string_equal(buf_str(&all), "x|");
	buf_done(&all);
	logtail_free(tail);
}

static void a_line_without_end_costs_one_line(void **state)
{
	struct logtail *tail;
	char *text = malloc(200001);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 200000);
	text[200000] = '\0';
	assert_int_equal(logtail_open(log_path, &tail, NULL), 0);
	append(log_path, text);
	assert_tail(tail, "xxxxxxxxxx|");
	append(log_path, "x\nnext\n");
	assert_tail(tail, "next|");
	logtail_free(tail);
	free(text);
}

static char folder[] = "/tmp/gavea-test-counts-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(log_path, sizeof log_path, "%s/log", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(log_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_waits_for_queue_connection_and_answer),
		cmocka_unit_test(failures_are_those_of_the_server_and_of_haproxy),
		cmocka_unit_test(tunnels_end_as_they_should),
		cmocka_unit_test(clients_that_leave_are_neither_good_nor_bad),
		cmocka_unit_test(answers_by_rule_of_the_proxy_are_not_slow),
		cmocka_unit_test(retries_with_a_plus_were_meant_for_another_server),
		cmocka_unit_test(nginx_asks_another_upstream_only_after_a_failure),
		cmocka_unit_test(lines_are_read_behind_headers_and_with_fields_of_others),
		cmocka_unit_test(lines_that_are_something_else_are_refused),
		cmocka_unit_test(each_colour_has_its_own_numbers),
		cmocka_unit_test(a_redispatch_is_an_error_of_the_one_that_was_meant),
		cmocka_unit_test(settings_that_can_not_be_are_named),
		cmocka_unit_test(a_log_is_followed_from_its_end_over_its_rotation),
		cmocka_unit_test(a_log_that_is_not_there_yet_is_read_from_its_beginning),
		cmocka_unit_test(a_log_that_was_cut_short_is_told),
		cmocka_unit_test(a_line_without_end_costs_one_line),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
