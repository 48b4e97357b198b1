/* SPDX-License-Identifier: Apache-2.0 */
/* On a tree of ordinary files that looks like the unified hierarchy. */
#include "base/fd.h"
#include "core/manager/cgroup.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test-cgroup-XXXXXX";

struct fixture {
	char *own; /* our cgroup's folder in the tree; NULL: this machine has no unified hierarchy */
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void put(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -EBADF;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

static void expect(const char *folder, const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf got = BUF_INIT;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &got), 0);
	assert_string_equal(buf_str(&got), text);
}

static char *below(const char *folder, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	assert_int_equal(make_directories(path, 0755), 0);
	return path;
}

static int setup(void **state)
{
	static const char template[] = "/tmp/test-cgroup-XXXXXX";
	struct fixture *fixture = calloc(1, sizeof *fixture);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *line, *end;

	*state = fixture;
	memcpy(root, template, sizeof root);
	if (!mkdtemp(root) || file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text) < 0)
		return -1;
	line = strstr(buf_str(&text), "0::/");
	if (!line)
		return 0;
	end = strchrnul(line, '\n');
	*end = 0;
	fixture->own = below(root, line + 3);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture->own);
	free(fixture);
	return 0;
}

/* What the kernel would have put there. */
static void delegate(struct fixture *fixture)
{
	_cleanup_free_ char *manager = below(fixture->own, "manager");

	put(fixture->own, "cgroup.subtree_control", "");
	put(manager, "cgroup.procs", "");
}

static void the_manager_moves_aside_and_turns_controllers_on(void **state)
{
	struct fixture *fixture = *state;
	struct cgroup cgroup = CGROUP_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;

	if (!fixture->own)
		skip();
	delegate(fixture);
	assert_int_equal(cgroup_open(root, &cgroup, &error), 0);
	assert_true(cgroup.folder >= 0);
	expect(fixture->own, "manager/cgroup.procs", "0");
	expect(fixture->own, "cgroup.subtree_control", "+memory +pids");
	cgroup_close(&cgroup);
	assert_true(cgroup.folder < 0);
	cgroup_close(&cgroup);
}

static void a_worker_gets_a_group_with_its_limit_and_gets_it_again(void **state)
{
	struct fixture *fixture = *state;
	struct cgroup cgroup = CGROUP_INIT;
	_cleanup_free_ char *worker = NULL;

	if (!fixture->own)
		skip();
	delegate(fixture);
	worker = below(fixture->own, "worker-host");
	put(worker, "memory.max", "max");
	assert_int_equal(cgroup_open(root, &cgroup, NULL), 0);
	for (int i = 0; i < 2; i++) {
		_cleanup_fd_ int fd = cgroup_worker(&cgroup, "host", UINT64_C(64) << 20);

		assert_true(fd >= 0);
		assert_int_equal(faccessat(fd, "memory.max", F_OK, 0), 0);
		expect(worker, "memory.max", "75497472");
		put(worker, "cgroup.kill", "");
		cgroup_kill(fd);
		expect(worker, "cgroup.kill", "1");
	}
	cgroup_kill(-EBADF);
	cgroup_close(&cgroup);
}

static void a_worker_without_a_memory_controller_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct cgroup cgroup = CGROUP_INIT;

	if (!fixture->own)
		skip();
	delegate(fixture);
	assert_int_equal(cgroup_open(root, &cgroup, NULL), 0);
	assert_int_equal(cgroup_worker(&cgroup, "host", 1), -ENOENT);
	cgroup_close(&cgroup);
	assert_int_equal(cgroup_worker(&cgroup, "host", 1), -ENOENT);
}

static void a_group_that_was_not_delegated_is_an_error_that_names_it(void **state)
{
	struct fixture *fixture = *state;
	struct cgroup cgroup = CGROUP_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;

	if (!fixture->own)
		skip();
	assert_int_equal(cgroup_open(root, &cgroup, &error), -ENOENT);
	assert_non_null(strstr(error.message, root));
	assert_non_null(strstr(error.message, "No such file or directory"));
	assert_true(cgroup.folder < 0);
	assert_int_equal(access(fixture->own, F_OK), 0);
}

static void without_the_hierarchy_there_is_an_error(void **state)
{
	struct cgroup cgroup = CGROUP_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;

	(void)state;
	assert_true(cgroup_open("/proc/no-such-folder", &cgroup, &error) < 0);
	assert_non_null(error.message);
	assert_true(cgroup.folder < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_manager_moves_aside_and_turns_controllers_on),
		TEST(a_worker_gets_a_group_with_its_limit_and_gets_it_again),
		TEST(a_worker_without_a_memory_controller_is_told),
		TEST(a_group_that_was_not_delegated_is_an_error_that_names_it),
		TEST(without_the_hierarchy_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
