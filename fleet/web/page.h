/* SPDX-License-Identifier: Apache-2.0 */
/* What all pages share: head, navigation, foot, and the marks of statuses. */
#ifndef FLEET_WEB_PAGE_H
#define FLEET_WEB_PAGE_H

#include "fleet/model.h"
#include "fleet/web/assets.h"
#include "fleet/web/html.h"

#include <stdbool.h>

enum page_tab {
	TAB_NONE,
	TAB_FLEET,
	TAB_EVENTS,
};

/* A page that is being written. */
struct page {
	struct html html;
	const struct asset *assets;
	struct model_time now;
	const char *instance; /* changes with each start of the server */
	uint64_t generation; /* of the model that it shows */
};

/* Everything up to the inside of <main>. With live the script keeps it up to date. The title may be others' text. */
void page_begin(struct page *page, const char *title, enum page_tab tab, bool live);
void page_end(struct page *page);

/* A whole page that says what went wrong. */
void page_error(struct page *page, int status, const char *what, const char *advice);

/* How things stand, as shown: with an icon of its own shape and a word, never by colour alone. */
enum mark {
	MARK_OK = GAVEA_OK,
	MARK_WARNING = GAVEA_WARNING,
	MARK_CRITICAL = GAVEA_CRITICAL,
	MARK_UNKNOWN = GAVEA_UNKNOWN,
	MARK_LOST,
	MARK_LIVE,
	MARK_COUNT
};

const char *mark_name(enum mark mark);

/* Icon and word. */
void html_mark(struct html *html, enum mark mark);

/* Icon alone, where a text beside it says the same. */
void html_icon(struct html *html, enum mark mark);

/* "name=value" for each label. */
void html_labels(struct html *html, const struct model_label *labels, size_t count);

/* The name of a host as a link to its page. */
void html_host_link(struct html *html, const struct model_host *host);

#endif
