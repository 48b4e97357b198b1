/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/host.h"

#include "base/status.h"
#include "fleet/web/events.h"
#include "fleet/web/find.h"
#include "fleet/web/format.h"
#include "fleet/web/spark.h"
#include "fleet/web/traces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ITEMS_SHOWN 200
#define SKEW_SHOWN_MS 2000

/* ---- Who it is ---- */

#define FACT(html, name) html_lit(html, "<div><dt>" name "</dt><dd>")
#define FACT_END(html) html_lit(html, "</dd></div>")

static void fact_skew(struct html *html, int64_t skew_ms)
{
	char took[48];

	FACT(html, "Clock");
	if (skew_ms < SKEW_SHOWN_MS && skew_ms > -SKEW_SHOWN_MS) {
		html_lit(html, "agrees with the server's");
	} else {
		html_textf(html, "%s %s the server's", format_took(took, (uint64_t)llabs(skew_ms) * 1000),
			skew_ms > 0 ? "ahead of" : "behind");
	}
	FACT_END(html);
}

static void facts(struct page *page, const struct model_host *host)
{
	struct html *html = &page->html;

	html_lit(html, "<dl class=\"facts\">");
	FACT(html, "Last report");
	html_ago(html, host->last_seen_ms, page->now.unix_ms);
	FACT_END(html);
	html_lit(html, "<div><dt>");
	html_text(html, host->liveness == MODEL_LOST ? "Lost since" : "Live since");
	html_lit(html, "</dt><dd>");
	html_ago(html, host->liveness_since_ms, page->now.unix_ms);
	FACT_END(html);
	FACT(html, "First seen");
	html_ago(html, host->first_seen_ms, page->now.unix_ms);
	FACT_END(html);
	FACT(html, "Address");
	html_bdi(html, host->address);
	FACT_END(html);
	fact_skew(html, host->skew_ms);
	FACT(html, "Agent");
	html_bdi_cut(html, *host->version ? host->version : "unknown version", 60);
	FACT_END(html);
	FACT(html, "Agent id");
	html_lit(html, "<code>");
	html_text(html, host->id);
	html_lit(html, "</code>");
	FACT_END(html);
	html_lit(html, "</dl>");
}

static void warnings(struct page *page, const struct model_host *host)
{
	struct html *html = &page->html;
	char within[48];

	if (host->liveness == MODEL_LOST) {
		html_lit(html, "<p class=\"banner m-lost\">");
		html_icon(html, MARK_LOST);
		html_lit(html, "<span>Silent: the last report came ");
		html_ago(html, host->last_seen_ms, page->now.unix_ms);
		html_textf(html, " and promised another within %s. ",
			format_took(within, host->next_within_ms * UINT64_C(1000)));
		html_lit(html, "Everything below is what was last known.</span></p>");
	}
	if (host->conflict) {
		html_lit(html, "<p class=\"banner m-warning\">");
		html_icon(html, MARK_WARNING);
		html_lit(html,
			"<span>Two machines report under this host's id, so what is shown may be of either. "
			"One was cloned from the other: give it an id of its own.</span></p>");
	}
}

/* ---- Its checks ---- */

static void item(struct html *html, const struct model_item *item)
{
	html_lit(html, "<tr><td class=\"c-mark\">");
	html_mark(html, (enum mark)item->status);
	html_lit(html, "</td><th scope=\"row\" class=\"c-item\">");
	html_bdi(html, item->name);
	html_lit(html, "</th><td class=\"c-text\">");
	html_bdi(html, item->summary);
	html_labels(html, item->attributes, item->attribute_count);
	html_lit(html, "</td></tr>");
}

static size_t items_of(const struct model_check *check, enum gavea_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < check->item_count; i++)
		count += check->items[i].status == status;
	return count;
}

/* The worst first, else in the check's own order. */
static void items(struct html *html, const struct model_check *check)
{
	static const enum gavea_status order[] = {GAVEA_CRITICAL, GAVEA_UNKNOWN, GAVEA_WARNING, GAVEA_OK};
	size_t bad = check->item_count - items_of(check, GAVEA_OK), left = ITEMS_SHOWN;
	size_t hidden = check->items_left_out +
		(check->item_count > ITEMS_SHOWN ? check->item_count - ITEMS_SHOWN : 0);

	html_lit(html, "<details");
	html_attrf(html, "data-key", "items-%s", check->name);
	html_lit(html, "><summary>");
	html_textf(html, "%zu item%s", check->item_count + check->items_left_out,
		check->item_count + check->items_left_out == 1 ? "" : "s");
	if (bad > 0)
		html_textf(html, ", %zu not ok", bad);
	html_lit(html, "<span class=\"sr\"> of ");
	html_text(html, check->name);
	html_lit(html,
		"</span></summary><table class=\"items\"><thead class=\"sr\"><tr><th "
		"scope=\"col\">Status</th>"
		"<th scope=\"col\">Item</th><th scope=\"col\">What it says</th></tr></thead><tbody>");
	for (size_t o = 0; o < ARRAY_SIZE(order); o++)
		for (size_t i = 0; i < check->item_count && left > 0; i++)
			if (check->items[i].status == order[o]) {
				item(html, &check->items[i]);
				left--;
			}
	html_lit(html, "</tbody></table>");
	if (hidden > 0) {
		html_lit(html, "<p class=\"quiet\">");
		html_textf(html, "%zu more are not shown.", hidden);
		html_lit(html, "</p>");
	}
	html_lit(html, "</details>");
}

static void check_notes(struct page *page, const struct model_host *host, const struct model_check *check)
{
	struct html *html = &page->html;

	if (model_check_overdue(host, check, page->now))
		html_lit(html, "<span class=\"stale\">overdue</span> ");
	if (check_stale(host, check, page->now)) {
		html_lit(html, "<span class=\"stale\">last known: ");
		html_text(html, mark_name((enum mark)check->state));
		html_lit(html, "</span> ");
	}
	if (check->flapping)
		html_lit(html, "<span class=\"note\">flapping</span> ");
	if (check->attempt > 0 && check->status != check->state) {
		html_lit(html, "<span class=\"note\">");
		html_textf(html, "last run: %s, attempt %u", mark_name((enum mark)check->status),
			check->attempt);
		html_lit(html, "</span> ");
	}
}

static void last_run(struct page *page, const struct model_host *host, const struct model_check *check)
{
	struct html *html = &page->html;
	char took[48];

	html_ago(html, server_time(host, check->started_ms), page->now.unix_ms);
	html_lit(html, "<span class=\"quiet\"> took ");
	html_text(html, format_took(took, check->duration_us));
	if (check->every_ms > 0)
		html_textf(html, ", every %s", format_took(took, check->every_ms * 1000));
	html_lit(html, "</span>");
}

static void check_row(struct page *page, const struct model_host *host, const struct model_check *check)
{
	struct html *html = &page->html;
	enum mark mark = check_mark(host, check, page->now);

	html_lit(html, "<tr");
	html_attrf(html, "class", "r-%s%s", mark_name(mark),
		check_stale(host, check, page->now) ? " is-stale" : "");
	html_attr(html, "data-key", check->name);
	html_lit(html, "><td class=\"c-mark\">");
	html_mark(html, mark);
	html_lit(html, "</td><th scope=\"row\" class=\"c-host\">");
	html_bdi(html, check->name);
	html_labels(html, check->labels, check->label_count);
	html_lit(html, "</th><td class=\"c-text\">");
	if (check->has_result) {
		check_notes(page, host, check);
		html_bdi(html, check->summary);
		if (check->item_count > 0)
			items(html, check);
		html_lit(html, "</td><td class=\"c-time\"><span class=\"phone-only\">began </span>");
		html_ago(html, server_time(host, check->since_ms), page->now.unix_ms);
		html_lit(html, "</td><td class=\"c-time\"><span class=\"phone-only\">last run </span>");
		last_run(page, host, check);
	} else {
		html_lit(html, "Has not run yet</td><td class=\"c-time\">–</td><td class=\"c-time\">–");
	}
	html_lit(html, "</td></tr>\n");
}

struct sorted {
	const struct model_check *check;
	int severity;
	size_t place;
};

static int compare(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;

	if (x->severity != y->severity)
		return y->severity - x->severity;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void checks(struct page *page, const struct model_host *host)
{
	struct html *html = &page->html;
	_cleanup_free_ struct sorted *sorted = calloc(host->check_count + 1, sizeof *sorted);

	if (!sorted) {
		html->out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < host->check_count; i++)
		sorted[i] = (struct sorted){host->checks[i],
			status_severity((int)check_mark(host, host->checks[i], page->now)), i};
	qsort(sorted, host->check_count, sizeof *sorted, compare);
	html_lit(html,
		"<section aria-labelledby=\"h-checks\"><h2 id=\"h-checks\">Checks <span class=\"count\">");
	html_textf(html, "%zu", host->check_count);
	html_lit(html, "</span></h2>");
	if (host->check_count == 0) {
		html_lit(html, "<p class=\"quiet\">It has declared none.</p></section>");
		return;
	}
	html_lit(html,
		"<table class=\"list checks\"><thead><tr><th scope=\"col\">Status</th><th "
		"scope=\"col\">Check</th>"
		"<th scope=\"col\">What it says</th><th scope=\"col\">Since</th><th scope=\"col\">Last "
		"run</th>"
		"</tr></thead><tbody id=\"checks\">\n");
	for (size_t i = 0; i < host->check_count; i++)
		check_row(page, host, sorted[i].check);
	html_lit(html, "</tbody></table></section>\n");
}

/* ---- Its last hour ---- */

static void plots(struct page *page, const struct model *model, const struct model_host *host)
{
	struct html *html = &page->html;
	const struct model_plot *plots;
	size_t count = model_plots(model, &plots), shown = 0;
	double points[MODEL_POINTS];

	html_lit(html,
		"<section aria-labelledby=\"h-plots\"><h2 id=\"h-plots\">The last hour</h2><div "
		"class=\"plots\">");
	for (size_t i = 0; i < count; i++)
		if (model_host_points(model, host, i, page->now, points) > 0) {
			html_spark(html, &plots[i], points, page->now);
			shown++;
		}
	html_lit(html, "</div>");
	if (shown == 0)
		html_lit(html, "<p class=\"quiet\">No metrics came in the last hour.</p>");
	html_lit(html, "</section>\n");
}

static void write_host(struct page *page, const struct model *model, const struct model_host *host)
{
	struct html *html = &page->html;
	bool lost = host->liveness == MODEL_LOST;
	const char *name = *host->name ? host->name : host->id;
	enum mark mark = lost ? MARK_LOST : (enum mark)model_host_status(host, page->now);

	page_begin(page, name, TAB_FLEET, true);
	html_lit(html, "<p class=\"crumbs\"><a href=\"/\">Fleet</a></p><div class=\"headline\"");
	html_attr(html, "data-host", host->id);
	html_lit(html, "><h1>");
	html_bdi(html, name);
	html_lit(html, "</h1> ");
	html_mark(html, mark);
	html_lit(html, "</div>");
	html_labels(html, host->labels, host->label_count);
	warnings(page, host);
	facts(page, host);
	checks(page, host);
	plots(page, model, host);
}

bool host_page(struct page *page, struct model *model, struct store *store, const char *id_or_name)
{
	const struct model_host *host;
	char id[33] = "";

	model_lock(model);
	page->generation = model_generation(model);
	host = model_host_find(model, id_or_name);
	if (host) {
		snprintf(id, sizeof id, "%s", host->id);
		write_host(page, model, host);
	}
	model_unlock(model);
	if (!host)
		return false;
	html_host_events(page, store, id);
	html_host_traces(page, store, id);
	page_end(page);
	return true;
}
