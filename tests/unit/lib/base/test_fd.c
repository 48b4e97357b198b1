/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test gets a folder of its own. */
struct folder {
	char path[64];
	int fd;
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof *folder);

	if (!folder)
		return -1;
	snprintf(folder->path, sizeof folder->path, "/tmp/gavea-test-fd-XXXXXX");
	if (!mkdtemp(folder->path)) {
		free(folder);
		return -1;
	}
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = folder;
	return folder->fd < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	static const char *const names[] = {"file", "file.new", "link", "other", "a/b/c", "a/b", "a"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(folder->fd, names[i], 0) < 0)
			unlinkat(folder->fd, names[i], AT_REMOVEDIR);
	close(folder->fd);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void closing_keeps_errno_and_gives_no_descriptor(void **state _unused_)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	errno = ENOSPC;
	fd = fd_close(fd);
	assert_int_equal(fd, -EBADF);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fd_close(-EBADF), -EBADF);
}

static void an_atomic_write_makes_the_file_with_its_mode(void **state)
{
	struct folder *folder = *state;
	_cleanup_buf_ struct buf buf = BUF_INIT;
	struct stat st;

	assert_int_equal(file_write_atomic(folder->fd, "file", "content", 7, 0600), 0);
	assert_int_equal(file_read(folder->fd, "file", 100, &buf), 0);
	assert_string_equal(buf_str(&buf), "content");
	assert_int_equal(fstatat(folder->fd, "file", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(faccessat(folder->fd, "file.new", F_OK, 0), -1);
}

static void an_atomic_write_replaces_and_old_readers_keep_the_old(void **state)
{
	struct folder *folder = *state;
	_cleanup_buf_ struct buf buf = BUF_INIT;
	_cleanup_fd_ int old = -EBADF;
	char text[8] = "";

	assert_int_equal(file_write_atomic(folder->fd, "file", "old", 3, 0600), 0);
	old = openat(folder->fd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_write_atomic(folder->fd, "file", "newer", 5, 0600), 0);
	assert_int_equal(fd_read_full(old, text, sizeof text), 3);
	assert_string_equal(text, "old");
	assert_int_equal(file_read(folder->fd, "file", 100, &buf), 0);
	assert_string_equal(buf_str(&buf), "newer");
}

static void an_atomic_write_does_not_follow_a_planted_link(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(file_write_atomic(folder->fd, "other", "precious", 8, 0600), 0);
	assert_int_equal(symlinkat("other", folder->fd, "file.new"), 0);
	assert_int_equal(file_write_atomic(folder->fd, "file", "x", 1, 0600), -ELOOP);
	assert_int_equal(faccessat(folder->fd, "file", F_OK, 0), -1);
}

static void an_atomic_write_that_fails_leaves_the_old_and_no_litter(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(mkdirat(folder->fd, "file", 0700), 0);
	assert_int_equal(file_write_atomic(folder->fd, "file", "x", 1, 0600), -EISDIR);
	assert_int_equal(faccessat(folder->fd, "file.new", F_OK, 0), -1);
	assert_int_equal(file_write_atomic(folder->fd, "nowhere/file", "x", 1, 0600), -ENOENT);
}

static void a_file_over_the_limit_is_refused(void **state)
{
	struct folder *folder = *state;
	_cleanup_buf_ struct buf buf = BUF_INIT;
	char bytes[5000] = {1};

	assert_int_equal(file_write_atomic(folder->fd, "file", bytes, sizeof bytes, 0600), 0);
	assert_int_equal(file_read(folder->fd, "file", 4999, &buf), -EFBIG);
	buf_reset(&buf);
	assert_int_equal(file_read(folder->fd, "file", 5000, &buf), 0);
	assert_int_equal(buf.size, 5000);
}

static void reading_appends_to_what_the_buffer_had(void **state)
{
	struct folder *folder = *state;
	_cleanup_buf_ struct buf buf = BUF_INIT;

	assert_int_equal(file_write_atomic(folder->fd, "file", "world", 5, 0600), 0);
	buf_add_str(&buf, "hello ");
	assert_int_equal(file_read(folder->fd, "file", 5, &buf), 0);
	assert_string_equal(buf_str(&buf), "hello world");
}

static void what_cannot_be_read_says_why(void **state)
{
	struct folder *folder = *state;
	_cleanup_buf_ struct buf buf = BUF_INIT;

	assert_int_equal(file_read(folder->fd, "absent", 10, &buf), -ENOENT);
	assert_int_equal(file_read(AT_FDCWD, folder->path, 10, &buf), -EISDIR);
}

static void positioned_reads_and_writes_go_all_the_way(void **state)
{
	struct folder *folder = *state;
	_cleanup_fd_ int fd = openat(folder->fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[10] = "";

	assert_int_equal(fd_pwrite_full(fd, "abcdef", 6, 3), 0);
	assert_int_equal(fd_pread_full(fd, text, 4, 5), 4);
	assert_string_equal(text, "cdef");
	assert_int_equal(fd_pread_full(fd, text, sizeof text, 7), 2);
	assert_int_equal(fd_pread_full(fd, text, 1, 100), 0);
	assert_int_equal(fd_write_full(-1, "x", 1), -EBADF);
	assert_int_equal(fd_pwrite_full(-1, "x", 1, 0), -EBADF);
	assert_int_equal(fd_read_full(-1, text, 1), -EBADF);
	assert_int_equal(fd_pread_full(-1, text, 1, 0), -EBADF);
}

static void nonblocking_is_switched_on_and_off(void **state _unused_)
{
	int pair[2];
	char byte;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(fd_set_nonblocking(pair[0], 1), 0);
	assert_int_equal(fd_read_full(pair[0], &byte, 1), -EAGAIN);
	assert_int_equal(fd_set_nonblocking(pair[0], 0), 0);
	assert_int_equal(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fd_set_nonblocking(-1, 1), -EBADF);
	fd_close(pair[0]);
	fd_close(pair[1]);
}

static void folders_are_made_with_all_their_parents(void **state)
{
	struct folder *folder = *state;
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s/a/b/c", folder->path);
	assert_int_equal(make_directories(path, 0750), 0);
	assert_int_equal(make_directories(path, 0750), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
	struct folder *folder = *state;
	char path[128];

	assert_int_equal(file_write_atomic(folder->fd, "file", "", 0, 0600), 0);
	snprintf(path, sizeof path, "%s/file", folder->path);
	assert_int_equal(make_directories(path, 0750), -ENOTDIR);
	snprintf(path, sizeof path, "%s/file/below", folder->path);
	assert_int_equal(make_directories(path, 0750), -ENOTDIR);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_keeps_errno_and_gives_no_descriptor),
		IN_FOLDER(an_atomic_write_makes_the_file_with_its_mode),
		IN_FOLDER(an_atomic_write_replaces_and_old_readers_keep_the_old),
		IN_FOLDER(an_atomic_write_does_not_follow_a_planted_link),
		IN_FOLDER(an_atomic_write_that_fails_leaves_the_old_and_no_litter),
		IN_FOLDER(a_file_over_the_limit_is_refused),
		IN_FOLDER(reading_appends_to_what_the_buffer_had),
		IN_FOLDER(what_cannot_be_read_says_why),
		IN_FOLDER(positioned_reads_and_writes_go_all_the_way),
		cmocka_unit_test(nonblocking_is_switched_on_and_off),
		IN_FOLDER(folders_are_made_with_all_their_parents),
		IN_FOLDER(a_file_in_the_way_of_a_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
