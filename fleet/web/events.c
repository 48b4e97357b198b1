/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/events.h"

#include "fleet/web/format.h"

#include <inttypes.h>

#define SUMMARY_MAX 1000

struct writing {
	struct page *page;
	struct html rows;
	bool with_host;
	size_t count;
	uint64_t last_id;
};

static int write_event(const struct store_event *event, void *userdata)
{
	struct writing *writing = userdata;
	struct html *html = &writing->rows;
	enum mark mark = (unsigned)event->status <= GAVEA_UNKNOWN ? (enum mark)event->status : MARK_UNKNOWN;
	char exact[48];

	writing->count++;
	writing->last_id = event->id;
	html_lit(html, "<tr");
	html_attrf(html, "class", "r-%s", mark_name(mark));
	html_attrf(html, "data-key", "%" PRIu64, event->id);
	html_lit(html, "><td class=\"c-mark\">");
	html_mark(html, mark);
	html_lit(html, "</td><td class=\"c-time\">");
	html_ago(html, event->received_ms, writing->page->now.unix_ms);
	html_lit(html, "<span class=\"quiet\"> ");
	html_text(html, format_exact(exact, event->received_ms));
	html_lit(html, "</span></td>");
	if (writing->with_host) {
		html_lit(html, "<td class=\"c-host\"><a");
		html_href(html, "/hosts/", event->agent_id);
		html_lit(html, ">");
		html_bdi_cut(html, *event->host ? event->host : event->agent_id, 120);
		html_lit(html, "</a></td>");
	}
	html_lit(html, "<td class=\"c-check\">");
	html_bdi_cut(html, event->check, 200);
	html_lit(html, "</td><td class=\"c-text\"><span class=\"kind\">");
	html_bdi_cut(html, event->kind, 60);
	html_lit(html, "</span> ");
	html_bdi_cut(html, event->summary, SUMMARY_MAX);
	html_lit(html, "</td></tr>\n");
	return 0;
}

/* Returns how many there were; *ret_last is the id of the oldest one. */
static size_t table(
	struct page *page, struct store *store, const struct store_event_query *query, uint64_t *ret_last)
{
	_cleanup_buf_ struct buf rows = BUF_INIT;
	struct writing writing = {.page = page, .rows = {&rows}, .with_host = !query->agent_id};
	struct html *html = &page->html;
	int r = store_events(store, query, write_event, &writing, NULL);

	*ret_last = writing.last_id;
	if (r < 0) {
		html_lit(html,
			"<p role=\"alert\">The events can't be read just now: see the server's log.</p>");
		return 0;
	}
	if (writing.count == 0) {
		html_lit(html, "<p class=\"quiet\">None.</p>");
		return 0;
	}
	html_lit(html,
		"<table class=\"list events\"><thead><tr><th scope=\"col\">Status</th>"
		"<th scope=\"col\">When</th>");
	if (writing.with_host)
		html_lit(html, "<th scope=\"col\">Host</th>");
	html_lit(html,
		"<th scope=\"col\">Check</th><th scope=\"col\">What happened</th></tr></thead>"
		"<tbody id=\"events\">\n");
	buf_add(html->out, rows.data, rows.size);
	if (buf_error(&rows) < 0)
		html->out->error = buf_error(&rows);
	html_lit(html, "</tbody></table>");
	return writing.count;
}

void html_host_events(struct page *page, struct store *store, const char *agent_id)
{
	struct store_event_query query = {
		.agent_id = agent_id, .limit = EVENTS_ON_HOST, .newest_first = true};
	uint64_t last;

	html_lit(&page->html, "<section aria-labelledby=\"h-events\"><h2 id=\"h-events\">Recent events</h2>");
	table(page, store, &query, &last);
	html_lit(&page->html, "</section>\n");
}

void events_page(struct page *page, struct store *store, uint64_t before)
{
	struct store_event_query query = {.before = before, .limit = EVENTS_ON_PAGE, .newest_first = true};
	struct html *html = &page->html;
	uint64_t last;

	/* What is past does not change. */
	page_begin(page, "Events", TAB_EVENTS, before == 0);
	html_lit(html, "<h1>Events</h1>");
	if (before > 0)
		html_lit(html, "<p><a href=\"/events\">The newest events</a></p>");
	if (table(page, store, &query, &last) == EVENTS_ON_PAGE) {
		html_lit(
			html, "<nav class=\"paging\" aria-label=\"Pages of events\"><ul><li><a rel=\"next\"");
		html_attrf(html, "href", "/events?before=%" PRIu64, last);
		html_lit(html, ">Older events</a></li></ul></nav>");
	}
	page_end(page);
}
