/* SPDX-License-Identifier: Apache-2.0 */
/* A file in a folder of its own, as the state of a test. */
#ifndef TESTS_WORKER_SCRATCH_H
#define TESTS_WORKER_SCRATCH_H

#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct scratch {
	char folder[32];
	char *file;
	char *aside; /* file.corrupt */
};

static inline int scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof *s);

	assert_non_null(s);
	strcpy(s->folder, "/tmp/gavea-test-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	assert_true(asprintf(&s->file, "%s/file", s->folder) > 0);
	assert_true(asprintf(&s->aside, "%s/file.corrupt", s->folder) > 0);
	*state = s;
	return 0;
}

static inline int scratch_teardown(void **state)
{
	struct scratch *s = *state;

	unlink(s->file);
	unlink(s->aside);
	rmdir(s->folder);
	free(s->file);
	free(s->aside);
	free(s);
	return 0;
}

static inline void scratch_read(const struct scratch *s, struct buf *ret_buf)
{
	buf_reset(ret_buf);
	assert_int_equal(file_read(AT_FDCWD, s->file, 64 << 20, ret_buf), 0);
}

static inline void scratch_write(const struct scratch *s, const void *bytes, size_t size)
{
	_cleanup_fd_ int fd = open(s->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, bytes, size), 0);
}

#endif
