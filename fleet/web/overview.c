/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/overview.h"

#include "fleet/web/find.h"
#include "fleet/web/format.h"

#include <errno.h>

#define SUMMARY_MAX 240
#define PROBLEMS_MAX 2000

int overview_status(const char *name)
{
	for (int mark = 0; mark <= MARK_LOST; mark++)
		if (streq(name, mark_name((enum mark)mark)))
			return mark;
	return -1;
}

/* ---- The figures ---- */

static void tile(struct html *html, enum mark mark, size_t count, const char *address, const char *what)
{
	html_lit(html, "<li><a");
	html_attrf(html, "class", "tile%s", count ? "" : " none");
	html_attr(html, "href", address);
	html_lit(html, ">");
	html_icon(html, mark);
	html_lit(html, "<strong>");
	html_textf(html, "%zu", count);
	html_lit(html, "</strong> <span>");
	html_text(html, what);
	html_lit(html, "</span></a></li>");
}

static void figures(struct html *html, const struct model_counts *counts)
{
	html_lit(html,
		"<div class=\"figures\"><div><h2 class=\"small\" id=\"f-hosts\">Hosts</h2>"
		"<ul class=\"tiles\" aria-labelledby=\"f-hosts\">");
	tile(html, MARK_LOST, counts->lost, "/?status=lost", "lost");
	tile(html, MARK_LIVE, counts->hosts - counts->lost, "/", "live");
	html_lit(html,
		"</ul></div><div><h2 class=\"small\" id=\"f-checks\">Checks</h2>"
		"<ul class=\"tiles\" aria-labelledby=\"f-checks\">");
	tile(html, MARK_CRITICAL, counts->checks[GAVEA_CRITICAL], "/?status=critical", "critical");
	tile(html, MARK_UNKNOWN, counts->checks[GAVEA_UNKNOWN], "/?status=unknown", "unknown");
	tile(html, MARK_WARNING, counts->checks[GAVEA_WARNING], "/?status=warning", "warning");
	tile(html, MARK_OK, counts->checks[GAVEA_OK], "/?status=ok", "ok");
	html_lit(html, "</ul></div></div>");
}

/* ---- Problems ---- */

static void problem_text(struct page *page, const struct problem *problem)
{
	struct html *html = &page->html;
	const struct model_check *check = problem->check;
	char within[48];

	if (!check && problem->mark == MARK_LOST) {
		html_lit(html, "Silent: the last report came ");
		html_ago(html, problem->host->last_seen_ms, page->now.unix_ms);
		html_textf(html, " and promised another within %s",
			format_took(within, problem->host->next_within_ms * UINT64_C(1000)));
	} else if (!check) {
		html_lit(html, "Two machines report under this host's id: see its events");
	} else if (!check->has_result) {
		html_lit(html, "Has not run yet");
	} else {
		if (problem->stale && problem->host->liveness == MODEL_LIVE)
			html_lit(html, "Its result is overdue. ");
		if (problem->stale) {
			html_lit(html, "<span class=\"stale\">last known: ");
			html_text(html, mark_name((enum mark)check->state));
			html_lit(html, "</span> ");
		}
		html_bdi_cut(html, check->summary, SUMMARY_MAX);
	}
}

static void problem_row(struct page *page, const struct problem *problem)
{
	struct html *html = &page->html;
	const char *check = problem->check ? problem->check->name : "";

	html_lit(html, "<tr");
	html_attrf(html, "class", "r-%s%s", mark_name(problem->mark), problem->stale ? " is-stale" : "");
	html_attrf(html, "data-key", "%s/%d/%s", problem->host->id,
		(int)(problem->check == NULL) * problem->rank, check);
	html_lit(html, "><td class=\"c-mark\">");
	html_mark(html, problem->mark);
	html_lit(html, "</td><th scope=\"row\" class=\"c-host\">");
	html_host_link(html, problem->host);
	html_lit(html, "</th><td class=\"c-check\">");
	html_bdi_cut(html, problem->check ? check : "the host itself", SUMMARY_MAX);
	html_lit(html, "</td><td class=\"c-text\">");
	problem_text(page, problem);
	html_lit(html, "</td><td class=\"c-time\"><span class=\"phone-only\">began </span>");
	if (problem->since_ms)
		html_ago(html, problem->since_ms, page->now.unix_ms);
	else
		html_lit(html, "–");
	html_lit(html, "</td></tr>\n");
}

static void problems(struct page *page, const struct found *found, const struct overview_query *query)
{
	struct html *html = &page->html;
	size_t shown = MIN(found->problem_count, (size_t)(query->all ? PROBLEMS_MAX : OVERVIEW_PROBLEMS));

	html_lit(html,
		"<section aria-labelledby=\"h-problems\"><h2 id=\"h-problems\">Problems <span "
		"class=\"count\">");
	html_textf(html, "%zu", found->problem_count);
	html_lit(html, "</span></h2>");
	if (shown == 0) {
		html_lit(html, "<p class=\"good\">");
		html_icon(html, MARK_OK);
		html_text(html,
			query->status >= 0 || *query->text ? "Nothing that matches the filter is wrong."
							   : "Nothing is wrong.");
		html_lit(html, "</p></section>");
		return;
	}
	html_lit(html,
		"<table class=\"list problems\"><thead><tr><th scope=\"col\">Status</th>"
		"<th scope=\"col\">Host</th><th scope=\"col\">Check</th><th scope=\"col\">What it says</th>"
		"<th scope=\"col\">Since</th></tr></thead><tbody id=\"problems\">\n");
	for (size_t i = 0; i < shown; i++)
		problem_row(page, &found->problems[i]);
	html_lit(html, "</tbody></table>");
	if (shown < found->problem_count) {
		html_lit(html, "<p class=\"more\">");
		html_textf(html, "%zu more. ", found->problem_count - shown);
		if (!query->all)
			html_lit(html, "<a href=\"/?all=1\">Show all problems</a>");
		html_lit(html, "</p>");
	}
	html_lit(html, "</section>\n");
}

/* ---- Hosts ---- */

static void option(struct html *html, const char *value, const char *text, bool selected)
{
	html_lit(html, "<option");
	html_attr(html, "value", value);
	if (selected)
		html_lit(html, " selected");
	html_lit(html, ">");
	html_text(html, text);
	html_lit(html, "</option>");
}

static void filter(struct html *html, const struct overview_query *query)
{
	static const enum mark marks[] = {MARK_LOST, MARK_CRITICAL, MARK_UNKNOWN, MARK_WARNING, MARK_OK};

	html_lit(html,
		"<form class=\"filter\" role=\"search\" method=\"get\" action=\"/\" "
		"aria-label=\"Filter\"><label>Text <input type=\"search\" name=\"q\" maxlength=\"200\" "
		"id=\"q\" autocomplete=\"off\" placeholder=\"host, label, check\"");
	html_attr(html, "value", query->text);
	html_lit(html, "></label><label>Status <select name=\"status\" id=\"status\">");
	option(html, "", "any", query->status < 0);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		option(html, mark_name(marks[i]), mark_name(marks[i]), query->status == (int)marks[i]);
	html_lit(html, "</select></label><button type=\"submit\">Filter</button>");
	if (query->status >= 0 || *query->text)
		html_lit(html, " <a href=\"/\">Clear the filter</a>");
	html_lit(html, "</form>");
}

static void row_counts(struct html *html, const struct host_row *row)
{
	static const enum mark marks[] = {MARK_CRITICAL, MARK_UNKNOWN, MARK_WARNING, MARK_OK};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (row->counts[marks[i]] > 0) {
			any = true;
			html_lit(html, "<span class=\"n\">");
			html_icon(html, marks[i]);
			html_textf(html, "%zu", row->counts[marks[i]]);
			html_lit(html, "<span class=\"sr\"> ");
			html_text(html, mark_name(marks[i]));
			html_lit(html, "</span></span> ");
		}
	if (!any)
		html_lit(html, "<span class=\"quiet\">none</span>");
}

static void row_worst(struct page *page, const struct host_row *row)
{
	struct html *html = &page->html;

	if (!row->worst) {
		html_lit(html, "<span class=\"quiet well\">all well</span>");
		return;
	}
	if (check_stale(row->host, row->worst, page->now))
		html_lit(html, "<span class=\"stale\">last known</span> ");
	html_lit(html, "<span class=\"name\">");
	html_bdi_cut(html, row->worst->name, SUMMARY_MAX);
	html_lit(html, "</span> ");
	if (row->worst->has_result)
		html_bdi_cut(html, row->worst->summary, SUMMARY_MAX);
	else
		html_lit(html, "has not run yet");
}

static void host_row(struct page *page, const struct host_row *row)
{
	struct html *html = &page->html;

	html_lit(html, "<tr");
	html_attrf(html, "class", "r-%s", mark_name(row->mark));
	html_attr(html, "data-key", row->host->id);
	html_lit(html, "><td class=\"c-mark\">");
	html_mark(html, row->mark);
	html_lit(html, "</td><th scope=\"row\" class=\"c-host\">");
	html_host_link(html, row->host);
	html_lit(html, "</th><td class=\"c-labels\">");
	html_labels(html, row->host->labels, MIN(row->host->label_count, (size_t)8));
	html_lit(html, "</td><td class=\"c-counts\">");
	row_counts(html, row);
	html_lit(html, "</td><td class=\"c-text\">");
	row_worst(page, row);
	html_lit(html, "</td><td class=\"c-time\"><span class=\"phone-only\">last report </span>");
	html_ago(html, row->host->last_seen_ms, page->now.unix_ms);
	html_lit(html, "</td></tr>\n");
}

static void page_link(struct html *html, const struct overview_query *query, size_t number, const char *rel,
	const char *text)
{
	html_lit(html, "<li><a");
	html_attr(html, "rel", rel);
	html_lit(html, " href=\"/?q=");
	html_url_part(html, query->text);
	html_lit(html, "&amp;status=");
	if (query->status >= 0)
		html_text(html, mark_name((enum mark)query->status));
	html_textf(html, "&page=%zu", number + 1);
	html_lit(html, "\">");
	html_text(html, text);
	html_lit(html, "</a></li>");
}

static void paging(struct html *html, const struct overview_query *query, size_t number, size_t pages)
{
	if (pages < 2)
		return;
	html_lit(html, "<nav class=\"paging\" aria-label=\"Pages of hosts\"><ul>");
	if (number > 0)
		page_link(html, query, number - 1, "prev", "Previous");
	html_lit(html, "<li>");
	html_textf(html, "Page %zu of %zu", number + 1, pages);
	html_lit(html, "</li>");
	if (number + 1 < pages)
		page_link(html, query, number + 1, "next", "Next");
	html_lit(html, "</ul></nav>");
}

static void hosts(struct page *page, const struct found *found, const struct overview_query *query)
{
	struct html *html = &page->html;
	size_t pages = (found->host_count + OVERVIEW_HOSTS - 1) / OVERVIEW_HOSTS;
	size_t number = MIN(query->number, pages ? pages - 1 : 0);
	size_t end = MIN(found->host_count, (number + 1) * OVERVIEW_HOSTS);

	html_lit(
		html, "<section aria-labelledby=\"h-hosts\"><h2 id=\"h-hosts\">Hosts <span class=\"count\">");
	html_textf(html, "%zu", found->host_count);
	html_lit(html, "</span></h2>");
	filter(html, query);
	if (found->host_count == 0) {
		html_lit(html, "<p>No host matches the filter.</p></section>");
		return;
	}
	html_lit(html,
		"<table class=\"list hosts\"><thead><tr><th scope=\"col\">Status</th>"
		"<th scope=\"col\">Host</th><th scope=\"col\">Labels</th><th scope=\"col\">Checks</th>"
		"<th scope=\"col\">Worst check</th><th scope=\"col\">Last report</th></tr></thead>"
		"<tbody id=\"hosts\">\n");
	for (size_t i = number * OVERVIEW_HOSTS; i < end; i++)
		host_row(page, &found->hosts[i]);
	html_lit(html, "</tbody></table>");
	paging(html, query, number, pages);
	html_lit(html, "</section>\n");
}

static void nobody_yet(struct html *html)
{
	html_lit(html,
		"<h1>Fleet</h1><section class=\"empty\"><h2>No host has reported yet</h2>"
		"<p>An agent reports here when its configuration has a <code>fleet</code> output with this "
		"server's address and the report token. Hosts appear on this page with their first "
		"report.</p>"
		"</section>");
}

void overview_page(struct page *page, struct model *model, const struct overview_query *query)
{
	struct html *html = &page->html;
	struct model_counts counts;
	struct found found;

	model_lock(model);
	page->generation = model_generation(model);
	model_count(model, page->now, &counts);
	if (find(model, page->now, query, &found) < 0) {
		html->out->error = -ENOMEM; /* as if the page itself had not fitted */
	} else {
		_cleanup_buf_ struct buf title = BUF_INIT;

		if (found.problem_count > 0)
			buf_printf(&title, "(%zu) ", found.problem_count);
		buf_add_str(&title, "Fleet");
		page_begin(page, buf_str(&title), TAB_FLEET, true);
		if (counts.hosts == 0) {
			nobody_yet(html);
		} else {
			html_lit(html, "<h1>Fleet</h1>");
			figures(html, &counts);
			problems(page, &found, query);
			hosts(page, &found, query);
		}
		found_done(&found);
	}
	model_unlock(model);
	page_end(page);
}
