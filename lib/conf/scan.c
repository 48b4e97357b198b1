/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "conf/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

struct scope {
	char opener; /* 0: the file itself */
	int line;
	unsigned commas;
	struct strmap keys; /* to the line of the first definition, as a pointer */
};

struct scan {
	struct conf *conf;
	const char *file;
	const char *start;
	const char *at;
	int line;
	struct buf *out;
	struct scope scopes[CONF_DEPTH_MAX + 1];
	size_t depth;
	char last; /* how the token before this one began */
	bool failed;
};

/* Tells of an error after which the rest can still be judged. */
#define COMPLAIN(scan, at_line, ...) \
	((scan)->failed = true, conf_report((scan)->conf, (scan)->file, at_line, __VA_ARGS__))

static void copy_to(struct scan *scan, const char *end)
{
	for (const char *p = scan->at; p < end; p++)
		scan->line += *p == '\n';
	buf_add(scan->out, scan->at, (size_t)(end - scan->at));
	scan->at = end;
}

static int scan_block_comment(struct scan *scan)
{
	const char *end = strstr(scan->at + 2, "*/");

	if (!end)
		return COMPLAIN(scan, scan->line, "the comment that begins here never ends");
	copy_to(scan, end + 2);
	return 0;
}

/* libconfig leaks a string that stands where none can. */
static int check_place_of_string(struct scan *scan)
{
	char opener = scan->scopes[scan->depth].opener;

	if (scan->last == '"')
		return 0;
	if (!opener || opener == '{')
		return scan->last && strchr("=:", scan->last)
			? 0
			: COMPLAIN(scan, scan->line, "a string where a key should stand");
	return strchr("([,", scan->last) ? 0
					 : COMPLAIN(scan, scan->line, "a string without a comma before it");
}

static int scan_string(struct scan *scan)
{
	const char *p = scan->at + 1;

	if (check_place_of_string(scan) < 0)
		return -EINVAL;
	while (*p && *p != '"' && *p != '\n') {
		if (p[0] == '\\' && (p[1] == 'x' || p[1] == 'X') && p[2] == '0' && p[3] == '0')
			COMPLAIN(scan, scan->line, "a string can't have a NUL byte in it");
		p += *p == '\\' && p[1] && p[1] != '\n' ? 2 : 1;
	}
	if (*p != '"')
		return COMPLAIN(scan, scan->line, "the string that begins here does not end on this line");
	copy_to(scan, p + 1);
	return 0;
}

static int scan_open(struct scan *scan)
{
	if (scan->depth == CONF_DEPTH_MAX)
		return COMPLAIN(scan, scan->line, "nested more than %d deep; nothing here needs that",
			CONF_DEPTH_MAX);
	scan->depth++;
	scan->scopes[scan->depth] = (struct scope){.opener = *scan->at, .line = scan->line};
	copy_to(scan, scan->at + 1);
	return 0;
}

static char closer_of(char opener)
{
	return opener == '{' ? '}' : opener == '(' ? ')' : ']';
}

static int scan_close(struct scan *scan)
{
	struct scope *scope = &scan->scopes[scan->depth];

	if (!scope->opener)
		return COMPLAIN(scan, scan->line, "\"%c\" closes nothing", *scan->at);
	if (closer_of(scope->opener) != *scan->at)
		return COMPLAIN(scan, scan->line, "\"%c\" where \"%c\" should close the \"%c\" of line %d",
			*scan->at, closer_of(scope->opener), scope->opener, scope->line);
	strmap_done(&scope->keys, NULL);
	scan->depth--;
	copy_to(scan, scan->at + 1);
	return 0;
}

/* A key and its first definition in this group. */
static int note_key(struct scan *scan, const char *name, int line)
{
	struct scope *scope = &scan->scopes[scan->depth];
	int first = (int)(intptr_t)strmap_get(&scope->keys, name);

	if (first)
		COMPLAIN(scan, line, "%s: defined twice; the first definition is at %s:%d", name, scan->file,
			first);
	else if (scope->keys.count >= CONF_KEYS_MAX)
		return COMPLAIN(scan, line, "more than %d keys in one group", CONF_KEYS_MAX);
	else if (strmap_set(&scope->keys, name, (void *)(intptr_t)line, NULL) < 0)
		return COMPLAIN(scan, line, "out of memory");
	return 0;
}

static int scan_word(struct scan *scan)
{
	const char *end = scan->at, *next;
	_cleanup_free_ char *name = NULL;
	int line = scan->line;
	char opener = scan->scopes[scan->depth].opener;

	while (isalnum((unsigned char)*end) || *end == '-' || *end == '_' || *end == '*')
		end++;
	name = strndup(scan->at, (size_t)(end - scan->at));
	if (!name)
		return COMPLAIN(scan, line, "out of memory");
	copy_to(scan, end);
	next = end + strspn(end, " \t\r\n\f");
	if ((*next == '=' || *next == ':') && (!opener || opener == '{'))
		return note_key(scan, name, line);
	return 0;
}

/* 1: a whole number that fits into 64 bits; 0: none, libconfig will say; -ERANGE: does not fit. */
static int judge_whole(const char *text, int64_t *ret_value)
{
	char *end;
	unsigned long long hex;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		errno = 0;
		hex = strtoull(text, &end, 16);
		if (*end || !text[2])
			return 0;
		*ret_value = (int64_t)hex;
		return errno == ERANGE || hex > INT64_MAX ? -ERANGE : 1;
	}
	switch (parse_int64(text, ret_value)) {
	case 0:
		return 1;
	case -ERANGE:
		return -ERANGE;
	default:
		return 0;
	}
}

/* libconfig reads whole numbers as 32 bits unless an L follows. */
static int scan_number(struct scan *scan)
{
	size_t length = strspn(scan->at, "0123456789abcdefABCDEFxXlL.+-");
	char text[64];
	int64_t value;
	double real;
	bool suffix = false;

	if (length >= sizeof text)
		return COMPLAIN(scan, scan->line, "a number of %zu digits", length);
	snprintf(text, sizeof text, "%.*s", (int)length, scan->at);
	for (size_t i = length; i > 1 && text[i - 1] == 'L' && i + 2 > length; i--) {
		text[i - 1] = 0;
		suffix = true;
	}
	copy_to(scan, scan->at + length);
	switch (judge_whole(text, &value)) {
	case 1:
		if (!suffix && (value > INT32_MAX || value < INT32_MIN))
			buf_add_char(scan->out, 'L');
		return 0;
	case -ERANGE:
		COMPLAIN(scan, scan->line, "%s is beyond 64 bits", text);
		return 0;
	default:
		if (suffix || parse_double(text, &real) < 0)
			COMPLAIN(scan, scan->line, "\"%s\" is no number; text stands in quotes", text);
		return 0;
	}
}

static int scan_significant(struct scan *scan, unsigned char c)
{
	bool digit_next = isdigit((unsigned char)scan->at[1]) || scan->at[1] == '.';

	if (c == '"')
		return scan_string(scan);
	if (c == '@')
		return COMPLAIN(scan, scan->line,
			"@include is not supported; every file of conf.d is read by itself");
	if (strchr("{([", c))
		return scan_open(scan);
	if (strchr("})]", c))
		return scan_close(scan);
	if (isalpha(c) || c == '*')
		return scan_word(scan);
	if (isdigit(c) || (strchr("-+.", c) && digit_next))
		return scan_number(scan);
	if (c == ',' && ++scan->scopes[scan->depth].commas >= CONF_ELEMENTS_MAX)
		return COMPLAIN(scan, scan->line, "more than %d elements in one list", CONF_ELEMENTS_MAX);
	if (strchr("=:;,", c)) {
		copy_to(scan, scan->at + 1);
		return 0;
	}
	if (c >= 0x80)
		return COMPLAIN(scan, scan->line, "a letter that is not ASCII outside of quotes");
	return COMPLAIN(
		scan, scan->line, "\"%c\" stands where nothing of this kind can; text stands in quotes", c);
}

static int scan_token(struct scan *scan)
{
	unsigned char c = (unsigned char)*scan->at;
	int r;

	if (c == '#' || (c == '/' && scan->at[1] == '/')) {
		copy_to(scan, scan->at + strcspn(scan->at, "\n"));
		return 0;
	}
	if (c == '/' && scan->at[1] == '*')
		return scan_block_comment(scan);
	if (strchr(" \t\r\n\f", c)) {
		copy_to(scan, scan->at + 1);
		return 0;
	}
	r = scan_significant(scan, c);
	scan->last = (char)c;
	return r;
}

/* Bytes that no text has. */
static int check_text(struct scan *scan, const char *text, size_t size)
{
	int line = 1;

	for (size_t i = 0, length; i < size; i += length) {
		unsigned char c = (unsigned char)text[i];

		length = utf8_sequence(text + i, size - i);
		if ((c < ' ' && !strchr("\t\r\n\f", c)) || c == 0 || c == 0x7f)
			return COMPLAIN(scan, line, "byte 0x%02x: this is not a text file", c);
		if (!length)
			return COMPLAIN(scan, line, "byte 0x%02x: not valid UTF-8", c);
		line += c == '\n';
	}
	return 0;
}

int conf_scan(struct conf *conf, const char *file, const char *text, size_t size, struct buf *out)
{
	struct scan scan = {.conf = conf, .file = file, .line = 1, .out = out};
	_cleanup_free_ char *copy = NULL;
	int r;

	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		size -= 3;
	}
	r = check_text(&scan, text, size);
	if (r < 0)
		return r;
	copy = strndup(size ? text : "", size);
	if (!copy)
		return COMPLAIN(&scan, 0, "out of memory");
	for (scan.at = copy; r == 0 && *scan.at;)
		r = scan_token(&scan);
	if (r == 0 && scan.depth)
		COMPLAIN(&scan, scan.scopes[scan.depth].line, "the \"%c\" of this line is never closed",
			scan.scopes[scan.depth].opener);
	/* Its comments end with a newline only. */
	buf_add_char(out, '\n');
	if (buf_error(out))
		COMPLAIN(&scan, 0, "out of memory");
	for (size_t i = 0; i <= scan.depth; i++)
		strmap_done(&scan.scopes[i].keys, NULL);
	explicit_bzero(copy, size);
	return scan.failed ? -EINVAL : 0;
}
