/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run says about the host: an item for each thing that is judged, and the worst of them for the one-line
 * summary. Items that are not ok are kept until the run ends, so that more can be told of them.
 */
#ifndef HOST_VERDICT_H
#define HOST_VERDICT_H

#include <gavea/plugin.h>

#include "base/buf.h"
#include "base/util.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	TROUBLED_MAX = 16, /* items that the processes of the moment are attached to */
	WORST_MAX = 3, /* of them in the summary */
};

struct verdicts {
	size_t count;
	size_t wrong; /* of them not ok */
	struct gavea_item *troubled[TROUBLED_MAX]; /* that processes may have caused */
	size_t troubled_count;
	struct {
		enum gavea_status status;
		struct buf text; /* "/var: 98 % used" */
	} worst[WORST_MAX]; /* the worst first */
	size_t worst_count;
	struct buf line; /* of the item that is being said */
};

void verdicts_begin(struct verdicts *verdicts);
void verdicts_done(struct verdicts *verdicts);

/* Says an item. by_processes: when it is not ok, what runs at that moment is attached to it. name may hold any bytes. The
 * handle is valid until the run ends; NULL: beyond the host's limit. */
struct gavea_item *verdict(struct verdicts *verdicts, struct gavea_check *check, const char *name,
	enum gavea_status status, bool by_processes, const char *format, ...) _printf_(6, 7);

/* Adds "2 of 9 wrong: /var: 98 % used; clock: not synchronised" to the summary; nothing when all is well. */
void verdicts_sum_up(const struct verdicts *verdicts, struct buf *summary);

#endif
