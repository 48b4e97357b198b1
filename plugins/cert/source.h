/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file that somebody else may have put there: regular files only, of bounded size. Blocks on the disk. */
#ifndef CERT_SOURCE_H
#define CERT_SOURCE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

#define SOURCE_SIZE_MAX (4u * 1024 * 1024)

struct source {
	struct buf content; /* zeroed when it is freed: it may hold keys */
	int64_t modified; /* seconds since 1970 */
	dev_t device;
	ino_t inode;
};

/*
 * 0 or a negative errno with an error that says what is wrong, without the path: -ENOENT, -ELOOP, -EACCES, -EFBIG,
 * -EINVAL (no regular file), or what the system says.
 */
int source_read(const char *path, struct source *ret_source, struct error *error);
void source_done(struct source *source);

#endif
