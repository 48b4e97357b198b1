/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/selector.h"
#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>

#define NAME_MAX_BYTES 256
#define VALUE_MAX_BYTES 1024

struct matcher {
	char *label;
	char *value;
	bool negative;
	bool is_regex;
	regex_t regex;
};

struct rule_selector {
	char *name;
	struct matcher matchers[RULE_MATCHERS_MAX];
	size_t count;
};

void rule_selector_free(struct rule_selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->count; i++) {
		free(selector->matchers[i].label);
		free(selector->matchers[i].value);
		if (selector->matchers[i].is_regex)
			regfree(&selector->matchers[i].regex);
	}
	free(selector->name);
	free(selector);
}

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* A name of a series (with colons) or a label. NULL: there is none here, or no memory. */
static char *read_name(const char **at, bool colons)
{
	const char *end = *at;
	char *name;

	if (!isalpha((unsigned char)*end) && *end != '_')
		return NULL;
	while (isalnum((unsigned char)*end) || *end == '_' || (colons && *end == ':'))
		end++;
	if (end - *at > NAME_MAX_BYTES)
		return NULL;
	name = strndup(*at, (size_t)(end - *at));
	*at = end;
	return name;
}

/* "…" with \" \\ and \n in it. */
static char *read_string(const char **at, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *p = *at;

	text.limit = VALUE_MAX_BYTES;
	if (*p != '"' && *p != '\'') {
		error_set(error, -EINVAL, "a label's value has to stand in quotes");
		return NULL;
	}
	for (p++; *p && *p != **at; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			buf_add_char(&text, (char)(*p == 'n' ? '\n' : *p));
		} else {
			buf_add_char(&text, *p);
		}
	}
	if (!*p) {
		error_set(error, -EINVAL, "a quote is not closed");
		return NULL;
	}
	*at = p + 1;
	return buf_take(&text);
}

static int read_operator(const char **at, struct matcher *matcher, struct error *error)
{
	static const struct {
		const char *text;
		bool negative, is_regex;
	} operators[] = {{"=~", false, true}, {"!~", true, true}, {"!=", true, false}, {"=", false, false}};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		const char *behind = startswith(*at, operators[i].text);

		if (!behind)
			continue;
		matcher->negative = operators[i].negative;
		matcher->is_regex = operators[i].is_regex;
		*at = behind;
		return 0;
	}
	return error_set(error, -EINVAL, "a label has to be followed by =, !=, =~ or !~");
}

static int compile(struct matcher *matcher, struct error *error)
{
	_cleanup_free_ char *whole = NULL;
	char why[128];
	int r;

	if (!matcher->is_regex)
		return 0;
	matcher->is_regex = false; /* nothing to be freed yet */
	if (asprintf(&whole, "^(%s)$", matcher->value) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	r = regcomp(&matcher->regex, whole, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &matcher->regex, why, sizeof why);
		return error_set(error, -EINVAL, "\"%s\" is no regular expression: %s", matcher->value, why);
	}
	matcher->is_regex = true;
	return 0;
}

static int read_matcher(const char **at, struct matcher *matcher, struct error *error)
{
	int r;

	*matcher = (struct matcher){.label = read_name(at, false)};
	if (!matcher->label)
		return error_set(error, -EINVAL, "the name of a label is missing");
	skip_blanks(at);
	r = read_operator(at, matcher, error);
	if (r == 0) {
		skip_blanks(at);
		matcher->value = read_string(at, error);
		r = matcher->value ? compile(matcher, error) : -EINVAL;
	}
	if (r < 0) {
		free(matcher->label);
		free(matcher->value);
	}
	return r;
}

static int read_matchers(const char **at, struct rule_selector *selector, struct error *error)
{
	for (;;) {
		int r;

		skip_blanks(at);
		if (**at == '}')
			break;
		if (selector->count == RULE_MATCHERS_MAX)
			return error_set(error, -EINVAL, "more than %d labels", RULE_MATCHERS_MAX);
		r = read_matcher(at, &selector->matchers[selector->count], error);
		if (r < 0)
			return r;
		selector->count++;
		skip_blanks(at);
		if (**at == ',')
			++*at;
		else if (**at != '}')
			return error_set(error, -EINVAL, "labels have to end in \"}\"");
	}
	++*at;
	return 0;
}

int rule_selector_read(const char **text, struct rule_selector **ret_selector, struct error *error)
{
	_cleanup_(rule_selector_freep) struct rule_selector *selector = calloc(1, sizeof *selector);
	const char *at = *text;
	int r = 0;

	if (!selector)
		return -ENOMEM;
	selector->name = read_name(&at, true);
	if (!selector->name)
		return error_set(error, -EINVAL, "the name of a series is missing");
	if (*at == '{') {
		at++;
		r = read_matchers(&at, selector, error);
	}
	if (r < 0)
		return r;
	*ret_selector = TAKE_PTR(selector);
	*text = at;
	return 0;
}

int rule_selector_parse(const char *text, struct rule_selector **ret_selector, struct error *error)
{
	_cleanup_(rule_selector_freep) struct rule_selector *selector = NULL;
	int r;

	skip_blanks(&text);
	r = rule_selector_read(&text, &selector, error);
	if (r < 0)
		return r;
	skip_blanks(&text);
	if (*text)
		return error_set(error, -EINVAL, "what follows the series is not understood: \"%s\"", text);
	*ret_selector = TAKE_PTR(selector);
	return 0;
}

const char *rule_selector_name(const struct rule_selector *selector)
{
	return selector->name;
}

bool rule_selector_has_matchers(const struct rule_selector *selector)
{
	return selector->count > 0;
}

static const char *label_value(const char *label, const struct gavea_pair *labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (streq(labels[i].name, label))
			return labels[i].value;
	return "";
}

bool rule_selector_matches(const struct rule_selector *selector, const char *name,
	const struct gavea_pair *labels, size_t label_count)
{
	if (!streq(selector->name, name))
		return false;
	for (size_t i = 0; i < selector->count; i++) {
		const struct matcher *matcher = &selector->matchers[i];
		const char *value = label_value(matcher->label, labels, label_count);
		bool same = matcher->is_regex ? regexec(&matcher->regex, value, 0, NULL, 0) == 0
					      : streq(value, matcher->value);

		if (same == matcher->negative)
			return false;
	}
	return true;
}
