/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "plugins/swap/lease.h"
#include "tests/support/tiny_http.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>

#include <cmocka.h>

static char folder[64], file[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gavea-lease-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/lease", folder);
	return 0;
}

static int tear_down(void **state)
{
	char lock[128];

	(void)state;
	snprintf(lock, sizeof lock, "%s.lock", file);
	unlink(lock);
	unlink(file);
	return rmdir(folder);
}

static struct lease_settings by_file(int64_t ttl)
{
	return (struct lease_settings){.provider = "file", .file = file, .ttl = ttl};
}

static int take(
	const struct lease_settings *settings, const char *holder, struct lease *lease, struct error *error)
{
	return lease_take(settings, holder, clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC, lease, error);
}

static int give(const struct lease_settings *settings, const char *holder)
{
	return lease_give(settings, holder, clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC, NULL);
}

static void settings_are_judged(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lease_settings settings = {.provider = "none"};

	(void)state;
	assert_int_equal(lease_judge(&settings, &error), 0);
	settings.provider = "paper";
	assert_int_equal(lease_judge(&settings, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "lease \"paper\" is none of none, file, fleetlock");
	settings.provider = "file";
	assert_int_equal(lease_judge(&settings, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0),
		"lease = \"file\" needs lease_file, the path of a file that is shared");
	settings.file = "/x";
	assert_int_equal(lease_judge(&settings, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "lease_ttl has to be a second at least");
	settings.provider = "fleetlock";
	settings.url = "locks.example.com";
	assert_int_equal(lease_judge(&settings, &error), -EINVAL);
	assert_string_equal(error_text(&error, 0), "lease_url has to begin with https:// or http://");
}

static void one_at_a_time_holds_it_and_tokens_grow(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	struct lease lease;

	(void)state;
	assert_int_equal(take(&settings, "a", &lease, NULL), 0);
	assert_int_equal(lease.token, 1);
	assert_int_equal(take(&settings, "b", &lease, &error), -EBUSY);
	assert_non_null(strstr(error_text(&error, 0), "a has the lease, for "));
	assert_int_equal(take(&settings, "a", &lease, NULL), 0); /* renewed */
	assert_int_equal(lease.token, 1);
	assert_int_equal(give(&settings, "b"), 0); /* not b's to give */
	assert_int_equal(take(&settings, "b", &lease, NULL), -EBUSY);
	assert_int_equal(give(&settings, "a"), 0);
	assert_int_equal(give(&settings, "a"), 0);
	assert_int_equal(take(&settings, "b", &lease, NULL), 0);
	assert_int_equal(lease.token, 2);
}

/* Writes what a holder left, with these words changed. */
static void leave(const char *token, const char *expires, const char *find, const char *put)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	char changed[512], *second;
	struct lease lease;

	assert_int_equal(take(&settings, "a", &lease, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, file, 512, &text), 0);
	second = strchr(text.data, '\n') + 1;
	snprintf(changed, sizeof changed, "%s %s a\n%s", token, expires, second);
	if (find) {
		char *at = find[0] == 'b' ? strchr(changed, '\n') + 1 : strrchr(changed, ' ') + 1;

		memcpy(at, put, strlen(put));
	}
	assert_int_equal(file_write_atomic(AT_FDCWD, file, changed, strlen(changed), 0644), 0);
}

static void it_ends_by_itself(void **state)
{
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	struct lease lease;

	(void)state;
	leave("7", "1", NULL, NULL);
	assert_int_equal(take(&settings, "b", &lease, NULL), 0);
	assert_int_equal(lease.token, 8);
}

static void after_another_boot_nobody_holds_it(void **state)
{
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	struct lease lease;

	(void)state;
	leave("7", "99999999999", "boot", "00000000000000000000000000000000");
	assert_int_equal(take(&settings, "b", &lease, NULL), 0);
	assert_int_equal(lease.token, 8);
}

static void a_file_of_another_machine_is_no_leave(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	struct lease lease;

	(void)state;
	leave("7", "1", "machine", "00000000000000000000000000000000");
	assert_int_equal(take(&settings, "b", &lease, &error), -EXDEV);
	assert_non_null(
		strstr(error_text(&error, 0), "is of another machine: a lease by file is for one host"));
}

static void what_is_no_lease_is_left_alone(void **state)
{
	static const char *const contents[] = {
		"", "rubbish", "1 2\n", "1 2 a\n", "x 2 a\nb c\n", "1 y a\nb c\n"};
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	struct lease lease;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		_cleanup_buf_ struct buf text = BUF_INIT;

		assert_int_equal(
			file_write_atomic(AT_FDCWD, file, contents[i], strlen(contents[i]), 0644), 0);
		assert_true(take(&settings, "a", &lease, &error) < 0);
		assert_int_equal(file_read(AT_FDCWD, file, 512, &text), 0);
		assert_string_equal(buf_str(&text), contents[i]);
	}
}

static void whoever_locks_it_for_long_is_not_waited_for(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lease_settings settings = by_file(600 * NSEC_PER_SEC);
	_cleanup_fd_ int fd = -EBADF;
	struct lease lease;
	char path[128];

	(void)state;
	snprintf(path, sizeof path, "%s.lock", file);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(lease_take(&settings, "a", 0, &lease, &error), -EBUSY);
	assert_non_null(strstr(error_text(&error, 0), "is locked by somebody for a long time"));
}

static void fleetlock_is_asked_as_the_protocol_says(void **state)
{
	static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 Not Found\r\nContent-Length: "
		"44\r\n\r\n{\"kind\":\"failed_lock\",\"value\":\"all\x1b[31m taken\"}",
		"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lease_settings settings = {.provider = "fleetlock", .group = "workers"};
	struct tiny_http server;
	struct lease lease;
	char url[64];

	(void)state;
	tiny_start(&server, script);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", server.port);
	settings.url = url;
	assert_int_equal(take(&settings, "app \"x\"", &lease, &error), 0);
	assert_true(lease.token == 0 && lease.ttl == INT64_MAX);
	assert_non_null(strstr(server.last, "POST /v1/pre-reboot HTTP/1.1\r\n"));
	assert_non_null(strstr(server.last, "\r\nfleet-lock-protocol: true\r\n"));
	assert_non_null(
		strstr(server.last, "{\"client_params\":{\"id\":\"app \\\"x\\\"\",\"group\":\"workers\"}}"));
	assert_int_equal(take(&settings, "x", &lease, &error), -EBUSY);
	assert_non_null(
		strstr(error_text(&error, 0), "/v1/pre-reboot answered with 404: {\"kind\":\"failed_lock\""));
	assert_null(strchr(error_text(&error, 0), '\x1b'));
	assert_int_equal(take(&settings, "x", &lease, &error), -EIO);
	assert_int_equal(give(&settings, "x"), 0);
	assert_non_null(strstr(server.last, "POST /v1/steady-state HTTP/1.1\r\n"));
	tiny_stop(&server);
	assert_true(take(&settings, "x", &lease, &error) < 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(settings_are_judged),
		test(one_at_a_time_holds_it_and_tokens_grow),
		test(it_ends_by_itself),
		test(after_another_boot_nobody_holds_it),
		test(a_file_of_another_machine_is_no_leave),
		test(what_is_no_lease_is_left_alone),
		test(whoever_locks_it_for_long_is_not_waited_for),
		test(fleetlock_is_asked_as_the_protocol_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
