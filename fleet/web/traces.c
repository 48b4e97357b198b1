/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/traces.h"

#include "fleet/web/format.h"

#include <inttypes.h>

#define ERROR_MAX 500

struct writing {
	struct page *page;
	struct html rows;
	size_t count;
};

static int write_trace(const struct store_span *span, void *userdata)
{
	struct writing *writing = userdata;
	struct html *html = &writing->rows;
	enum mark mark = *span->error ? MARK_WARNING : MARK_OK;
	char took[48];

	writing->count++;
	html_lit(html, "<tr");
	html_attrf(html, "class", "r-%s", mark_name(mark));
	html_attrf(html, "data-key", "%" PRIu64, span->id);
	html_lit(html, "><td class=\"c-mark\">");
	html_mark(html, mark);
	html_lit(html, "</td><td class=\"c-time\">");
	html_ago(html, span->received_ms, writing->page->now.unix_ms);
	html_lit(html, "</td><td class=\"c-check\">");
	html_bdi_cut(html, span->check, 200);
	html_lit(html, "</td><td class=\"c-text\"><span class=\"kind\">");
	html_bdi_cut(html, span->name, 120);
	html_lit(html, "</span> ");
	html_bdi_cut(html, span->error, ERROR_MAX);
	html_lit(html, "</td><td>");
	html_text(html, format_took(took, (uint64_t)span->duration_us));
	html_lit(html, "</td></tr>\n");
	return 0;
}

void html_host_traces(struct page *page, struct store *store, const char *agent_id)
{
	const struct store_span_query query = {.agent_id = agent_id, .limit = TRACES_ON_HOST};
	_cleanup_buf_ struct buf rows = BUF_INIT;
	struct writing writing = {.page = page, .rows = {&rows}};
	struct html *html = &page->html;
	int r = store_spans(store, &query, write_trace, &writing, NULL);

	if (r == 0 && writing.count == 0)
		return;
	html_lit(html, "<section aria-labelledby=\"h-traces\"><h2 id=\"h-traces\">Recent operations</h2>");
	if (r < 0) {
		html_lit(html,
			"<p role=\"alert\">They can't be read just now: see the server's "
			"log.</p></section>\n");
		return;
	}
	html_lit(html,
		"<table class=\"list events\"><thead><tr><th scope=\"col\">Status</th><th "
		"scope=\"col\">When</th>"
		"<th scope=\"col\">Check</th><th scope=\"col\">What was done</th><th "
		"scope=\"col\">Took</th></tr></thead>"
		"<tbody id=\"traces\">\n");
	buf_add(html->out, rows.data, rows.size);
	if (buf_error(&rows) < 0)
		html->out->error = buf_error(&rows);
	html_lit(html, "</tbody></table></section>\n");
}
