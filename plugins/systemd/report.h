/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the plugin share: one check, and what a run has found so far. */
#ifndef SYSTEMD_REPORT_H
#define SYSTEMD_REPORT_H

#include "bus.h"
#include "judge.h"
#include "restarts.h"

#include "base/buf.h"

#include <gavea/plugin.h>

#define REPORT_ITEMS_MAX 500 /* of one run; what is beyond is counted */

struct systemd {
	struct gavea_check *check;
	struct bus bus;
	struct units units; /* of the patterns, less those ignored */
	struct units named; /* those that options name */
	struct restarts restarts;
	struct thresholds *thresholds;
	struct now now;
	size_t items;
	size_t counts[4]; /* of items, by status */
	enum gavea_status worst;
	struct buf summary; /* the first few that are not ok, the worst first */
	size_t told;
};

void report_begin(struct systemd *systemd);
void report_done(struct systemd *systemd);

/* An item, named after a unit and, unless that is NULL, what of it was judged. Its text goes into the summary unless it
 * is ok. */
void report(struct systemd *systemd, const char *unit, const char *aspect, const struct verdict *verdict);

/* Something that was to be judged and could not be. */
void report_unknown(struct systemd *systemd, const char *unit, const char *aspect, const char *format, ...)
	_printf_(4, 5);

/* A sample with one or no label. */
void report_sample(struct systemd *systemd, const char *name, enum gavea_sample_type type, const char *unit,
	const char *help, const char *label, const char *label_value, double value);

/* Whether the word fits one of the patterns (those of the shell). */
bool fits_any(const char *word, const char *const *patterns, size_t count);

#endif
