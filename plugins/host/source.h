/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of the kernel's that is opened once and read again and again, with one pread() where that is enough,
 * into a buffer that all files share.
 */
#ifndef HOST_SOURCE_H
#define HOST_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/* The text that was read last, with a NUL byte behind it. */
struct text {
	char *data;
	size_t size;
	size_t room;
};

#define TEXT_INIT \
	{ \
		NULL, 0, 0 \
	}
void text_done(struct text *text);

/* Larger files are refused: no file that is read here comes near to it. */
#define SOURCE_LIMIT (16u << 20)

struct source {
	int fd;
	bool kernel; /* procfs, not a file in a fixture tree: poll() tells of changes of the mount table */
	bool short_records; /* no line is longer than 1 KiB: the end shows without one more read */
};

#define SOURCE_INIT \
	{ \
		-1, false, false \
	}

/* Opens folder/name. 0 or -errno. */
int source_open(struct source *source, const char *folder, const char *name);
void source_close(struct source *source);

/* Reads the whole file into text, whose memory grows as needed and is kept. 0, -errno of pread(), -ENOMEM, or
 * -EFBIG. */
int source_read(const struct source *source, struct text *text);

#endif
