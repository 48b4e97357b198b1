/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "base/utf8.h"
#include "conf/internal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* How much of a wrong value an error shows. */
#define SHOWN 64

void conf_value_done(struct conf_value *value)
{
	if (value->text)
		explicit_bzero(value->text, value->size);
	free(value->text);
	*value = (struct conf_value){0};
}

/* "must be …" */
static const char *form_of(uint32_t type)
{
	switch (type) {
	case GAVEA_OPTION_BOOL:
		return "true or false";
	case GAVEA_OPTION_INT:
		return "a whole number";
	case GAVEA_OPTION_FLOAT:
		return "a number";
	case GAVEA_OPTION_DURATION:
		return "a duration, such as \"10s\" or \"5min\"";
	case GAVEA_OPTION_SIZE:
		return "a size, such as \"64KiB\" or \"10MiB\"";
	case GAVEA_OPTION_PERCENT:
		return "a percentage, such as \"12.5%\"";
	default:
		return "a string in quotes";
	}
}

static bool is_text(uint32_t type)
{
	return type == GAVEA_OPTION_STRING || type == GAVEA_OPTION_SECRET || type == GAVEA_OPTION_CHOICE;
}

/* A duration, size or percentage without its unit. */
static int no_unit(const char *number, uint32_t type, struct error *error)
{
	if (*number == '-' || strlen(number) > 32)
		return error_set(error, -EINVAL, "must be %s", form_of(type));
	if (type == GAVEA_OPTION_DURATION)
		return error_set(error, -EINVAL, "%s has no unit; write \"%ss\"", number, number);
	if (type == GAVEA_OPTION_PERCENT)
		return error_set(error, -EINVAL, "%s has no unit; write \"%s%%\"", number, number);
	return error_set(error, -EINVAL, "%s has no unit; write \"%sB\", \"%sKiB\" or \"%sMiB\"", number,
		number, number, number);
}

static int parse_typed(const char *text, uint32_t type, struct conf_value *value)
{
	uint64_t size = 0;
	int truth = 0, r;

	switch (type) {
	case GAVEA_OPTION_BOOL:
		r = parse_bool(text, &truth);
		value->number = truth;
		return r;
	case GAVEA_OPTION_INT:
		return parse_int64(text, &value->number);
	case GAVEA_OPTION_FLOAT:
		return parse_double(text, &value->real);
	case GAVEA_OPTION_DURATION:
		return parse_duration(text, &value->number);
	case GAVEA_OPTION_SIZE:
		r = parse_size(text, &size);
		value->number = (int64_t)size;
		return r;
	default:
		return parse_percent(text, &value->real);
	}
}

/* raw: as it was written, references and all, for the error. */
static int judge(
	const char *text, const char *raw, uint32_t type, struct conf_value *ret_value, struct error *error)
{
	bool has_unit =
		type == GAVEA_OPTION_DURATION || type == GAVEA_OPTION_SIZE || type == GAVEA_OPTION_PERCENT;
	int shown = (int)utf8_cut(raw, strlen(raw), SHOWN);
	struct conf_value value = {0};
	double number;
	int r;

	if (has_unit && parse_double(text, &number) == 0) {
		if (conf_has_reference(raw))
			return error_set(error, -EINVAL, "the value of \"%.*s\" has no unit", shown, raw);
		return no_unit(raw, type, error);
	}
	r = parse_typed(text, type, &value);
	if (r == -ERANGE)
		return error_set(error, -EINVAL, "\"%.*s\" is too large", shown, raw);
	if (r < 0 && conf_has_reference(raw))
		return error_set(
			error, -EINVAL, "the value of \"%.*s\" is not %s", shown, raw, form_of(type));
	if (r < 0)
		return error_set(error, -EINVAL, "\"%.*s\" is not %s", shown, raw, form_of(type));
	*ret_value = value;
	return 0;
}

int conf_value_from_text(const char *text, uint32_t type, struct conf_value *ret_value, struct error *error)
{
	_cleanup_(conf_value_done) struct conf_value value = {0};
	int r = conf_expand(text, type == GAVEA_OPTION_SECRET, &value.text, &value.size, error);

	if (r < 0)
		return r;
	if (!is_text(type))
		return judge(value.text, text, type, ret_value, error);
	*ret_value = (struct conf_value){.text = TAKE_PTR(value.text), .size = value.size};
	return 0;
}

int conf_value_literal(const char *text, uint32_t type, struct conf_value *ret_value, struct error *error)
{
	struct conf_value value = {0};
	int shown = (int)utf8_cut(text, strlen(text), SHOWN);

	if (is_text(type)) {
		value.text = strdup(text);
		value.size = strlen(text);
		if (!value.text)
			return error_set(error, -EINVAL, "out of memory");
	} else if (parse_typed(text, type, &value) < 0) {
		return error_set(error, -EINVAL, "\"%.*s\" is not %s", shown, text, form_of(type));
	}
	*ret_value = value;
	return 0;
}

static int value_of_string(
	const struct conf_node *node, uint32_t type, struct conf_value *ret_value, struct error *error)
{
	bool bare = type == GAVEA_OPTION_BOOL || type == GAVEA_OPTION_INT || type == GAVEA_OPTION_FLOAT;
	struct conf_value value = {0};

	if (!bare || conf_has_reference(node->text))
		return conf_value_from_text(node->text, type, ret_value, error);
	if (parse_typed(node->text, type, &value) == 0)
		return error_set(error, -EINVAL, "must be %s, without quotes", form_of(type));
	return error_set(error, -EINVAL, "must be %s", form_of(type));
}

static int value_of_number(
	const struct conf_node *node, uint32_t type, struct conf_value *ret_value, struct error *error)
{
	char number[64];

	if (type == GAVEA_OPTION_INT && node->kind == CONF_INT) {
		*ret_value = (struct conf_value){.number = node->number};
		return 0;
	}
	if (type == GAVEA_OPTION_FLOAT) {
		double real = node->kind == CONF_INT ? (double)node->number : node->real;

		if (!isfinite(real))
			return error_set(error, -EINVAL, "is too large");
		*ret_value = (struct conf_value){.real = real};
		return 0;
	}
	if (type == GAVEA_OPTION_INT || type == GAVEA_OPTION_BOOL || is_text(type))
		return error_set(error, -EINVAL, "must be %s", form_of(type));
	if (node->kind == CONF_INT)
		snprintf(number, sizeof number, "%" PRId64, node->number);
	else
		snprintf(number, sizeof number, "%g", node->real);
	return no_unit(number, type, error);
}

int conf_value(const struct conf_node *node, uint32_t type, struct conf_value *ret_value)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (node->kind == CONF_STRING)
		r = value_of_string(node, type, ret_value, &error);
	else if (node->kind == CONF_INT || node->kind == CONF_FLOAT)
		r = value_of_number(node, type, ret_value, &error);
	else if (node->kind == CONF_BOOL && type == GAVEA_OPTION_BOOL) {
		*ret_value = (struct conf_value){.number = node->number};
		return 0;
	} else
		r = error_set(&error, -EINVAL, "must be %s", form_of(type));
	return r < 0 ? conf_error(node, "%s", error_text(&error, r)) : 0;
}

int conf_take_string(struct conf_node *group, const char *key, char **ret_text)
{
	const struct conf_node *node = conf_take(group, key);
	struct conf_value value = {0};

	if (!node)
		return 0;
	if (conf_value(node, GAVEA_OPTION_STRING, &value) < 0)
		return -EINVAL;
	*ret_text = value.text;
	return 1;
}

int conf_take_bool(struct conf_node *group, const char *key, bool *ret_value)
{
	const struct conf_node *node = conf_take(group, key);
	struct conf_value value = {0};

	if (!node)
		return 0;
	if (conf_value(node, GAVEA_OPTION_BOOL, &value) < 0)
		return -EINVAL;
	*ret_value = value.number;
	return 1;
}

/* A bound as it would be written. */
static char *bound(char buffer[static 32], uint32_t type, int64_t value)
{
	if (type == GAVEA_OPTION_DURATION)
		return format_duration(buffer, value);
	if (type == GAVEA_OPTION_SIZE)
		return format_size(buffer, (uint64_t)value);
	snprintf(buffer, 32, "%" PRId64, value);
	return buffer;
}

static int take_number(struct conf_node *group, const char *key, uint32_t type, int64_t min, int64_t max,
	int64_t *ret_number)
{
	const struct conf_node *node = conf_take(group, key);
	struct conf_value value = {0};
	char low[32], high[32];

	if (!node)
		return 0;
	if (conf_value(node, type, &value) < 0)
		return -EINVAL;
	if (value.number < min || value.number > max)
		return conf_error(node, "must be %s to %s", bound(low, type, min), bound(high, type, max));
	*ret_number = value.number;
	return 1;
}

int conf_take_int(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_value)
{
	return take_number(group, key, GAVEA_OPTION_INT, min, max, ret_value);
}

int conf_take_duration(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_ns)
{
	return take_number(group, key, GAVEA_OPTION_DURATION, min, max, ret_ns);
}

int conf_take_size(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_bytes)
{
	return take_number(group, key, GAVEA_OPTION_SIZE, min, max, ret_bytes);
}
