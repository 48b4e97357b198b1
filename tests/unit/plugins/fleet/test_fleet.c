/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plugin against a server on loopback; only the host is not real. */
#include "base/clock.h"
#include "tests/support/fake_output.h"
#include "tests/support/tiny_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zstd.h>

#include <cmocka.h>

#define ACK_105 "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 2\r\n\r\n\x08\x69"
#define ACK_JSON \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " \
	"18\r\n\r\n{\"ackedSeq\":\"105\"}"
#define STATUS(code, headers) "HTTP/1.1 " code " X\r\n" headers "Content-Length: 0\r\n\r\n"

struct fixture {
	struct tiny_http server;
	struct fake_output *fake;
	const struct gavea_plugin *plugin;
	void *state;
	char url[64];
};

static void start(struct fixture *f, const char *const *script, const char *const *options)
{
	size_t n = 0;

	memset(f, 0, sizeof(*f));
	tiny_start(&f->server, script);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", f->server.port);
	f->fake = malloc(sizeof(*f->fake));
	assert_non_null(f->fake);
	fake_init(f->fake);
	f->fake->options[n++] = "url";
	f->fake->options[n++] = f->url;
	f->fake->options[n++] = "request_timeout";
	f->fake->options[n++] = "20000000000";
	f->fake->options[n++] = "token";
	f->fake->options[n++] = "s3cr3t";
	for (; options && *options; options++)
		f->fake->options[n++] = *options;
	f->fake->facts[0] = "name";
	f->fake->facts[1] = "app-01";
	for (uint64_t seq = 101; seq <= 105; seq++)
		fake_add_event(f->fake, seq, "test", "something happened");
	f->plugin = gavea_plugin();
	assert_int_equal(f->plugin->open(&f->fake->check, &f->state), 0);
}

static int deliver(struct fixture *f)
{
	f->fake->next = 0;
	return f->plugin->deliver(&f->fake->check, f->state, &f->fake->batch);
}

static void stop(struct fixture *f)
{
	tiny_stop(&f->server);
	f->plugin->close(&f->fake->check, f->state);
	assert_null(strstr(buf_str(&f->fake->logs), "s3cr3t"));
	assert_true(!f->fake->failure || !strstr(f->fake->failure, "s3cr3t"));
	fake_done(f->fake);
	free(f->fake);
}

static void a_batch_is_posted_and_acknowledged(void **state)
{
	static const char *const script[] = {ACK_105, NULL};
	struct fixture f;
	const char *body;
	char raw[4096];
	size_t size;
	Gavea__V1__Report *report;

	(void)state;
	start(&f, script, NULL);
	assert_int_equal(deliver(&f), 0);
	assert_int_equal(deliver(&f), 0);
	assert_int_equal(f.fake->acknowledged, 105);
	stop(&f);
	assert_int_equal(f.server.requests, 2);
	assert_int_equal(f.server.connections, 1);
	assert_non_null(strstr(f.server.last, "POST /v1/report HTTP/1.1\r\n"));
	assert_non_null(strstr(f.server.last, "Authorization: Bearer s3cr3t\r\n"));
	assert_non_null(strstr(f.server.last, "Content-Type: application/x-protobuf\r\n"));
	assert_non_null(strstr(f.server.last, "Content-Encoding: zstd\r\n"));
	body = strstr(f.server.last, "\r\n\r\n") + 4;
	size = ZSTD_decompress(raw, sizeof(raw), body, f.server.last_size - (size_t)(body - f.server.last));
	assert_false(ZSTD_isError(size));
	report = gavea__v1__report__unpack(NULL, size, (uint8_t *)raw);
	assert_non_null(report);
	assert_string_equal(report->agent->name, "app-01");
	assert_int_equal(report->n_records, 5);
	gavea__v1__report__free_unpacked(report, NULL);
}

static void json_is_posted_on_request(void **state)
{
	static const char *const script[] = {ACK_JSON, NULL};
	static const char *const options[] = {"format", "json", "compression", "none", NULL};
	struct fixture f;

	(void)state;
	start(&f, script, options);
	assert_int_equal(deliver(&f), 0);
	assert_int_equal(f.fake->acknowledged, 105);
	stop(&f);
	assert_non_null(strstr(f.server.last, "Content-Type: application/json\r\n"));
	assert_null(strstr(f.server.last, "Content-Encoding"));
	assert_non_null(strstr(f.server.last,
		"{\"seq\":\"101\",\"timeMs\":\"1101\",\"event\":{\"kind\":\"test\","
		"\"summary\":\"something happened\"}}"));
}

static void check_failure(const char *const *script, int error, const char *failure, int64_t retry_after)
{
	struct fixture f;

	start(&f, script, NULL);
	assert_int_equal(deliver(&f), error);
	assert_non_null(strstr(f.fake->failure, failure));
	assert_int_equal(f.fake->acknowledged, 0);
	assert_int_equal(f.fake->retry_after, retry_after);
	assert_int_equal(f.fake->event_count, 0);
	stop(&f);
}

static void a_failing_server_gets_everything_later(void **state)
{
	static const char *const denied[] = {STATUS("401", ""), NULL};
	static const char *const busy[] = {STATUS("503", "Retry-After: 4\r\n"), NULL};
	static const char *const moved[] = {STATUS("308", "Location: /v1/report\r\n"), NULL};
	static const char *const garbage[] = {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noink", NULL};
	static const char *const bad[] = {STATUS("400", ""), NULL};
	static const char *const reset[] = {TINY_RESET, NULL};

	(void)state;
	check_failure(denied, -EACCES, "HTTP 401: the server refused the token", 0);
	check_failure(busy, -EREMOTEIO, "HTTP 503: the server has failed", 4 * NSEC_PER_SEC);
	check_failure(moved, -EPROTO, "redirects are not followed", 0);
	check_failure(garbage, -EPROTO, "is this a fleet server?", 0);
	check_failure(bad, -EBADMSG, "the server refuses even a report without records: HTTP 400", 0);
	check_failure(reset, -ECONNRESET, "the connection was lost", 0);
}

static void declarations_follow_a_409(void **state)
{
	static const char *const script[] = {STATUS("409", ""), ACK_105, NULL};
	static const char *const options[] = {"compression", "none", NULL};
	struct fixture f;

	(void)state;
	start(&f, script, options);
	fake_add_declaration(f.fake, 7, 1, "host/main");
	assert_int_equal(deliver(&f), 0);
	assert_int_equal(f.fake->acknowledged, 105);
	stop(&f);
	assert_int_equal(f.server.requests, 2);
	assert_non_null(memmem(f.server.last, f.server.last_size, "host/main", 9));
}

static void the_deadline_of_the_callback_counts(void **state)
{
	static const char *const script[] = {TINY_HANG, NULL};
	struct fixture f;

	(void)state;
	start(&f, script, NULL);
	f.fake->now = 5;
	f.fake->deadline = 5 + 50 * NSEC_PER_MSEC;
	assert_int_equal(deliver(&f), -ETIMEDOUT);
	assert_non_null(strstr(f.fake->failure, "no answer in time"));
	f.fake->deadline = 5;
	assert_int_equal(deliver(&f), -ETIMEDOUT);
	assert_non_null(strstr(f.fake->failure, "no time left"));
	stop(&f);
}

static void a_bad_url_is_refused_by_open(void **state)
{
	struct fake_output *fake = malloc(sizeof(*fake));
	void *opened = NULL;

	(void)state;
	assert_non_null(fake);
	fake_init(fake);
	fake->options[0] = "url";
	fake->options[1] = "http://192.0.2.1";
	assert_int_equal(gavea_plugin()->open(&fake->check, &opened), -EINVAL);
	assert_string_equal(fake->failure,
		"url: plain http is for this host only; use https:// (or, for a test, insecure = true)");
	assert_null(opened);
	gavea_plugin()->close(&fake->check, opened);
	fake_done(fake);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_posted_and_acknowledged),
		cmocka_unit_test(json_is_posted_on_request),
		cmocka_unit_test(a_failing_server_gets_everything_later),
		cmocka_unit_test(declarations_follow_a_409),
		cmocka_unit_test(the_deadline_of_the_callback_counts),
		cmocka_unit_test(a_bad_url_is_refused_by_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
