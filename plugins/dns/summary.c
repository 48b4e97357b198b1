/* SPDX-License-Identifier: Apache-2.0 */
#include "summary.h"

#include "base/status.h"

enum {
	TOLD_MAX = 2, /* findings that the line names */
};

static bool is_right(const struct finding *finding)
{
	return finding->status == GAVEA_OK || finding->status == GAVEA_WARNING;
}

static void count(const struct findings *findings, struct summary *summary)
{
	for (size_t i = 0; i < findings->count; i++) {
		summary->servers += findings->list[i]->of_server;
		summary->right += findings->list[i]->of_server && is_right(findings->list[i]);
	}
}

static void excuse(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i]->of_server && !is_right(findings->list[i]))
			findings->list[i]->status = GAVEA_WARNING;
}

/* The next finding of that status behind *position. */
static const struct finding *next(const struct findings *findings, enum gavea_status status, size_t *position)
{
	while (*position < findings->count) {
		const struct finding *finding = findings->list[(*position)++];

		if (finding->status == status)
			return finding;
	}
	return NULL;
}

/* The worst first. */
static void tell_worst(const struct findings *findings, struct buf *out)
{
	static const enum gavea_status order[] = {GAVEA_CRITICAL, GAVEA_UNKNOWN, GAVEA_WARNING};
	size_t told = 0, more = 0;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct finding *finding;
		size_t position = 0;

		while ((finding = next(findings, order[i], &position))) {
			if (told++ < TOLD_MAX)
				buf_printf(out, "; %s: %s", finding->name, buf_str(&finding->text));
			else
				more++;
		}
	}
	if (more)
		buf_printf(out, "; and %zu more", more);
}

/* What the first server that is right answers, and the gate's word. */
static void tell_good(const struct findings *findings, struct buf *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (!findings->list[i]->of_server)
			continue;
		buf_printf(out, ": %s", buf_str(&findings->list[i]->text));
		break;
	}
	for (size_t i = 0; i < findings->count; i++)
		if (streq(findings->list[i]->name, "cutover") || streq(findings->list[i]->name, "dnssec"))
			buf_printf(
				out, "; %s %s", findings->list[i]->name, buf_str(&findings->list[i]->text));
}

struct summary summary_make(const struct settings *settings, const struct findings *findings, struct buf *out)
{
	struct summary summary = {.status = GAVEA_OK};
	bool enough;

	count(findings, &summary);
	enough = settings->at_least && summary.right >= settings->at_least;
	if (enough)
		excuse(findings);
	for (size_t i = 0; i < findings->count; i++)
		summary.status = status_worst(summary.status, findings->list[i]->status);
	buf_printf(out, "%s %s: %zu of %zu server%s right", settings->name_text, settings->type_name,
		summary.right, summary.servers, summary.servers == 1 ? "" : "s");
	if (!summary.servers) {
		summary.status = status_worst(summary.status, GAVEA_UNKNOWN);
		buf_add_str(out, ", there was none to ask");
	} else if (settings->at_least && !enough) {
		summary.status = GAVEA_CRITICAL;
		buf_printf(out, ", at least %zu must be", settings->at_least);
	}
	if (summary.status == GAVEA_OK)
		tell_good(findings, out);
	else
		tell_worst(findings, out);
	return summary;
}
