/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/stream.h"

#include "fleet/web/web.h"
#include "tests/unit/fleet/web/fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	return model_new(NULL, 0, (struct model **)state);
}

static int teardown(void **state)
{
	model_free(*state);
	return 0;
}

static void only_ids_of_this_instance_count_as_seen(void **state _unused_)
{
	assert_int_equal(streams_seen("abc", "abc-42"), 42);
	assert_int_equal(streams_seen("abc", "abd-42"), 0);
	assert_int_equal(streams_seen("abc", "abc-"), 0);
	assert_int_equal(streams_seen("abc", "abc-4x"), 0);
	assert_int_equal(streams_seen("abc", "abc"), 0);
	assert_int_equal(streams_seen("abc", ""), 0);
	assert_int_equal(streams_seen("abc", NULL), 0);
}

static void a_change_names_the_hosts_that_changed(void **state)
{
	struct model *model = *state;
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT, future = BUF_INIT;
	uint64_t seen;

	tell(model, 1, "one", NULL, 0);
	seen = streams_write_change(model, "i", 0, &first);
	assert_int_equal(seen, model_generation(model));
	assert_on(&first, "event: change\ndata: {\"all\":true}\n\n");
	tell(model, 2, "two", NULL, 0);
	assert_true(streams_write_change(model, "i", seen, &second) > seen);
	assert_on(&second, "data: {\"hosts\":[\"00000000000000000000000000000002\"]}\n\n");
	streams_write_change(model, "i", UINT64_MAX, &future);
	assert_on(&future, "{\"all\":true}");
}

static void a_change_of_very_many_hosts_names_none(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char name[16];

	for (unsigned i = 1; i <= 250; i++) {
		snprintf(name, sizeof name, "h%u", i);
		tell(*state, i, name, NULL, 0);
	}
	streams_write_change(*state, "i", 1, &out);
	assert_on(&out, "{\"all\":true}");
}

/* ---- Over HTTP ---- */

static void on_request(struct httpd_request *request, void *userdata)
{
	assert_int_equal(web_handle(userdata, request), 1);
}

static int request(const struct httpd *httpd, const char *head)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(httpd_port(httpd)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(fd, head, strlen(head)), strlen(head));
	return fd;
}

/* Reads until a text has come. */
static void wait_for(int fd, struct buf *in, const char *text)
{
	while (!strstr(buf_str(in), text)) {
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		char bytes[4096];
		ssize_t n;

		assert_int_equal(poll(&pollfd, 1, 60000), 1);
		n = read(fd, bytes, sizeof bytes);
		assert_true(n > 0);
		buf_add(in, bytes, (size_t)n);
	}
}

static void a_stream_tells_of_changes_as_they_come(void **state)
{
	const struct httpd_settings settings = {.address = "127.0.0.1",
		.threads = 2,
		.max_connections = 2 * STREAMS_MAX,
		.idle_timeout_s = 60};
	struct model *model = *state;
	struct web *web = web_new(model, NULL);
	_cleanup_buf_ struct buf in = BUF_INIT;
	struct httpd *httpd;
	int fd;

	assert_non_null(web);
	assert_int_equal(httpd_start(&settings, NULL, on_request, web, &httpd, NULL), 0);
	fd = request(httpd, "GET /events/stream HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_for(fd, &in, "retry: 3000");
	assert_on(&in, "text/event-stream");
	assert_on(&in, "Content-Security-Policy");
	tell(model, 7, "seven", NULL, 0);
	model_notify(model);
	wait_for(fd, &in, "event: change");
	buf_reset(&in);
	tell(model, 8, "eight", NULL, 0);
	model_notify(model);
	wait_for(fd, &in, "[\"00000000000000000000000000000008\"]");
	httpd_stop(httpd);
	web_free(web);
	close(fd);
}

static void there_is_an_end_to_streams(void **state)
{
	const struct httpd_settings settings = {.address = "127.0.0.1",
		.threads = 2,
		.max_connections = 2 * STREAMS_MAX,
		.idle_timeout_s = 60};
	struct web *web = web_new(*state, NULL);
	int fds[STREAMS_MAX + 1];
	struct httpd *httpd;

	assert_non_null(web);
	assert_int_equal(httpd_start(&settings, NULL, on_request, web, &httpd, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		_cleanup_buf_ struct buf in = BUF_INIT;

		fds[i] = request(httpd, "GET /events/stream HTTP/1.1\r\nHost: x\r\n\r\n");
		wait_for(fds[i], &in, "\r\n\r\n");
		assert_on(&in, i < STREAMS_MAX ? "HTTP/1.1 200" : "HTTP/1.1 503");
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	httpd_stop(httpd);
	web_free(web);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_ids_of_this_instance_count_as_seen),
		cmocka_unit_test_setup_teardown(a_change_names_the_hosts_that_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_of_very_many_hosts_names_none, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_tells_of_changes_as_they_come, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_streams, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
