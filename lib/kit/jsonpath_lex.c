/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath_internal.h"

#include "base/parse.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

/* Whole numbers that every JSON implementation holds exactly (RFC 7493). */
#define INT_MAX_EXACT ((INT64_C(1) << 53) - 1)

int lex_error(struct lexer *lexer, const char *at, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0) {
		text = NULL;
		return error_set(lexer->error, -ENOMEM, "out of memory");
	}
	return error_set(lexer->error, -EINVAL, "at %zu: %s", (size_t)(at - lexer->text) + 1, text);
}

void lex_blanks(struct lexer *lexer)
{
	lexer->at += strspn(lexer->at, " \t\r\n");
}

bool lex_take(struct lexer *lexer, const char *token)
{
	const char *after = startswith(lexer->at, token);

	if (after)
		lexer->at = after;
	return after != NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

size_t lex_name(const struct lexer *lexer)
{
	size_t length = 0;

	if (!begins_name(lexer->at[0]))
		return 0;
	while (begins_name(lexer->at[length]) || is_digit(lexer->at[length]))
		length++;
	return length;
}

/* ---- Strings ---- */

static int hex4(const char *text, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char c = text[i];

		if (is_digit(c))
			value = value * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (uint32_t)(c - 'A' + 10);
		else
			return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

static void add_character(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_add_char(out, (char)(0xe0 | c >> 12));
		} else {
			buf_add_char(out, (char)(0xf0 | c >> 18));
			buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_add_char(out, (char)(0x80 | (c & 0x3f)));
}

/* Behind "\u". */
static int lex_unicode(struct lexer *lexer, struct buf *out)
{
	const char *start = lexer->at - 2;
	uint32_t high, low;

	if (hex4(lexer->at, &high) < 0)
		return lex_error(lexer, start, "\\u wants four hexadecimal digits");
	lexer->at += 4;
	if (high >= 0xdc00 && high <= 0xdfff)
		return lex_error(lexer, start, "the second half of a surrogate pair without its first");
	if (high >= 0xd800 && high <= 0xdbff) {
		if (!lex_take(lexer, "\\u") || hex4(lexer->at, &low) < 0 || low < 0xdc00 || low > 0xdfff)
			return lex_error(
				lexer, start, "the first half of a surrogate pair without its second");
		lexer->at += 4;
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	add_character(out, high);
	return 0;
}

static int lex_escape(struct lexer *lexer, char quote, struct buf *out)
{
	static const char letters[] = "bfnrt/\\";
	static const char meant[] = "\b\f\n\r\t/\\";
	const char *start = lexer->at++;
	char c = *lexer->at;
	const char *found = c ? strchr(letters, c) : NULL;

	if (c)
		lexer->at++;
	if (c == 'u')
		return lex_unicode(lexer, out);
	if (!found && (c != quote || !c))
		return lex_error(lexer, start, "this escape is not known");
	buf_add_char(out, found ? meant[found - letters] : quote);
	return 0;
}

int lex_string(struct lexer *lexer, struct jsonpath_text *ret_text)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *start = lexer->at;
	char quote = *lexer->at++;
	int r = 0;

	while (r == 0 && *lexer->at != quote) {
		if (!*lexer->at)
			return lex_error(lexer, start, "the string that begins here does not end");
		if ((unsigned char)*lexer->at < 0x20)
			return lex_error(
				lexer, lexer->at, "a control character in a string: write it as \\u00XX");
		if (*lexer->at == '\\')
			r = lex_escape(lexer, quote, &out);
		else
			buf_add_char(&out, *lexer->at++);
	}
	if (r < 0)
		return r;
	lexer->at++;
	ret_text->size = out.size;
	ret_text->bytes = out.size ? buf_take(&out) : calloc(1, 1);
	return ret_text->bytes ? 0 : error_set(lexer->error, -ENOMEM, "out of memory");
}

/* ---- Numbers ---- */

int lex_int(struct lexer *lexer, int64_t *ret_value)
{
	const char *start = lexer->at;
	bool negative = lex_take(lexer, "-");
	size_t digits = strspn(lexer->at, "0123456789");
	int64_t value = 0;

	if (!digits)
		return lex_error(lexer, start, "a whole number is wanted");
	if (*lexer->at == '0' && (digits > 1 || negative))
		return lex_error(lexer, start, "a whole number has no leading zero, and 0 no sign");
	for (size_t i = 0; i < digits; i++) {
		value = value * 10 + (lexer->at[i] - '0');
		if (value > INT_MAX_EXACT)
			return lex_error(lexer, start, "the number is too large");
	}
	lexer->at += digits;
	*ret_value = negative ? -value : value;
	return 0;
}

/* The length of the number of JSON at text; 0: none. */
static size_t number_length(const char *text, bool *ret_whole)
{
	const char *p = text + (*text == '-');
	size_t digits = strspn(p, "0123456789");

	*ret_whole = true;
	if (!digits || (*p == '0' && digits > 1))
		return 0;
	p += digits;
	if (*p == '.') {
		digits = strspn(p + 1, "0123456789");
		if (!digits)
			return 0;
		p += 1 + digits;
		*ret_whole = false;
	}
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '+' || p[1] == '-');
		digits = strspn(p, "0123456789");
		if (!digits)
			return 0;
		p += digits;
		*ret_whole = false;
	}
	return (size_t)(p - text);
}

int lex_number(struct lexer *lexer, json_t **ret_number)
{
	bool whole;
	size_t length = number_length(lexer->at, &whole);
	_cleanup_free_ char *text = strndup(lexer->at, length);
	json_t *number = NULL;
	int64_t integer;
	double real;

	if (!text)
		return error_set(lexer->error, -ENOMEM, "out of memory");
	if (!length)
		return lex_error(lexer, lexer->at, "this is not a number");
	if (whole && parse_int64(text, &integer) == 0)
		number = json_integer(integer);
	else if (parse_double(text, &real) == 0)
		number = json_real(real);
	else
		return lex_error(lexer, lexer->at, "the number is too large");
	if (!number)
		return error_set(lexer->error, -ENOMEM, "out of memory");
	lexer->at += length;
	*ret_number = number;
	return 0;
}
