/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the sources of texts: trees, processes, units, histories, logs, the journal. */
#ifndef SECRET_SCAN_INTERNAL_H
#define SECRET_SCAN_INTERNAL_H

#include "formats.h"
#include "scan.h"

#include <sys/stat.h>

#define SCAN_BLOCK ((size_t)1024 * 1024)
#define SCAN_SMALL ((size_t)256 * 1024) /* what is not a file on a disk is never longer */

/* A text that is being searched. */
struct target {
	struct scan *scan;
	const char *path; /* borrowed; what findings call it */
	const struct format *format;
	bool readable; /* by others */
	bool store; /* secrets belong into such a file */
	bool binary; /* only what no accident looks like counts, and there are no lines */
	uint64_t parsed; /* up to where the format has been told */
	uint64_t told; /* the end of the last thing that the format told */
	uint64_t told_before; /* the same, before this block */
	/* Where the text goes on from; for logs. */
	uint64_t offset;
	uint64_t line;
	bool grows; /* the rest comes with the next run */
	bool whole; /* out: packed or binary, so that it cannot be gone on with */
	uint64_t settled; /* out: offset behind the last whole line */
	uint64_t settled_line;
};

/* Counts something that was not judged, and keeps the first. */
void scan_leave_out(struct scan *scan, uint64_t *counter, const char *path, const char *cause);

/* Searches a text that is in memory, at most SCAN_BLOCK bytes. */
int scan_text(struct target *target, const char *text, size_t size);

/* Searches an open regular file, from target->offset on. */
int scan_file(struct target *target, int fd, const struct stat *st);

/*
 * Opens what is a regular file, and nothing else: by the name that O_PATH resolved. -ENOTSUP: it is something else;
 * -EACCES, -ENOENT, … as open() has it. ret_st is set whenever it is not -ENOENT.
 */
int scan_open_regular(int dir_fd, const char *name, struct stat *ret_st);

/* Reads a small file whole into scan->block, and counts it. Returns its size, or a negative errno, which was counted
 * unless it is -ENOENT or -ENOTSUP. */
ssize_t scan_load(struct scan *scan, int dir_fd, const char *name, const char *path, struct stat *ret_st);

#endif
