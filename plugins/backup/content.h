/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a dump: unpacks it as a stream, keeps its beginning and its end, and lists it when it is an archive.
 * Nothing is written, and memory does not grow with the file.
 */
#ifndef BACKUP_CONTENT_H
#define BACKUP_CONTENT_H

#include "finding.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTENT_EDGE 4096

struct content {
	uint64_t size; /* bytes, unpacked */
	char head[CONTENT_EDGE + 1]; /* NUL behind */
	size_t head_size;
	char tail[CONTENT_EDGE + 1];
	size_t tail_size;
	bool is_archive;
	uint64_t entries;
};

struct content_limits {
	uint64_t max; /* bytes, unpacked */
	bool (*stop)(void *userdata); /* asked every few MiB */
	void *userdata;
};

/*
 * Blocks. 0, or an error that says what is wrong: -EBADMSG it is damaged or cut off, -EFBIG it unpacks to more than
 * max, -ECANCELED stop() said so, -EMEDIUMTYPE it is no plain file, else that of a system call.
 */
int content_read(const char *path, const struct content_limits *limits, struct content *ret_content,
	struct error *error);

/* The unpacked content as a stream, whatever it is; errors as above. path, limits and error are borrowed until it is
 * closed. content_next() gives fewer bytes than size only at the end. */
struct source;
int content_open(const char *path, const struct content_limits *limits, struct source **ret_source,
	struct error *error);
ssize_t content_next(void *source, void *buffer, size_t size);
void content_close(struct source *source);

/* Copies an archive out into an empty folder: no links out of it, no devices, no owners. As content_read(). */
int content_extract(
	const char *path, const char *folder, const struct content_limits *limits, struct error *error);

/* Copies the unpacked content into a file. */
int content_copy(const char *path, const char *to, const struct content_limits *limits, struct error *error);

/* Judges what was read. trailer: text that the end must hold; NULL: by what the beginning looks like. Pure. GAVEA_OK with
 * a word on what it is, or what is wrong, in text. */
enum gavea_status content_judge(
	const struct content *content, uint64_t min, const char *trailer, char text[static 512]);

#endif
