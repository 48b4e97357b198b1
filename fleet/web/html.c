/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/html.h"

#include "base/utf8.h"

#include <ctype.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* NULL: stands for itself. */
static const char *escape_of(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
	case '\n':
		return NULL;
	default:
		return c < 0x20 || c == 0x7F ? REPLACEMENT : NULL;
	}
}

/* U+0080 to U+009F: control characters too. */
static bool is_c1(const char *text, size_t length)
{
	return length == 2 && (unsigned char)text[0] == 0xC2 && (unsigned char)text[1] < 0xA0;
}

static void text_n(struct html *html, const char *text, size_t size)
{
	size_t plain = 0; /* what is to be copied starts here */

	for (size_t at = 0; at < size;) {
		size_t length = utf8_sequence(text + at, size - at);
		const char *instead = length == 1 ? escape_of((unsigned char)text[at]) : NULL;

		if (length == 0 || is_c1(text + at, length))
			instead = REPLACEMENT;
		length = MAX(length, (size_t)1);
		if (instead) {
			buf_add(html->out, text + plain, at - plain);
			buf_add_str(html->out, instead);
			plain = at + length;
		}
		at += length;
	}
	buf_add(html->out, text + plain, size - plain);
}

void html_text(struct html *html, const char *text)
{
	text_n(html, text, strlen(text));
}

void html_textf(struct html *html, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	html_text(html, buf_str(&text));
}

void html_text_cut(struct html *html, const char *text, size_t most)
{
	size_t size = strlen(text);

	if (size <= most) {
		text_n(html, text, size);
		return;
	}
	text_n(html, text, utf8_cut(text, size, most));
	html_lit(html, "…");
}

void html_bdi(struct html *html, const char *text)
{
	html_lit(html, "<bdi>");
	html_text(html, text);
	html_lit(html, "</bdi>");
}

void html_bdi_cut(struct html *html, const char *text, size_t most)
{
	html_lit(html, "<bdi>");
	html_text_cut(html, text, most);
	html_lit(html, "</bdi>");
}

void html_url_part(struct html *html, const char *text)
{
	/* A path segment of dots alone would be taken for a way up. */
	bool dots = streq(text, ".") || streq(text, "..");

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((*p < 0x80 && isalnum(*p)) || (!dots && strchr("-._~", *p)))
			buf_add_char(html->out, (char)*p);
		else
			buf_printf(html->out, "%%%02X", *p);
}
