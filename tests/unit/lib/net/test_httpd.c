/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "net/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

struct fixture {
	struct httpd *httpd;
	struct error error;
	pthread_t thread;
	pthread_mutex_t mutex; /* of stream */
	struct httpd_stream *stream;
	atomic_int ticks; /* that the stream has to tell */
	atomic_int closed;
	_Atomic(struct httpd_request *) held;
};

static void *answer_later(void *userdata)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	nanosleep(&pause, NULL);
	httpd_answer(userdata, 200, "text/plain", "later", 5);
	return NULL;
}

static ssize_t read_stream(void *userdata, char *buffer, size_t size)
{
	struct fixture *f = userdata;

	if (f->ticks == 0 || size < 5)
		return 0;
	f->ticks--;
	memcpy(buffer, "tick\n", 5);
	return 5;
}

static void stream_closed(void *userdata)
{
	struct fixture *f = userdata;

	pthread_mutex_lock(&f->mutex);
	f->stream = NULL;
	pthread_mutex_unlock(&f->mutex);
	f->closed = 1;
}

static ssize_t admit(struct httpd_request *request, void *userdata _unused_)
{
	return strcmp(httpd_path(request), "/closed") == 0 ? -401 : 10;
}

static void handle(struct httpd_request *request, void *userdata)
{
	struct fixture *f = userdata;
	const char *path = httpd_path(request);
	size_t size;
	const void *body = httpd_body(request, &size);

	if (strcmp(path, "/later") == 0) {
		httpd_suspend(request);
		pthread_create(&f->thread, NULL, answer_later, request);
	} else if (strcmp(path, "/held") == 0) {
		httpd_suspend(request);
		f->held = request;
	} else if (strcmp(path, "/stream") == 0) {
		pthread_mutex_lock(&f->mutex);
		f->stream = httpd_answer_stream(request, "text/event-stream", read_stream, stream_closed, f);
		pthread_mutex_unlock(&f->mutex);
	} else if (strcmp(path, "/query") == 0) {
		const char *value = httpd_query(request, "q");

		httpd_answer(request, 200, "text/plain", value ? value : "-", value ? strlen(value) : 1);
	} else if (strcmp(path, "/echo") == 0) {
		httpd_set_header(request, "X-Peer", httpd_peer(request));
		httpd_answer(request, 200, "text/plain", body, size);
	} else {
		httpd_answer_error(request, 404, "no \"%s\"", path);
	}
}

static int setup(void **state)
{
	const struct httpd_settings settings = {.address = "127.0.0.1",
		.threads = 2,
		.max_connections = 20,
		.idle_timeout_s = 10,
		.max_body = 10};
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	if (f)
		pthread_mutex_init(&f->mutex, NULL);
	return f ? httpd_start(&settings, admit, handle, f, &f->httpd, &f->error) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	httpd_stop(f->httpd);
	error_done(&f->error);
	pthread_mutex_destroy(&f->mutex);
	free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	const struct timeval patience = {.tv_sec = 10};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(httpd_port(f->httpd))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

/* Reads until the text is there or the peer has hung up. */
static void read_until(int fd, struct buf *answer, const char *text)
{
	ssize_t n = 1;

	while (n > 0 && !strstr(buf_str(answer), text)) {
		char *at = buf_extend(answer, 1024);

		n = recv(fd, at, 1024, 0);
		answer->size += n > 0 ? (size_t)n : 0;
		answer->data[answer->size] = 0;
	}
	if (!strstr(buf_str(answer), text))
		fail_msg("no '%s' in '%s'", text, buf_str(answer));
}

static void expect(const struct fixture *f, const char *request, const char *status, const char *text)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int fd = dial(f);

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	read_until(fd, &answer, text);
	if (strncmp(buf_str(&answer), status, strlen(status)) != 0)
		fail_msg("'%s' does not begin with '%s'", buf_str(&answer), status);
	close(fd);
}

static void a_body_comes_whole(void **state)
{
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 ",
		"\r\n\r\nhello");
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 ",
		"X-Peer: 127.0.0.1\r\n");
}

static void a_body_over_the_bound_is_refused(void **state)
{
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world",
		"HTTP/1.1 413 ", "{\"error\":\"the body is too large\"}");
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", "HTTP/1.1 413 ",
		"too large");
	expect(*state,
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello "
		"world\r\n0\r\n\r\n",
		"HTTP/1.1 413 ", "too large");
}

static void a_refused_body_is_drained_before_the_answer(void **state)
{
	expect(*state, "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 401 ",
		"token");
}

static void queries_and_paths_are_decoded(void **state)
{
	expect(*state, "GET /que%72y?q=a%20b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\na b");
	expect(*state, "GET /query HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n-");
	expect(*state, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
		"{\"error\":\"no \\\"/nothing\\\"\"}");
	expect(*state, "GET /query?q=%zz%4 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n%zz%4");
}

static void a_nul_byte_cuts_nothing_short(void **state)
{
	expect(*state, "GET /query%00/../x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "/query%00/../x");
	expect(*state, "GET /query?q=1%002 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n1%002");
}

static void a_whole_address_is_taken_as_its_path(void **state)
{
	expect(*state, "GET http://x:80/query?q=a HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\na");
	expect(*state, "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "no \\\"/\\\"");
}

static void a_body_without_end_loses_its_connection(void **state)
{
	static const char chunk[] = "8\r\nabcdefgh\r\n";
	const char *head = "POST /closed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	const char *small = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	ssize_t sent;
	int fd;

	expect(*state, head, "HTTP/1.1 401 ", "token"); /* at once: how long it will be is not known */
	fd = dial(*state);
	sent = send(fd, small, strlen(small), MSG_NOSIGNAL);
	for (int i = 0; i < 1000000 && sent > 0; i++)
		sent = send(fd, chunk, strlen(chunk), MSG_NOSIGNAL);
	assert_int_equal(sent, -1);
	close(fd);
}

static void requests_on_one_connection_are_answered_in_their_order(void **state)
{
	expect(*state,
		"GET /query?q=one HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: "
		"x\r\nContent-Length: "
		"3\r\n\r\ntwoGET /query?q=three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 ", "\r\n\r\nthree");
}

static void lengths_that_contradict_each_other_are_refused(void **state)
{
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 ",
		"\r\n\r\n");
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 ",
		"\r\n\r\n");
	expect(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 413 ", "\r\n\r\n");
	expect(*state,
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"HTTP/1.1 400 ", "\r\n\r\n");
	expect(*state,
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 400 ", "\r\n\r\n");
}

static void a_flood_of_headers_is_refused(void **state)
{
	_cleanup_buf_ struct buf request = BUF_INIT;

	buf_add_str(&request, "GET /query HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 3000; i++)
		buf_printf(&request, "X-%d: flood\r\n", i);
	buf_add_str(&request, "\r\n");
	expect(*state, buf_str(&request), "HTTP/1.1 431 ", "\r\n\r\n");
}

static void every_answer_forbids_guessing_its_type(void **state)
{
	expect(*state, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ",
		"X-Content-Type-Options: nosniff\r\n");
}

static void *answer_after_the_stop(void *userdata)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	nanosleep(&pause, NULL);
	httpd_answer(userdata, 200, "text/plain", "later", 5);
	return NULL;
}

static void stopping_waits_for_those_who_will_answer(void **state)
{
	const struct httpd_settings settings = {.address = "127.0.0.1",
		.threads = 2,
		.max_connections = 20,
		.idle_timeout_s = 10,
		.max_body = 10,
		.stop_wait_ms = 1};
	const char *request = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";
	const struct timespec pause = {.tv_nsec = 1000000};
	_cleanup_buf_ struct buf answer = BUF_INIT;
	struct fixture *f = *state;
	int fd;

	httpd_stop(f->httpd);
	assert_int_equal(httpd_start(&settings, admit, handle, f, &f->httpd, &f->error), 0);
	fd = dial(f);
	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	while (!f->held)
		nanosleep(&pause, NULL);
	assert_int_equal(pthread_create(&f->thread, NULL, answer_after_the_stop, f->held), 0);
	httpd_stop(TAKE_PTR(f->httpd));
	pthread_join(f->thread, NULL);
	read_until(fd, &answer, "later");
	assert_non_null(strstr(buf_str(&answer), "Connection: close\r\n"));
	close(fd);
}

static void another_thread_may_answer(void **state)
{
	struct fixture *f = *state;

	expect(f, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\nlater");
	pthread_join(f->thread, NULL);
}

static void tick(struct fixture *f)
{
	f->ticks++;
	pthread_mutex_lock(&f->mutex);
	if (f->stream)
		httpd_stream_wake(f->stream);
	pthread_mutex_unlock(&f->mutex);
}

static void a_stream_goes_on_when_it_is_woken(void **state)
{
	static const char request[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture *f = *state;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int fd = dial(f);

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	read_until(fd, &answer, "\r\n\r\n");
	assert_non_null(strstr(buf_str(&answer), "text/event-stream"));
	for (int i = 0; i < 20; i++) {
		buf_reset(&answer);
		tick(f);
		read_until(fd, &answer, "tick\n");
	}
	close(fd);
	while (!f->closed) { /* it is seen when something is sent */
		tick(f);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

static void stopping_ends_streams(void **state)
{
	static const char request[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture *f = *state;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int fd = dial(f);

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	read_until(fd, &answer, "\r\n\r\n");
	httpd_stop(f->httpd);
	f->httpd = NULL;
	assert_true(f->closed);
	close(fd);
}

/* Its threads may be busy with a connection at the very moment. */
static void it_stops_while_others_connect(void **state)
{
	const struct httpd_settings settings = {.address = "127.0.0.1",
		.threads = 4,
		.max_connections = 20,
		.idle_timeout_s = 10,
		.max_body = 10,
		.stop_wait_ms = 1};
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		int fds[3];

		httpd_stop(TAKE_PTR(f->httpd));
		assert_int_equal(httpd_start(&settings, admit, handle, f, &f->httpd, &f->error), 0);
		for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
			fds[k] = dial(f);
		httpd_stop(TAKE_PTR(f->httpd));
		for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
			fd_close(fds[k]);
		assert_int_equal(httpd_start(&settings, admit, handle, f, &f->httpd, &f->error), 0);
	}
}

static void an_address_that_is_none_or_taken_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct httpd_settings settings = {.address = "nowhere",
		.threads = 1,
		.max_connections = 20,
		.idle_timeout_s = 10,
		.max_body = 10};
	struct httpd *httpd;
	char message[100];

	assert_int_equal(httpd_start(&settings, admit, handle, f, &httpd, &f->error), -EINVAL);
	assert_string_equal(f->error.message, "'nowhere' is not an IP address");
	settings.address = "127.0.0.1";
	settings.port = httpd_port(f->httpd);
	assert_int_equal(httpd_start(&settings, admit, handle, f, &httpd, &f->error), -EADDRINUSE);
	snprintf(message, sizeof message, "can't listen on 127.0.0.1 port %u: Address already in use",
		settings.port);
	assert_string_equal(f->error.message, message);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_stops_while_others_connect),
		TEST(a_body_comes_whole),
		TEST(a_body_over_the_bound_is_refused),
		TEST(a_refused_body_is_drained_before_the_answer),
		TEST(queries_and_paths_are_decoded),
		TEST(a_nul_byte_cuts_nothing_short),
		TEST(a_whole_address_is_taken_as_its_path),
		TEST(a_body_without_end_loses_its_connection),
		TEST(requests_on_one_connection_are_answered_in_their_order),
		TEST(lengths_that_contradict_each_other_are_refused),
		TEST(a_flood_of_headers_is_refused),
		TEST(every_answer_forbids_guessing_its_type),
		TEST(another_thread_may_answer),
		TEST(stopping_waits_for_those_who_will_answer),
		TEST(a_stream_goes_on_when_it_is_woken),
		TEST(stopping_ends_streams),
		TEST(an_address_that_is_none_or_taken_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
