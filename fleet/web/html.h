/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes HTML into a buffer. Markup can only come from literals in the source (html_lit takes nothing else);
 * whatever is a value goes through html_text() or html_attr(), which escape it. Bytes that are not UTF-8 and
 * control characters become U+FFFD, so no text can end an element, an attribute or the document.
 */
#ifndef FLEET_WEB_HTML_H
#define FLEET_WEB_HTML_H

#include "base/buf.h"
#include "base/util.h"

#include <stdbool.h>
#include <stdint.h>

struct html {
	struct buf *out; /* borrowed */
};

/* Markup as it stands: a literal, and nothing but a literal compiles. */
#define html_lit(html, literal) buf_add((html)->out, "" literal "", sizeof("" literal "") - 1)

/* Text between tags. */
void html_text(struct html *html, const char *text);
void html_textf(struct html *html, const char *format, ...) _printf_(2, 3);

/* At most so many bytes of it, with an ellipsis in place of the rest. */
void html_text_cut(struct html *html, const char *text, size_t most);

/* Text that others wrote, in a <bdi> of its own: its direction changes nothing around it. */
void html_bdi(struct html *html, const char *text);
void html_bdi_cut(struct html *html, const char *text, size_t most);

/* ` name="value"` inside a tag. name is a literal. */
#define html_attr(html, name, value) \
	do { \
		html_lit(html, " " name "=\""); \
		html_text(html, value); \
		html_lit(html, "\""); \
	} while (0)
#define html_attrf(html, name, ...) \
	do { \
		html_lit(html, " " name "=\""); \
		html_textf(html, __VA_ARGS__); \
		html_lit(html, "\""); \
	} while (0)

/* ` href="prefix" + part` with part percent-encoded as one segment of a path or one value of a query. */
#define html_href(html, prefix, part) \
	do { \
		html_lit(html, " href=\"" prefix); \
		html_url_part(html, part); \
		html_lit(html, "\""); \
	} while (0)

/* Everything but letters, digits and "-._~" percent-encoded: fit for a path, a query, and an attribute. */
void html_url_part(struct html *html, const char *text);

#endif
