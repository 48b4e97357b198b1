/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to the picture: what the numbers of a stream stand for, and what each record changes.
 */
#ifndef PROMETHEUS_RECORDS_H
#define PROMETHEUS_RECORDS_H

#include "picture.h"

#include <stddef.h>

struct records;

int records_new(struct picture *picture, struct records **ret_records);
void records_free(struct records *records);

/* The records to come are of this stream: numbers of another one mean nothing. */
void records_set_stream(struct records *records, uint64_t stream);

/*
 * Takes in one encoded Record. wall_ms and boot_ns say what time it is. 0; -ENOENT: it names a series or check that this
 * stream has not declared yet, and nothing was changed; -EBADMSG: it can't be read, which is counted; -ENOMEM.
 * complete: all declarations were seen, so that what is missing is passed over instead of -ENOENT.
 */
int records_apply(struct records *records, const void *bytes, size_t size, bool complete, int64_t wall_ms,
	int64_t boot_ns);

/* Records between these two are of an earlier life (keep.h), in a stream of their own. */
void records_begin_kept(struct records *records);
void records_end_kept(struct records *records);

/* Frees what is gone or was not seen for long. */
void records_sweep(struct records *records, int64_t boot_ns);

#define RECORDS_SELDOM (300 * INT64_C(1000000000)) /* nanoseconds */

enum change {
	CHANGE_NONE,
	CHANGE_STATE, /* of a check; or one is new */
	CHANGE_MORE, /* a check is gone, or one that runs less than every RECORDS_SELDOM has new samples */
};

/* What has changed most since this was last asked. */
enum change records_take_change(struct records *records);

#endif
