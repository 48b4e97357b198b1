/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the body of a report: an encoded gavea.v1.Report. The records of a batch lie encoded in the spool,
 * without their seq; they are framed here and never decoded.
 */
#ifndef FLEET_REPORT_H
#define FLEET_REPORT_H

#include "base/buf.h"

#include <gavea/plugin.h>

/* Bodies carry this number; docs/protocol.md. */
#define REPORT_PROTOCOL 1

/* Silence is announced as a fault after twice the interval, but never after less than this: a server that
 * restarts must not lose every host that reports each second. */
#define REPORT_SILENCE_MIN_MS 10000

struct record {
	uint64_t seq;
	int kind; /* enum gavea_record_kind */
	const void *bytes; /* the host's */
	size_t size;
};

struct records {
	struct record *items;
	size_t count;
	size_t room;
};

#define RECORDS_INIT \
	{ \
		NULL, 0, 0 \
	}
void records_done(struct records *records);

/*
 * Appends what gavea_batch_next() gives until it says that it is at the end. 0; -EBADMSG: a record is damaged
 * (those before it were appended); -ENOMEM. The bytes are valid until deliver() returns.
 */
int records_collect(struct records *records, struct gavea_check *check, struct gavea_batch *batch);

/* Appends the fields that come before the records: who reports, and for how long silence is normal. 0 or
 * -ENOMEM. */
int report_add_head(struct buf *out, struct gavea_check *check, struct gavea_batch *batch, int64_t now_ms);

enum report_field {
	REPORT_DECLARATIONS = 8,
	REPORT_RECORDS = 9,
};

/* Appends one record. Errors are remembered in out. */
void report_add_record(struct buf *out, enum report_field field, const struct record *record);

/* The bytes that report_add_record() appends. */
size_t report_record_size(const struct record *record);

#endif
