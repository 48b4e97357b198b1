/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define EXACT_MAX 1e15 /* integers below are exact, and no longer than in any other form */
#define NUMBER_MAX 32
#define NAME_MAX_BYTES 256

static void add_integer(struct buf *out, int64_t value)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--at = '-';
	buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void format_shortest(char number[static NUMBER_MAX], double value)
{
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(number, NUMBER_MAX, "%.*g", precision, value);
		if (strtod(number, NULL) == value)
			return;
	}
}

void text_add_value(struct buf *out, double value)
{
	char number[NUMBER_MAX];

	if (isnan(value)) {
		buf_add_str(out, "NaN");
	} else if (isinf(value)) {
		buf_add_str(out, value > 0 ? "+Inf" : "-Inf");
	} else if (fabs(value) < EXACT_MAX && value == (double)(int64_t)value) {
		add_integer(out, (int64_t)value);
	} else {
		format_shortest(number, value);
		buf_add_str(out, number);
	}
}

void text_add_bound(struct buf *out, double bound)
{
	char number[NUMBER_MAX];

	if (isinf(bound)) {
		buf_add_str(out, "+Inf");
		return;
	}
	format_shortest(number, bound);
	buf_add_str(out, number);
	if (!strpbrk(number, ".e"))
		buf_add_str(out, ".0");
}

/* Copies text, a run of harmless bytes at a time. */
static void add_escaped(struct buf *out, const char *text, const char *special)
{
	for (;;) {
		size_t size = strcspn(text, special);

		buf_add(out, text, size);
		text += size;
		if (!*text)
			return;
		buf_add_char(out, '\\');
		buf_add_char(out, *text == '\n' ? 'n' : *text);
		text++;
	}
}

static void add_clean(struct buf *out, const char *text, const char *special)
{
	_cleanup_free_ char *copy = NULL;

	if (utf8_valid(text, strlen(text))) {
		add_escaped(out, text, special);
		return;
	}
	copy = strdup(text);
	if (!copy) {
		out->error = -ENOMEM;
		return;
	}
	utf8_repair(copy, strlen(copy));
	add_escaped(out, copy, special);
}

void text_add_label(struct buf *out, const char *name, const char *value)
{
	buf_add_str(out, name);
	buf_add_str(out, "=\"");
	add_clean(out, value, "\\\"\n");
	buf_add_char(out, '"');
}

/* Undoes the escapes of a value up to its closing quote, in place. Returns what follows that. */
static char *unescape(char *at)
{
	char *out = at;

	for (; *at && *at != '"'; at++) {
		bool escaped = *at == '\\' && at[1];

		if (escaped)
			at++;
		*out++ = escaped && *at == 'n' ? '\n' : *at;
	}
	at += *at == '"';
	*out = '\0';
	return at;
}

size_t text_split_labels(char *labels, struct gavea_pair *pairs, size_t room)
{
	size_t count = 0;

	while (*labels && count < room) {
		char *value = strstr(labels, "=\"");

		if (!value)
			break;
		*value = '\0';
		value += strlen("=\"");
		pairs[count++] = (struct gavea_pair){labels, value};
		labels = unescape(value);
		labels += *labels == ',';
	}
	return count;
}

void text_add_help(struct buf *out, const char *help, bool quotes)
{
	add_clean(out, help, quotes ? "\\\"\n" : "\\\n");
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(const char *name, bool colons)
{
	size_t size = strnlen(name, NAME_MAX_BYTES + 1);

	if (size == 0 || size > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_letter(name[i]) && !(colons && name[i] == ':') && !(i > 0 && is_digit(name[i])))
			return false;
	return true;
}

bool text_is_metric_name(const char *name)
{
	return is_name(name, true);
}

bool text_is_label_name(const char *name)
{
	return is_name(name, false) && !startswith(name, "__");
}

void text_add_label_name(struct buf *out, const char *text)
{
	if (!is_letter(*text))
		buf_add_char(out, '_');
	for (; *text; text++)
		buf_add_char(out, is_letter(*text) || is_digit(*text) ? *text : '_');
}

bool text_ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), wanted = strlen(end);

	return size > wanted && streq(text + size - wanted, end);
}
