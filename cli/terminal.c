/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static unsigned environment_columns(void)
{
	const char *text = getenv("COLUMNS");
	uint64_t value;

	return text && parse_uint64(text, &value) == 0 && value <= 10000 ? (unsigned)value : 0;
}

struct terminal terminal_get(void)
{
	struct terminal terminal = {.is_terminal = isatty(STDOUT_FILENO)};
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size;

	terminal.utf8 = setlocale(LC_CTYPE, "") && streq(nl_langinfo(CODESET), "UTF-8");
	/* What comes from plugins is UTF-8 in any locale, and has to be measured. */
	if (!terminal.utf8)
		setlocale(LC_CTYPE, "C.UTF-8");
	terminal.colour =
		terminal.is_terminal && str_empty(no_colour) && !str_empty(term) && !streq(term, "dumb");
	if (terminal.is_terminal) {
		terminal.width = 80;
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
			terminal.width = size.ws_col;
			terminal.height = size.ws_row;
		}
	}
	if (environment_columns() > 0)
		terminal.width = environment_columns();
	return terminal;
}

enum style style_of_status(enum gavea_status status)
{
	switch (status) {
	case GAVEA_OK:
		return STYLE_OK;
	case GAVEA_WARNING:
		return STYLE_WARNING;
	case GAVEA_CRITICAL:
		return STYLE_CRITICAL;
	default:
		return STYLE_UNKNOWN;
	}
}

void style_begin(const struct terminal *terminal, enum style style, struct buf *out)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",
		[STYLE_OK] = "\033[32m",
		[STYLE_WARNING] = "\033[33m",
		[STYLE_CRITICAL] = "\033[1;31m",
		[STYLE_UNKNOWN] = "\033[35m",
	};

	if (terminal->colour)
		buf_add_str(out, codes[style]);
}

void style_end(const struct terminal *terminal, enum style style, struct buf *out)
{
	if (terminal->colour && style != STYLE_PLAIN)
		buf_add_str(out, "\033[0m");
}

const char *status_icon(const struct terminal *terminal, enum gavea_status status)
{
	switch (status) {
	case GAVEA_OK:
		return terminal->utf8 ? "✓" : "+";
	case GAVEA_WARNING:
		return "!";
	case GAVEA_CRITICAL:
		return terminal->utf8 ? "✗" : "x";
	default:
		return "?";
	}
}

/* The character at text: its length in bytes (at least 1) and its code, or 0 when it is none. */
static size_t decode(const char *text, wchar_t *ret_code)
{
	size_t size = strlen(text), length = utf8_sequence(text, size);
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned code;

	*ret_code = 0;
	if (length == 0)
		return 1;
	code = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (bytes[i] & 0x3f);
	*ret_code = (wchar_t)code;
	return length;
}

/* C1 controls are one byte to some terminals; bidirectional overrides make text say something else. */
static bool harmful(wchar_t code)
{
	return (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
		(code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

void text_clean(const char *text, struct buf *out)
{
	while (*text) {
		wchar_t code;
		size_t length = decode(text, &code);

		if (code == 0 || harmful(code))
			buf_add_char(out, '?');
		else if (code < ' ')
			buf_add_char(out, ' ');
		else
			buf_add(out, text, length);
		text += length;
	}
}

static unsigned code_width(wchar_t code)
{
	int width = code < 0x7f ? 1 : wcwidth(code);

	return width < 0 ? 1 : (unsigned)width;
}

unsigned text_width(const char *text)
{
	unsigned width = 0;

	while (*text) {
		wchar_t code;

		text += decode(text, &code);
		width += code_width(code);
	}
	return width;
}

unsigned text_fit(const struct terminal *terminal, const char *text, unsigned width, struct buf *out)
{
	const char *ellipsis = terminal->utf8 ? "…" : "...";
	unsigned needed = terminal->utf8 ? 1 : 3, used = 0;

	if (text_width(text) <= width) {
		buf_add_str(out, text);
		return text_width(text);
	}
	if (width < needed)
		return 0;
	for (;;) {
		wchar_t code;
		size_t length = decode(text, &code);

		if (used + code_width(code) > width - needed)
			break;
		used += code_width(code);
		buf_add(out, text, length);
		text += length;
	}
	buf_add_str(out, ellipsis);
	return used + needed;
}
