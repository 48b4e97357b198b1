/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: the backups of one place. Filled by the kinds, read by the judge. */
#ifndef BACKUP_FACTS_H
#define BACKUP_FACTS_H

#include "base/util.h"

#include <stdint.h>

#define SIZE_UNKNOWN INT64_C(-1)

struct backup {
	char *name; /* of a snapshot, an archive, a file; unique among them */
	int64_t time; /* when it was made: seconds since 1970 */
	int64_t size; /* bytes, or SIZE_UNKNOWN */
};

struct facts {
	struct backup *list;
	size_t count;
	size_t room;
};

/* 0 or -ENOMEM. name is copied. */
int facts_add(struct facts *facts, const char *name, int64_t time, int64_t size);

/* The newest one; NULL: there is none. */
struct backup *facts_newest(const struct facts *facts);

/* Sorts from the oldest to the newest. */
void facts_sort(struct facts *facts);

void facts_done(struct facts *facts);
#define _cleanup_facts_ _cleanup_(facts_done)

/* Reads "2026-01-31T12:00:00.123Z", "…+01:00", or without a zone, which is then UTC; a space may stand for the T.
 * Seconds since 1970. 0 or -EINVAL. */
int time_parse(const char *text, int64_t *ret_time);

#endif
