/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/http.h"

#include "base/clock.h"
#include "tests/support/tiny_http.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SECRET "s3cr3t-bearer"

struct fixture {
	struct tiny_http server;
	struct http_client *client;
	struct http_answer answer;
	struct error error;
	char url[128];
};

static void start(struct fixture *f, const char *const *script, const struct http_settings *settings)
{
	struct http_settings none = {0};

	memset(f, 0, sizeof(*f));
	tiny_start(&f->server, script);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/v1/report", f->server.port);
	assert_int_equal(http_client_new(settings ? settings : &none, &f->client, &f->error), 0);
}

static void stop(struct fixture *f)
{
	tiny_stop(&f->server);
	http_client_free(f->client);
	buf_done(&f->answer.body);
	error_done(&f->error);
}

static int post(struct fixture *f, const char *body)
{
	struct http_request request = {
		.method = "POST",
		.url = f->url,
		.bearer = SECRET,
		.body = body,
		.body_size = strlen(body),
		.timeout = 20 * NSEC_PER_SEC,
		.max_answer = 1000,
	};

	return http_perform(f->client, &request, &f->answer, &f->error);
}

static void assert_error(struct fixture *f, const char *what)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "POST %s: %s", f->url, what);
	assert_string_equal(error_text(&f->error, 0), expected);
	assert_null(strstr(expected, SECRET));
}

static void answers_of_any_status_are_handed_back(void **state)
{
	static const char *const script[] = {
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy",
		NULL,
	};
	struct fixture f;

	(void)state;
	start(&f, script, NULL);
	assert_int_equal(post(&f, "one"), 0);
	assert_int_equal(f.answer.status, 200);
	assert_string_equal(buf_str(&f.answer.body), "hello");
	assert_string_equal(f.answer.content_type, "text/plain");
	assert_int_equal(f.answer.retry_after, 0);
	assert_true(f.answer.duration > 0);
	assert_int_equal(post(&f, "two"), 0);
	assert_int_equal(f.answer.status, 404);
	assert_int_equal(f.answer.body.size, 0);
	assert_string_equal(f.answer.content_type, "");
	assert_int_equal(post(&f, "three"), 0);
	assert_int_equal(f.answer.status, 503);
	assert_int_equal(f.answer.retry_after, 7 * NSEC_PER_SEC);
	stop(&f);
	assert_int_equal(f.server.requests, 3);
	assert_int_equal(f.server.connections, 1);
}

static void a_request_carries_headers_token_and_body(void **state)
{
	static const char *const script[] = {"HTTP/1.1 204 No Content\r\n\r\n", NULL};
	static const char *const headers[] = {"Content-Type: application/x-protobuf", "X-Other: 1"};
	struct fixture f;
	struct http_request request = {
		.method = "PUT",
		.headers = headers,
		.header_count = 2,
		.bearer = SECRET,
		.body = "a\0b",
		.body_size = 3,
		.timeout = 20 * NSEC_PER_SEC,
	};

	(void)state;
	start(&f, script, NULL);
	request.url = f.url;
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), 0);
	assert_int_equal(f.answer.status, 204);
	/* Nothing of it stays for the next request. */
	request = (struct http_request){.method = "GET", .url = f.url, .timeout = 20 * NSEC_PER_SEC};
	tiny_stop(&f.server);
	assert_non_null(strstr(f.server.last, "PUT /v1/report HTTP/1.1\r\n"));
	assert_non_null(strstr(f.server.last, "Authorization: Bearer " SECRET "\r\n"));
	assert_non_null(strstr(f.server.last, "Content-Type: application/x-protobuf\r\nX-Other: 1\r\n"));
	assert_non_null(strstr(f.server.last, "User-Agent: gavea/"));
	assert_null(strstr(f.server.last, "Expect:"));
	assert_memory_equal(f.server.last + f.server.last_size - 3, "a\0b", 3);
	http_client_free(f.client);
	buf_done(&f.answer.body);

	start(&f, script, NULL);
	request.url = f.url;
	assert_int_equal(post(&f, "body"), 0);
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), 0);
	request.method = "HEAD";
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), 0);
	request.method = "GET";
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), 0);
	stop(&f);
	assert_non_null(strstr(f.server.last, "GET /v1/report HTTP/1.1\r\n"));
	assert_null(strstr(f.server.last, "Authorization"));
	assert_null(strcasestr(f.server.last, "Content-Length"));
}

static void retry_after_may_be_a_date_and_is_bounded(void **state)
{
	static const char *const script[] = {
		"HTTP/1.1 429 Slow\r\nRetry-After: Fri, 01 Jan 2038 00:00:00 GMT\r\nContent-Length: "
		"0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Length: "
		"0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
		NULL,
	};
	static const int64_t expected[] = {86400 * NSEC_PER_SEC, 0, 0, 0};
	struct fixture f;

	(void)state;
	start(&f, script, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(post(&f, ""), 0);
		assert_int_equal(f.answer.retry_after, expected[i]);
	}
	assert_int_equal(post(&f, ""), 0);
	assert_in_range(f.answer.retry_after, 0, 86400 * NSEC_PER_SEC);
	stop(&f);
}

static void a_redirect_is_not_followed(void **state)
{
	static const char *const script[] = {
		"HTTP/1.1 307 Over There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", NULL};
	struct fixture f;

	(void)state;
	start(&f, script, NULL);
	assert_int_equal(post(&f, "x"), 0);
	assert_int_equal(f.answer.status, 307);
	stop(&f);
	assert_int_equal(f.server.requests, 1);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
	static const char *const script[] = {"HTTP/1.1 204 No Content\r\n\r\n", NULL};
	struct fixture f;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	start(&f, script, NULL);
	assert_int_equal(post(&f, "x"), 0);
	assert_int_equal(f.answer.status, 204);
	stop(&f);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void check_failure(const char *const *script, int error, const char *text)
{
	struct fixture f;

	start(&f, script, NULL);
	assert_int_equal(post(&f, "x"), error);
	assert_error(&f, text);
	stop(&f);
}

static void what_is_not_http_is_an_error(void **state)
{
	static const char *const garbage[] = {"\x01\x02garbage\r\n\r\nConnection: close", NULL};
	static const char *const closed[] = {TINY_CLOSE, NULL};
	static const char *const reset[] = {TINY_RESET, NULL};
	static const char *const cut[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nshort", NULL};

	(void)state;
	check_failure(garbage, -EPROTO, "what came back is not HTTP");
	check_failure(closed, -ECONNRESET, "the connection was closed without an answer");
	check_failure(reset, -ECONNRESET, "the connection was lost");
	check_failure(cut, -ECONNRESET, "the connection was closed within the answer");
}

static void answers_are_bounded(void **state)
{
	static char large[4096], heads[80000];
	const char *const large_script[] = {large, NULL};
	const char *const heads_script[] = {heads, NULL};
	size_t size;

	(void)state;
	size = (size_t)sprintf(large, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");
	memset(large + size, 'x', 2000);
	check_failure(large_script, -EMSGSIZE, "the answer is larger than 1000 bytes");
	size = (size_t)sprintf(heads, "HTTP/1.1 200 OK\r\n");
	while (size < 70000)
		size += (size_t)sprintf(heads + size, "X-Filler: %0100d\r\n", 1);
	snprintf(heads + size, sizeof(heads) - size, "Content-Length: 0\r\n\r\n");
	check_failure(heads_script, -EPROTO, "the answer has more than 64 KiB of headers");
}

static void a_server_that_is_not_there_is_refused(void **state)
{
	static const char *const script[] = {TINY_CLOSE, NULL};
	struct fixture f;

	(void)state;
	start(&f, script, NULL);
	tiny_stop(&f.server);
	assert_int_equal(post(&f, "x"), -ECONNREFUSED);
	assert_error(&f, "cannot connect: Connection refused");
	http_client_free(f.client);
	error_done(&f.error);
}

static void a_silent_server_times_out(void **state)
{
	static const char *const script[] = {TINY_HANG, NULL};
	struct fixture f;
	struct http_request request = {.method = "POST", .timeout = 50 * NSEC_PER_MSEC, .max_answer = 10};

	(void)state;
	start(&f, script, NULL);
	request.url = f.url;
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -ETIMEDOUT);
	assert_error(&f, "no answer in time");
	request.timeout = 0;
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -ETIMEDOUT);
	assert_error(&f, "no time left");
	stop(&f);
}

static bool second_time(void *userdata)
{
	return ++*(int *)userdata > 1;
}

static void a_request_can_be_cancelled(void **state)
{
	static const char *const script[] = {TINY_HANG, NULL};
	struct fixture f;
	int asked = 0;
	struct http_request request = {
		.method = "POST",
		.timeout = 60 * NSEC_PER_SEC,
		.cancelled = second_time,
		.userdata = &asked,
	};

	(void)state;
	start(&f, script, NULL);
	request.url = f.url;
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -ECANCELED);
	assert_error(&f, "cancelled");
	stop(&f);
}

static void bad_requests_are_refused_before_they_are_sent(void **state)
{
	static const char *const script[] = {TINY_CLOSE, NULL};
	static const char *const split[] = {"X: a\r\nY: b"};
	struct fixture f;
	struct http_request request = {.method = "GET", .timeout = NSEC_PER_SEC, .max_answer = 10};

	(void)state;
	start(&f, script, NULL);
	request.url = "file:///etc/passwd";
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -EINVAL);
	assert_string_equal(f.error.message, "GET: only http:// and https:// are supported");
	request.url = "http://";
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -EINVAL);
	assert_string_equal(f.error.message, "GET: not a valid URL");
	snprintf(f.url, sizeof(f.url), "http://me:%s@127.0.0.1:%u/x?key=%s", SECRET, f.server.port, SECRET);
	request.url = f.url;
	request.bearer = "a\nb";
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -EINVAL);
	assert_non_null(strstr(f.error.message, "/x: the token has characters that a header cannot carry"));
	assert_null(strstr(f.error.message, SECRET));
	request.bearer = NULL;
	request.headers = split;
	request.header_count = 1;
	assert_int_equal(http_perform(f.client, &request, &f.answer, &f.error), -EINVAL);
	assert_non_null(strstr(f.error.message, "a header has control characters"));
	stop(&f);
	assert_int_equal(f.server.requests, 0);
}

/* ---- TLS: openssl's own server with a certificate that it signed itself ---- */

struct tls_server {
	char folder[64], certificate[96], key[96];
	pid_t pid;
	unsigned port;
};

static pid_t run_openssl(const char *const arguments[], int *ret_output)
{
	int pipe_fds[2] = {-1, -1};
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipe_fds[1], 1);
		close(pipe_fds[0]);
		if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		execvp("openssl", (char *const *)arguments);
		_exit(127);
	}
	close(pipe_fds[1]);
	*ret_output = pipe_fds[0];
	return pid;
}

static void make_certificate(struct tls_server *server, const char *name)
{
	const char *const arguments[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", name,
		"-keyout", server->key, "-out", server->certificate, NULL};
	int status, output;
	pid_t pid;

	strcpy(server->folder, "/tmp/gavea-test-http-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->key, sizeof(server->key), "%s/key.pem", server->folder);
	snprintf(server->certificate, sizeof(server->certificate), "%s/cert.pem", server->folder);
	pid = run_openssl(arguments, &output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(output);
}

static void start_tls(struct tls_server *server, const char *name)
{
	const char *const arguments[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
		server->certificate, "-key", server->key, "-www", NULL};
	char line[256] = "";
	FILE *output;
	int fd;

	make_certificate(server, name);
	server->pid = run_openssl(arguments, &fd);
	output = fdopen(fd, "r");
	assert_non_null(output);
	while (sscanf(line, "ACCEPT 127.0.0.1:%u", &server->port) != 1)
		assert_non_null(fgets(line, sizeof(line), output));
	fclose(output);
}

static void stop_tls(struct tls_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	unlink(server->key);
	unlink(server->certificate);
	rmdir(server->folder);
}

static int get_tls(struct tls_server *server, const struct http_settings *settings,
	struct http_answer *answer, struct error *error)
{
	struct http_request request = {.method = "GET", .timeout = 20 * NSEC_PER_SEC, .max_answer = 100000};
	struct http_client *client;
	char url[64];
	int r;

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server->port);
	request.url = url;
	assert_int_equal(http_client_new(settings, &client, error), 0);
	r = http_perform(client, &request, answer, error);
	http_client_free(client);
	return r;
}

static void certificates_are_verified(void **state)
{
	struct tls_server server = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct http_answer answer = {0};
	char expected[256];

	(void)state;
	start_tls(&server, "subjectAltName=IP:127.0.0.1");
	assert_int_equal(get_tls(&server, &(struct http_settings){0}, &answer, &error), -EPROTO);
	snprintf(expected, sizeof(expected),
		"GET https://127.0.0.1:%u/: certificate is not trusted: self-signed certificate",
		server.port);
	assert_string_equal(error.message, expected);
	assert_int_equal(
		get_tls(&server, &(struct http_settings){.ca_file = server.certificate}, &answer, &error), 0);
	assert_int_equal(answer.status, 200);
	assert_int_equal(get_tls(&server, &(struct http_settings){.insecure = true}, &answer, &error), 0);
	assert_int_equal(
		get_tls(&server, &(struct http_settings){.ca_file = "/nonexistent"}, &answer, &error),
		-EINVAL);
	assert_non_null(strstr(error.message, "cannot use the configured certificates"));
	buf_done(&answer.body);
	stop_tls(&server);
}

static void a_certificate_for_another_host_is_refused(void **state)
{
	struct tls_server server = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct http_answer answer = {0};

	(void)state;
	start_tls(&server, "subjectAltName=DNS:other.example");
	assert_int_equal(
		get_tls(&server, &(struct http_settings){.ca_file = server.certificate}, &answer, &error),
		-EPROTO);
	assert_non_null(strstr(error.message, "certificate is not for this host: "));
	buf_done(&answer.body);
	stop_tls(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_any_status_are_handed_back),
		cmocka_unit_test(a_request_carries_headers_token_and_body),
		cmocka_unit_test(retry_after_may_be_a_date_and_is_bounded),
		cmocka_unit_test(a_redirect_is_not_followed),
		cmocka_unit_test(proxies_of_the_environment_are_ignored),
		cmocka_unit_test(what_is_not_http_is_an_error),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(a_server_that_is_not_there_is_refused),
		cmocka_unit_test(a_silent_server_times_out),
		cmocka_unit_test(a_request_can_be_cancelled),
		cmocka_unit_test(bad_requests_are_refused_before_they_are_sent),
		cmocka_unit_test(certificates_are_verified),
		cmocka_unit_test(a_certificate_for_another_host_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
