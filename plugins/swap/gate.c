/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"
#include "base/clock.h"
#include "base/parse.h"
#include "selector.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define TEXT_MAX 512
#define CHECK_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./*?"

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* Where in the text something is wrong, counted as people do. */
static int refuse(const struct gate *gate, const char *at, struct error *error, const char *expected)
{
	return error_set(error, -EINVAL, "gate \"%s\", character %zu: expected %s", gate->text,
		(size_t)(at - gate->text) + 1, expected);
}

/* The word at *at, if it is this one. */
static bool take_word(const char **at, const char *word)
{
	const char *rest = startswith(*at, word);

	if (!rest || isalnum((unsigned char)*rest) || *rest == '_')
		return false;
	*at = rest;
	skip_blanks(at);
	return true;
}

static bool take_no_increase(const char **at)
{
	const char *rest = *at;

	if (!take_word(&rest, "no") || !take_word(&rest, "increase"))
		return false;
	*at = rest;
	return true;
}

/* Of a share that is estimated, below and at most are the same. */
static bool read_below(const char **at)
{
	const char *rest = *at;
	enum compare compare;

	if (!compare_read(&rest, &compare) || (compare != COMPARE_LESS && compare != COMPARE_AT_MOST))
		return false;
	*at = rest;
	return true;
}

static int read_error_rate(struct gate *gate, const char *at, struct error *error)
{
	enum unit unit;

	gate->kind = GATE_ERROR_RATE;
	if (take_no_increase(&at)) {
		gate->no_increase = true;
		return *at ? refuse(gate, at, error, "nothing more") : 0;
	}
	if (!read_below(&at))
		return refuse(gate, at, error, "\"<\" or \"no increase\"");
	skip_blanks(&at);
	if (quantity_parse(at, &gate->bound, &unit) < 0 || unit != UNIT_SHARE || gate->bound <= 0 ||
		gate->bound >= 1)
		return refuse(gate, at, error, "a percentage between 0% and 100%, such as \"1%\"");
	return 0;
}

/* "p95", "p99.9": the share of requests that may be slower. */
static bool take_quantile(const char **at, double *ret_bound)
{
	char number[16];
	size_t length = **at == 'p' ? strspn(*at + 1, "0123456789.") : 0;
	double percent;

	if (length == 0 || length >= sizeof number || !strchr(" \t<=", (*at)[1 + length]))
		return false;
	memcpy(number, *at + 1, length);
	number[length] = '\0';
	if (parse_double(number, &percent) < 0 || percent <= 0 || percent >= 100)
		return false;
	*ret_bound = 1 - percent / 100;
	*at += 1 + length;
	skip_blanks(at);
	return true;
}

/* Cuts "no increase" off the end of a text. */
static bool cut_no_increase(char *text)
{
	size_t size = strlen(text);
	static const char words[] = "no increase";

	if (size <= sizeof words || !streq(text + size - strlen(words), words) ||
		!isblank((unsigned char)text[size - sizeof words]))
		return false;
	text[size - sizeof words] = '\0';
	return true;
}

static int read_slow(struct gate *gate, const char *at, struct error *error)
{
	char duration[64];
	size_t size;

	gate->kind = GATE_SLOW;
	if (!read_below(&at))
		return refuse(gate, at, error, "\"<\" and a time");
	skip_blanks(&at);
	size = strlen(at);
	if (size >= sizeof duration)
		return refuse(gate, at, error, "a time such as \"2s\"");
	memcpy(duration, at, size + 1);
	gate->no_increase = cut_no_increase(duration);
	while (*duration && isblank((unsigned char)duration[strlen(duration) - 1]))
		duration[strlen(duration) - 1] = '\0';
	if (parse_duration(duration, &gate->limit) < 0 || gate->limit <= 0)
		return refuse(gate, at, error, "a time such as \"2s\"");
	return 0;
}

/* "plugin/name:" in front of a sample. */
static int take_check(struct gate *gate, const char **at)
{
	size_t length = strspn(*at, CHECK_CHARACTERS);

	if ((*at)[length] != ':' || !memchr(*at, '/', length)) {
		gate->check = strdup("*");
		return gate->check ? 0 : -ENOMEM;
	}
	gate->check = strndup(*at, length);
	*at += length + 1;
	skip_blanks(at);
	return gate->check ? 0 : -ENOMEM;
}

static int read_sample(struct gate *gate, const char *at, struct error *error)
{
	const char *end;
	int r = take_check(gate, &at);

	gate->kind = GATE_SAMPLE;
	if (r < 0)
		return r;
	end = selector_end(at);
	if (!end)
		return refuse(gate, at, error,
			"\"error_rate\", a quantile such as \"p95\", or the name of a sample");
	gate->sample = strndup(at, (size_t)(end - at));
	if (!gate->sample)
		return -ENOMEM;
	at = end;
	skip_blanks(&at);
	if (!compare_read(&at, &gate->compare))
		return refuse(gate, at, error, "a comparison: < <= > >= == !=");
	skip_blanks(&at);
	if (quantity_parse(at, &gate->bound, &gate->unit) < 0)
		return refuse(gate, at, error,
			"a number, with a unit if it has one: \"4.0\" \"20%\" \"300ms\" \"1GiB\"");
	return 0;
}

static int parse(struct gate *gate, struct error *error)
{
	const char *at = gate->text;

	if (strlen(at) > TEXT_MAX)
		return error_set(error, -EINVAL, "a gate has more than %d characters", TEXT_MAX);
	if (take_word(&at, "error_rate"))
		return read_error_rate(gate, at, error);
	if (take_quantile(&at, &gate->bound))
		return read_slow(gate, at, error);
	return read_sample(gate, at, error);
}

static char *trimmed(const char *text)
{
	size_t size;

	skip_blanks(&text);
	size = strlen(text);
	while (size && isblank((unsigned char)text[size - 1]))
		size--;
	return strndup(text, size);
}

int gate_parse(const char *text, struct gate *ret_gate, struct error *error)
{
	struct gate gate = {.text = trimmed(text)};
	int r = gate.text ? parse(&gate, error) : -ENOMEM;

	if (r < 0)
		gate_done(&gate);
	else
		*ret_gate = gate;
	return r;
}

void gate_done(struct gate *gate)
{
	free(gate->check);
	free(gate->sample);
	free(gate->text);
	*gate = (struct gate){.text = NULL};
}
