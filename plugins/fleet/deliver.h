/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delivery of one batch: cut into reports, send, judge what came back, go on. Knows nothing of HTTP.
 *
 * A report that the server calls malformed or too large is halved until it is a single record. If the server
 * then takes a report without any record, that record is at fault: it is passed over, and an event
 * "record-refused" says so. If the server does not even take an empty report, the fault is elsewhere and
 * nothing is given up. Declarations that the server refuses when it asked for them are found in the same way.
 *
 * A server that has more of this spool than came from here (the batch's "known_seq") would take records for others
 * that it has: the delivery fails with -ESTALE, for which the host takes a new spool id.
 */
#ifndef FLEET_DELIVER_H
#define FLEET_DELIVER_H

#include "answer.h"
#include "base/buf.h"

#include <gavea/plugin.h>

/* What one delivery leaves to the next. */
struct delivery_memory {
	uint64_t refused; /* counts what was passed over */
	bool broken; /* a declaration of broken_stream was: records that refer to it can't be stored either */
	uint64_t broken_stream;
};

struct delivery_settings {
	size_t max_report; /* bytes of an encoded report; a single record may be longer */

	/*
	 * Sends an encoded report and judges the answer. VERDICT_TOO_LARGE may also come from here, unless
	 * last_try says that the report can't be made smaller. Blocks.
	 */
	void (*post)(void *userdata, const struct buf *report, bool last_try, struct verdict *ret_verdict);
	void *userdata;
	struct delivery_memory *memory;
};

/* As gavea_plugin.deliver(). */
int deliver_batch(
	const struct delivery_settings *settings, struct gavea_check *check, struct gavea_batch *batch);

#endif
