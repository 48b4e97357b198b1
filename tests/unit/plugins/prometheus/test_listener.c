/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's thread on loopback, while this one changes the picture: also for the sanitizer of threads. */
#include "plugins/prometheus/listener.h"

#include "base/fd.h"
#include "base/parse.h"
#include "scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define REQUEST "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

struct bench {
	struct scene scene;
	struct pages pages;
	struct tls tls;
	struct listener *listener;
};

static void begin(struct bench *bench, const char *address)
{
	struct error error = ERROR_INIT;

	*bench = (struct bench){.tls = {BUF_INIT, BUF_INIT, BUF_INIT}};
	scene_begin(&bench->scene, 0);
	scene_check(&bench->scene, 1, "host/main", 15);
	scene_gauge(&bench->scene, 1, 1, "a");
	bench->pages.cache.picture = &bench->scene.picture;
	bench->pages.cache.settings = &bench->scene.settings;
	bench->pages.path = "/metrics";
	assert_int_equal(listener_start(address, &bench->tls, &bench->pages, &bench->listener, &error), 0);
	error_done(&error);
}

static void end(struct bench *bench)
{
	listener_stop(bench->listener);
	cache_done(&bench->pages.cache);
	assert_int_equal(bench->pages.counters.connections, 0);
	scene_end(&bench->scene);
}

/* Connects to the listener by this address of the loopback. */
static int come(const struct bench *bench, const char *host)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	bool six = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
	uint64_t port;
	int fd;

	assert_int_equal(parse_uint64(strrchr(listener_address(bench->listener), ':') + 1, &port), 0);
	v6.sin6_port = v4.sin_port = htons((uint16_t)port);
	fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (!six)
		assert_int_equal(inet_pton(AF_INET, host, &v4.sin_addr), 1);
	assert_int_equal(six ? connect(fd, (struct sockaddr *)&v6, sizeof(v6))
			     : connect(fd, (struct sockaddr *)&v4, sizeof(v4)),
		0);
	return fd;
}

/* Sends a request and reads all that comes. */
static void ask(int fd, const char *request, struct buf *answer)
{
	char part[4096];
	ssize_t n;

	assert_int_equal(fd_write_full(fd, request, strlen(request)), 0);
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(answer, part, (size_t)n);
}

static void scrapes_go_on_while_the_picture_changes(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, "127.0.0.1:0");
	assert_true(listener_is_local(bench.listener));
	for (int i = 0; i < 100; i++) {
		_cleanup_buf_ struct buf answer = BUF_INIT;
		_cleanup_fd_ int fd = come(&bench, "127.0.0.1");

		assert_int_equal(fd_write_full(fd, REQUEST, strlen(REQUEST)), 0);
		/* Aged by the real clock: that one is what the listener has. */
		bench.scene.at_ms = clock_ns(CLOCK_BOOTTIME) / NSEC_PER_MSEC - BOOT_NS / NSEC_PER_MSEC;
		scene_samples(&bench.scene, 1, 1, 1);
		scene_result(&bench.scene, 1, GAVEA__V1__STATUS__OK);
		scene_event(&bench.scene, "reload");
		records_sweep(bench.scene.records, scene_now(&bench.scene));
		ask(fd, "", &answer);
		assert_non_null(startswith(buf_str(&answer), "HTTP/1.1 200 OK\r\n"));
		assert_non_null(strstr(buf_str(&answer), "gavea_build_info"));
	}
	end(&bench);
}

static void the_end_waits_for_nobody(void **state)
{
	struct bench bench;
	int fds[6];

	(void)state;
	begin(&bench, "127.0.0.1:0");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = come(&bench, "127.0.0.1");
		assert_int_equal(fd_write_full(fds[i], REQUEST, i * 10), 0);
	}
	end(&bench);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(fds[i]);
}

static void a_peer_with_too_many_loses_the_first(void **state)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int fds[CONNECTIONS_PER_PEER + 1];
	struct bench bench;
	char byte;

	(void)state;
	begin(&bench, "127.0.0.1:0");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = come(&bench, "127.0.0.1");
	assert_int_equal(read(fds[0], &byte, 1), 0);
	ask(fds[CONNECTIONS_PER_PEER], REQUEST, &answer);
	assert_non_null(startswith(buf_str(&answer), "HTTP/1.1 200 OK\r\n"));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(fds[i]);
	end(&bench);
}

static void all_addresses_are_those_of_both_families(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	struct bench bench;

	(void)state;
	begin(&bench, ":0");
	assert_false(listener_is_local(bench.listener));
	for (size_t i = 0; i < (startswith(listener_address(bench.listener), "[::]") ? 2 : 1); i++) {
		_cleanup_buf_ struct buf answer = BUF_INIT;
		_cleanup_fd_ int fd = come(&bench, hosts[i]);

		ask(fd, "GET /-/healthy HTTP/1.0\r\n\r\n", &answer);
		assert_non_null(strstr(buf_str(&answer), "\r\n\r\nhealthy\n"));
	}
	end(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrapes_go_on_while_the_picture_changes),
		cmocka_unit_test(the_end_waits_for_nobody),
		cmocka_unit_test(a_peer_with_too_many_loses_the_first),
		cmocka_unit_test(all_addresses_are_those_of_both_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
