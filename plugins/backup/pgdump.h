/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's custom dump format, as pg_dump -Fc writes it: header, table of contents, and a block of data for each entry
 * that has some. It is read from end to end as a stream; data are inflated, so that their checksums are looked at, and
 * dropped. A dump that ended early lacks blocks that its table of contents promises, which "pg_restore --list" does not see.
 */
#ifndef BACKUP_PGDUMP_H
#define BACKUP_PGDUMP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PGDUMP_MAGIC "PGDMP"

struct pgdump {
	int major, minor; /* of the format */
	char database[64];
	char server[64]; /* the version of the server, in its words */
	uint64_t entries; /* in the table of contents */
	uint64_t blocks; /* of data */
	uint64_t size; /* bytes of data, inflated where that could be done */
	bool inflated; /* false: the data are packed in a way (lz4, zstd) that was not looked into */
};

/* Hands out the next bytes: how many (fewer than size only at the end), or a negative errno. */
typedef ssize_t (*pgdump_source)(void *userdata, void *buffer, size_t size);

/*
 * Reads all of it. 0, or an error: -EBADMSG it is damaged or cut off, -EPROTONOSUPPORT it is of a version that is not
 * known, -EFBIG it holds more than max bytes of data, -ENOMEM, or what the source gave (then without a text).
 */
int pgdump_read(
	pgdump_source source, void *userdata, uint64_t max, struct pgdump *ret_dump, struct error *error);

#endif
