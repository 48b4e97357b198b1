/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/status.h"

#include <fnmatch.h>
#include <stdio.h>

#define TOLD_MAX 4 /* in the summary */

void report_begin(struct systemd *systemd)
{
	systemd->items = systemd->told = 0;
	memset(systemd->counts, 0, sizeof systemd->counts);
	systemd->worst = GAVEA_OK;
	buf_reset(&systemd->summary);
}

void report_done(struct systemd *systemd)
{
	buf_done(&systemd->summary);
}

/* Into the summary: what is worse than all before comes first. */
static void tell(struct systemd *systemd, const char *unit, const struct verdict *verdict, bool worse)
{
	_cleanup_buf_ struct buf rest = BUF_INIT;

	if (worse) {
		buf_add_str(&rest, buf_str(&systemd->summary));
		buf_reset(&systemd->summary);
	}
	buf_printf(&systemd->summary, "%s%s %s", systemd->summary.size ? "; " : "", unit, verdict->text);
	if (rest.size)
		buf_printf(&systemd->summary, "; %s", buf_str(&rest));
}

void report(struct systemd *systemd, const char *unit, const char *aspect, const struct verdict *verdict)
{
	bool worse = status_severity((int)verdict->status) > status_severity((int)systemd->worst);
	char name[300];

	systemd->counts[verdict->status]++;
	if (verdict->status != GAVEA_OK && (systemd->told++ < TOLD_MAX || worse))
		tell(systemd, unit, verdict, worse);
	systemd->worst = status_worst(systemd->worst, verdict->status);
	systemd->items++;
	(void)snprintf(name, sizeof name, "%s%s%s", unit, aspect ? " " : "", aspect ? aspect : "");
	if (systemd->items <= REPORT_ITEMS_MAX)
		gavea_item(systemd->check, name, verdict->status, "%s", verdict->text);
}

void report_unknown(struct systemd *systemd, const char *unit, const char *aspect, const char *format, ...)
{
	struct verdict verdict = {.status = GAVEA_UNKNOWN};
	va_list args;

	va_start(args, format);
	vsnprintf(verdict.text, sizeof verdict.text, format, args);
	va_end(args);
	report(systemd, unit, aspect, &verdict);
}

void report_sample(struct systemd *systemd, const char *name, enum gavea_sample_type type, const char *unit,
	const char *help, const char *label, const char *label_value, double value)
{
	struct gavea_pair pair = {label, label_value};
	int series =
		gavea_series(systemd->check, name, type, unit, help, label ? &pair : NULL, label ? 1 : 0);

	if (series > 0)
		gavea_sample(systemd->check, series, value);
}

bool fits_any(const char *word, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], word, 0) == 0)
			return true;
	return false;
}
