/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/systemd/backlog.h"

#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define REST " 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0\n"

static const char tcp[] = HEAD "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003" REST
			       "   1: 00000000:0050 00000000:0000 0A 00000000:00000000" REST
			       "   2: 0100007F:1F90 0100007F:D431 01 00000000:00000007" REST "garbage\n"
			       "   3: 0100007F:1F90 00000000:0000 0A 00000000:00000002" REST;
static const char tcp6[] = HEAD "   0: 00000000000000000000000001000000:01BB "
				"00000000000000000000000000000000:0000 0A 00000000:00000005" REST;

static void put(const char *folder, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/net/%s", folder, name);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600), 0);
}

static void what_waits_is_found_by_address_and_port(void **state)
{
	char folder[] = "/tmp/gavea-test-backlog.XXXXXX", path[128];
	uint32_t waiting = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/net", folder);
	assert_int_equal(make_directories(path, 0700), 0);
	assert_int_equal(backlog_add(folder, "127.0.0.1:8080", &waiting), -ENOENT);
	put(folder, "tcp", tcp);
	put(folder, "tcp6", tcp6);
	/* Two sockets that share a port count both; a connection does not. */
	assert_int_equal(backlog_add(folder, "127.0.0.1:8080", &waiting), 0);
	assert_int_equal(waiting, 5);
	assert_int_equal(backlog_add(folder, "[::1]:443", &waiting), 0);
	assert_int_equal(waiting, 10);
	assert_int_equal(backlog_add(folder, "0.0.0.0:80", &waiting), 0);
	assert_int_equal(waiting, 10);
	assert_int_equal(backlog_add(folder, "127.0.0.1:80", &waiting), -ENOENT);
	assert_int_equal(backlog_add(folder, "[::]:443", &waiting), -ENOENT);
	snprintf(path, sizeof path, "%s/net/tcp", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/net/tcp6", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/net", folder);
	rmdir(path);
	rmdir(folder);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = {"/run/x.sock", "", ":80", "[]:80", "80",
		"1.2.3.4:", "1.2.3.4:99999", "[::1:80", "host:80",
		"[1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234]:80"};
	uint32_t waiting = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (backlog_add("/proc", wrong[i], &waiting) != -EINVAL)
			fail_msg("%s", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_found_by_address_and_port),
		cmocka_unit_test(what_is_no_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
