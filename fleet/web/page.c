/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/page.h"

#include "base/clock.h"
#include "fleet/web/format.h"

#include <inttypes.h>

#define NAME_MAX_BYTES 120

/* Each status has a shape of its own. */
static void sprite(struct html *html)
{
	html_lit(html,
		"<svg class=\"sprite\" aria-hidden=\"true\" focusable=\"false\">"
		"<symbol id=\"i-ok\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"6.5\" "
		"class=\"line\"/>"
		"<path class=\"line\" d=\"M5 8.2l2.1 2.1L11 6.2\"/></symbol>"
		"<symbol id=\"i-warning\" viewBox=\"0 0 16 16\"><path class=\"solid\" d=\"M8 1.2a1 1 0 0 1 "
		".9.5l6.3 "
		"11.4a1 1 0 0 1-.9 1.5H1.7a1 1 0 0 1-.9-1.5L7.1 1.7a1 1 0 0 1 .9-.5z\"/>"
		"<path class=\"cut\" d=\"M8 5.6v4M8 11.7v.4\"/></symbol>"
		"<symbol id=\"i-critical\" viewBox=\"0 0 16 16\"><path class=\"solid\" "
		"d=\"M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5z\"/><path class=\"cut\" d=\"M5.4 5.4l5.2 5.2M10.6 "
		"5.4l-5.2 5.2\"/></symbol>"
		"<symbol id=\"i-unknown\" viewBox=\"0 0 16 16\"><path class=\"solid\" d=\"M8 .6L15.4 8 8 "
		"15.4.6 8z\"/>"
		"<path class=\"cut\" d=\"M6.3 6.3a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.9.6-.9 1.3M8 "
		"11.3v.3\"/></symbol>"
		"<symbol id=\"i-lost\" viewBox=\"0 0 16 16\"><rect class=\"line\" x=\"1.2\" y=\"3\" "
		"width=\"13.6\" "
		"height=\"10\" rx=\"1.6\"/><path class=\"line\" d=\"M2 15L14 1\"/></symbol>"
		"<symbol id=\"i-live\" viewBox=\"0 0 16 16\"><rect class=\"line\" x=\"1.2\" y=\"3\" "
		"width=\"13.6\" "
		"height=\"10\" rx=\"1.6\"/><path class=\"line\" d=\"M4 8h2l1.3-2.4 1.8 4.8L10.4 "
		"8H12\"/></symbol>"
		"</svg>");
}

static void asset_link(struct page *page, enum asset_name name)
{
	html_text(&page->html, page->assets[name].path);
	html_lit(&page->html, "?v=");
	html_text(&page->html, page->assets[name].tag);
}

static void head(struct page *page, const char *title)
{
	struct html *html = &page->html;

	html_lit(html,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><title>");
	html_text(html, title);
	html_lit(html, " – gavea</title><link rel=\"icon\" href=\"");
	asset_link(page, ASSET_ICON);
	html_lit(html, "\"><link rel=\"stylesheet\" href=\"");
	asset_link(page, ASSET_STYLE);
	html_lit(html, "\"><script type=\"module\" src=\"");
	asset_link(page, ASSET_SCRIPT);
	html_lit(html, "\"></script></head>\n");
}

static void nav_link(struct html *html, const char *address, const char *text, bool here)
{
	html_lit(html, "<li><a");
	html_attr(html, "href", address);
	if (here)
		html_attr(html, "aria-current", "page");
	html_lit(html, ">");
	html_text(html, text);
	html_lit(html, "</a></li>");
}

void page_begin(struct page *page, const char *title, enum page_tab tab, bool live)
{
	struct html *html = &page->html;

	head(page, title);
	html_lit(html, "<body");
	if (live)
		html_attrf(html, "data-since", "%s-%" PRIu64, page->instance, page->generation);
	html_attrf(html, "data-now", "%" PRId64, page->now.unix_ms);
	html_lit(html, ">");
	sprite(html);
	html_lit(html,
		"<a class=\"skip\" href=\"#main\">Skip to the content</a>"
		"<header class=\"top\"><a class=\"brand\" href=\"/\"><svg viewBox=\"0 0 32 32\" "
		"aria-hidden=\"true\"><path class=\"solid\" d=\"M15 2h2v9h-2zM7 12h18l-3 9H10zM15 "
		"21h2v9h-2z\"/>"
		"</svg>gavea</a><nav aria-label=\"Pages\"><ul>");
	nav_link(html, "/", "Fleet", tab == TAB_FLEET);
	nav_link(html, "/events", "Events", tab == TAB_EVENTS);
	html_lit(html,
		"</ul></nav><p class=\"live\" id=\"live\" role=\"status\"></p>"
		"<p class=\"sr\" id=\"news\" role=\"status\"></p>"
		"<noscript><p class=\"live\">Not live without JavaScript</p></noscript></header>\n"
		"<main id=\"main\" tabindex=\"-1\">");
}

void page_end(struct page *page)
{
	struct html *html = &page->html;
	char exact[32], text[48];

	html_lit(html, "<p class=\"asof quiet\">As of <time");
	html_attr(html, "datetime", clock_format_utc(exact, page->now.unix_ms, 1));
	html_lit(html, " data-fixed>");
	html_text(html, format_exact(text, page->now.unix_ms));
	html_lit(html, "</time>. <a href=\"\">Reload</a></p></main>\n</body></html>\n");
}

void page_error(struct page *page, int status, const char *what, const char *advice)
{
	struct html *html = &page->html;

	page_begin(page, what, TAB_NONE, false);
	html_lit(html, "<h1>");
	html_text(html, what);
	html_lit(html, "</h1><p>");
	html_bdi(html, advice);
	html_lit(html, "</p><p><a class=\"button\" href=\"/\">To the fleet</a></p><p class=\"quiet\">");
	html_textf(html, "HTTP %d", status);
	html_lit(html, "</p>");
	page_end(page);
}

const char *mark_name(enum mark mark)
{
	static const char *const names[MARK_COUNT] = {
		[MARK_OK] = "ok",
		[MARK_WARNING] = "warning",
		[MARK_CRITICAL] = "critical",
		[MARK_UNKNOWN] = "unknown",
		[MARK_LOST] = "lost",
		[MARK_LIVE] = "live",
	};

	return (unsigned)mark < MARK_COUNT ? names[mark] : "unknown";
}

void html_icon(struct html *html, enum mark mark)
{
	html_lit(html, "<svg");
	html_attrf(html, "class", "icon m-%s", mark_name(mark));
	html_lit(html, " aria-hidden=\"true\"><use");
	html_attrf(html, "href", "#i-%s", mark_name(mark));
	html_lit(html, "/></svg>");
}

void html_mark(struct html *html, enum mark mark)
{
	html_lit(html, "<span");
	html_attrf(html, "class", "mark m-%s", mark_name(mark));
	html_lit(html, ">");
	html_icon(html, mark);
	html_text(html, mark_name(mark));
	html_lit(html, "</span>");
}

void html_labels(struct html *html, const struct model_label *labels, size_t count)
{
	if (count == 0)
		return;
	html_lit(html, "<span class=\"labels\">");
	for (size_t i = 0; i < count; i++) {
		html_lit(html, "<span class=\"label\"><bdi>");
		html_text_cut(html, labels[i].name, NAME_MAX_BYTES);
		html_lit(html, "</bdi>=<bdi>");
		html_text_cut(html, labels[i].value, NAME_MAX_BYTES);
		html_lit(html, "</bdi></span> ");
	}
	html_lit(html, "</span>");
}

void html_host_link(struct html *html, const struct model_host *host)
{
	html_lit(html, "<a");
	html_href(html, "/hosts/", host->id);
	html_lit(html, ">");
	html_bdi_cut(html, *host->name ? host->name : host->id, NAME_MAX_BYTES);
	html_lit(html, "</a>");
}
