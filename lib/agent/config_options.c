/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "base/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STRING_MAX 65536
#define ELEMENTS_MAX 10000
#define ELEMENT_MAX 4096
#define CHOICES_MAX 64

void option_free(option_value_t *value)
{
	if (!value)
		return;
	for (size_t i = 0; i < value->n_values; i++)
		if (value->values[i].data)
			explicit_bzero(value->values[i].data, value->values[i].len);
	gavea__worker__v1__option_value__free_unpacked(value, NULL);
}

static option_value_t *option_new(const char *key, uint32_t type)
{
	option_value_t *value = malloc(sizeof *value);

	if (!value)
		return NULL;
	gavea__worker__v1__option_value__init(value);
	value->type = type;
	value->key = strdup(key);
	if (!value->key) {
		free(value);
		return NULL;
	}
	return value;
}

/* Its array grows in powers of two, by its count alone. */
static int add_bytes(option_value_t *value, const void *bytes, size_t size)
{
	size_t count = value->n_values;
	uint8_t *copy;

	if ((count & (count - 1)) == 0) {
		ProtobufCBinaryData *bigger =
			reallocarray(value->values, count ? 2 * count : 1, sizeof *value->values);

		if (!bigger)
			return -ENOMEM;
		value->values = bigger;
	}
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	copy[size] = 0;
	value->values[value->n_values++] = (ProtobufCBinaryData){.len = size, .data = copy};
	return 0;
}

option_value_t *option_copy(const option_value_t *value)
{
	_cleanup_(option_freep) option_value_t *copy = option_new(value->key, value->type);

	for (size_t i = 0; copy && i < value->n_values; i++)
		if (add_bytes(copy, value->values[i].data, value->values[i].len) < 0)
			return NULL;
	return TAKE_PTR(copy);
}

/* The words of a choice, in a copy of its range that they point into. */
static size_t split_choices(char *range, const char *words[static CHOICES_MAX])
{
	char *rest = range;
	size_t count = 0;
	char *word;

	while (count < CHOICES_MAX && (word = strsep(&rest, "|")))
		words[count++] = word;
	return count;
}

/* "one of a, b, c" */
static void list_choices(struct buf *out, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", words[i]);
}

/* raw: as it was written. */
static int judge_choice(const option_t *option, const char *text, const char *raw, struct error *error)
{
	_cleanup_free_ char *range = strdup(option->range);
	_cleanup_buf_ struct buf all = BUF_INIT;
	const char *words[CHOICES_MAX], *meant;
	size_t count;

	if (!range)
		return error_set(error, -EINVAL, "out of memory");
	count = split_choices(range, words);
	for (size_t i = 0; i < count; i++)
		if (streq(words[i], text))
			return 0;
	list_choices(&all, words, count);
	if (conf_has_reference(raw))
		return error_set(error, -EINVAL, "the value of \"%.64s\" is none of %s", raw, buf_str(&all));
	meant = suggest(text, words, count);
	if (meant)
		return error_set(error, -EINVAL, "\"%.64s\" is none of %s; did you mean \"%s\"?", raw,
			buf_str(&all), meant);
	return error_set(error, -EINVAL, "\"%.64s\" is none of %s", raw, buf_str(&all));
}

static int compare_values(uint32_t type, const struct conf_value *a, const struct conf_value *b)
{
	if (type == GAVEA_OPTION_FLOAT || type == GAVEA_OPTION_PERCENT)
		return (a->real > b->real) - (a->real < b->real);
	return (a->number > b->number) - (a->number < b->number);
}

static int judge_range(const option_t *option, const struct conf_value *value, struct error *error)
{
	const char *dots = strstr(option->range, "..");
	_cleanup_free_ char *low = NULL;
	const char *high = dots ? dots + 2 : "";
	struct conf_value bound;
	bool fits = true;

	if (!*option->range)
		return 0;
	low = dots ? strndup(option->range, (size_t)(dots - option->range)) : NULL;
	if (!low)
		return error_set(error, -EINVAL, "the plugin's range \"%s\" is malformed", option->range);
	if (*low) {
		if (conf_value_literal(low, option->type, &bound, NULL) < 0)
			return error_set(
				error, -EINVAL, "the plugin's range \"%s\" is malformed", option->range);
		fits = compare_values(option->type, value, &bound) >= 0;
	}
	if (*high) {
		if (conf_value_literal(high, option->type, &bound, NULL) < 0)
			return error_set(
				error, -EINVAL, "the plugin's range \"%s\" is malformed", option->range);
		fits = fits && compare_values(option->type, value, &bound) <= 0;
	}
	if (fits)
		return 0;
	if (*low && *high)
		return error_set(error, -EINVAL, "must be %s to %s", low, high);
	return error_set(
		error, -EINVAL, *low ? "must be at least %s" : "must be at most %s", *low ? low : high);
}

static int judge_value(
	const option_t *option, const struct conf_value *value, const char *raw, struct error *error)
{
	switch (option->type) {
	case GAVEA_OPTION_CHOICE:
		return judge_choice(option, value->text, raw ? raw : value->text, error);
	case GAVEA_OPTION_STRING:
	case GAVEA_OPTION_SECRET:
		if (value->size > STRING_MAX)
			return error_set(error, -EINVAL, "longer than %d bytes", STRING_MAX);
		return 0;
	case GAVEA_OPTION_STRINGS:
		if (value->size > ELEMENT_MAX)
			return error_set(error, -EINVAL, "longer than %d bytes", ELEMENT_MAX);
		return 0;
	case GAVEA_OPTION_BOOL:
		return 0;
	default:
		return judge_range(option, value, error);
	}
}

/* In the form that workers read. */
static int add_canonical(option_value_t *option, const struct conf_value *value)
{
	char text[64];

	switch (option->type) {
	case GAVEA_OPTION_BOOL:
		snprintf(text, sizeof text, "%s", value->number ? "true" : "false");
		break;
	case GAVEA_OPTION_INT:
	case GAVEA_OPTION_DURATION:
	case GAVEA_OPTION_SIZE:
		snprintf(text, sizeof text, "%" PRId64, value->number);
		break;
	case GAVEA_OPTION_FLOAT:
	case GAVEA_OPTION_PERCENT:
		snprintf(text, sizeof text, "%.17g", value->real);
		break;
	default:
		return add_bytes(option, value->text, value->size);
	}
	return add_bytes(option, text, strlen(text));
}

/* Judges one value and adds it. raw may be NULL. */
static int add_value(const option_t *option, option_value_t *to, const struct conf_value *value,
	const char *raw, struct error *error)
{
	int r = judge_value(option, value, raw, error);

	if (r < 0)
		return r;
	if (to->n_values >= ELEMENTS_MAX)
		return error_set(error, -EINVAL, "more than %d elements", ELEMENTS_MAX);
	return add_canonical(to, value) < 0 ? error_set(error, -EINVAL, "out of memory") : 0;
}

static uint32_t element_type(const option_t *option)
{
	return option->type == GAVEA_OPTION_STRINGS ? (uint32_t)GAVEA_OPTION_STRING : option->type;
}

static int add_node(const option_t *option, option_value_t *to, const struct conf_node *node)
{
	_cleanup_(conf_value_done) struct conf_value value = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = conf_value(node, element_type(option), &value);

	if (r < 0)
		return r;
	r = add_value(option, to, &value, conf_text(node), &error);
	return r < 0 ? conf_error(node, "%s", error_text(&error, r)) : 0;
}

int option_from_node(const option_t *option, const struct conf_node *node, option_value_t **ret_value)
{
	_cleanup_(option_freep) option_value_t *value = option_new(option->key, option->type);
	int r = 0;

	if (!value)
		return conf_error(node, "out of memory");
	if (option->type < GAVEA_OPTION_STRING || option->type > GAVEA_OPTION_SECRET)
		return conf_error(
			node, "of a type that is not known here; the plugin is newer than the agent");
	if (option->type != GAVEA_OPTION_STRINGS) {
		r = add_node(option, value, node);
	} else if (conf_kind(node) != CONF_LIST) {
		r = conf_error(node, "must be a list of strings, [ \"…\" ]");
	} else if (conf_size(node) > ELEMENTS_MAX) {
		r = conf_error(node, "more than %d elements", ELEMENTS_MAX);
	} else {
		for (size_t i = 0; i < conf_size(node); i++)
			r = add_node(option, value, conf_at(node, i)) < 0 ? -EINVAL : r;
	}
	if (r < 0)
		return r;
	*ret_value = TAKE_PTR(value);
	return 0;
}

/* literal: not from the operator. */
static int add_text(
	const option_t *option, option_value_t *to, const char *text, bool literal, struct error *error)
{
	_cleanup_(conf_value_done) struct conf_value value = {0};
	int r = literal ? conf_value_literal(text, element_type(option), &value, error)
			: conf_value_from_text(text, element_type(option), &value, error);

	return r < 0 ? r : add_value(option, to, &value, text, error);
}

/* Cuts an element off a comma-separated list; "\\," stands for a comma in it. NULL: there is none left. */
static char *next_element(char **rest)
{
	char *from = *rest, *to = *rest, *element = *rest;

	if (!element)
		return NULL;
	while (*from && *from != ',') {
		from += from[0] == '\\' && from[1] == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return element;
}

/* Comma-separated for a list. */
static int add_texts(
	const option_t *option, option_value_t *to, const char *text, bool literal, struct error *error)
{
	_cleanup_free_ char *copy = NULL;
	char *rest, *part;

	if (option->type != GAVEA_OPTION_STRINGS)
		return add_text(option, to, text, literal, error);
	rest = copy = strdup(text);
	if (!copy)
		return error_set(error, -EINVAL, "out of memory");
	while (*text && (part = next_element(&rest))) {
		size_t length;
		int r;

		part += strspn(part, " ");
		length = strlen(part);
		while (length && part[length - 1] == ' ')
			part[--length] = 0;
		r = add_text(option, to, part, literal, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int option_default(const option_t *option, option_value_t **ret_value, struct error *error)
{
	_cleanup_(option_freep) option_value_t *value = NULL;
	int r;

	if (str_empty(option->default_value))
		return 0;
	value = option_new(option->key, option->type);
	if (!value)
		return error_set(error, -EINVAL, "out of memory");
	r = add_texts(option, value, option->default_value, true, error);
	if (r < 0) {
		error_prefix(error, "the plugin's own default is wrong");
		return r;
	}
	*ret_value = TAKE_PTR(value);
	return 1;
}

int option_add_argument(const option_t *option, const char *text, option_value_t **value, struct error *error)
{
	if (*value && option->type != GAVEA_OPTION_STRINGS)
		return error_set(error, -EINVAL, "given twice");
	if (!*value)
		*value = option_new(option->key, option->type);
	if (!*value)
		return error_set(error, -EINVAL, "out of memory");
	return add_texts(option, *value, text, false, error);
}

const char **option_names(const hello_t *hello, const char *const *keys, size_t *ret_count)
{
	size_t count = 0;
	const char **names;

	while (keys[count])
		count++;
	names = calloc(count + hello->n_options + 1, sizeof *names);
	if (!names)
		return NULL;
	memcpy(names, keys, count * sizeof *names);
	for (size_t i = 0; i < hello->n_options; i++)
		names[count++] = hello->options[i]->key;
	*ret_count = count;
	return names;
}
