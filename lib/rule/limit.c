/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/limit.h"
#include "base/range.h"

#include <errno.h>
#include <math.h>

#define TEXT_MAX_BYTES 1024

enum comparison {
	RANGE, /* not a comparison */
	LESS,
	LESS_OR_EQUAL,
	GREATER,
	GREATER_OR_EQUAL,
	EQUAL,
	NOT_EQUAL,
};

struct rule_limit {
	enum comparison comparison;
	struct rule_expression *bound;
	struct range range;
};

void rule_limit_free(struct rule_limit *limit)
{
	if (!limit)
		return;
	rule_expression_free(limit->bound);
	free(limit);
}

/* The comparison at *text, which is moved behind it; RANGE: there is none. */
static enum comparison read_comparison(const char **text)
{
	static const struct {
		const char *text;
		enum comparison comparison;
	} signs[] = {{"<=", LESS_OR_EQUAL}, {">=", GREATER_OR_EQUAL}, {"==", EQUAL}, {"!=", NOT_EQUAL},
		{"<", LESS}, {">", GREATER}};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		const char *behind = startswith(*text, signs[i].text);

		if (!behind)
			continue;
		*text = behind;
		return signs[i].comparison;
	}
	return RANGE;
}

static int read_bound(const char *text, struct rule_limit *limit, struct error *error)
{
	int r = rule_expression_read(&text, &limit->bound, error);

	text += strspn(text, " \t");
	if (r == 0 && *text)
		return error_set(error, -EINVAL, "what follows is not understood: \"%.32s\"", text);
	return r;
}

int rule_limit_parse(const char *text, struct rule_limit **ret_limit, struct error *error)
{
	_cleanup_(rule_limit_freep) struct rule_limit *limit = calloc(1, sizeof *limit);
	int r;

	if (!limit)
		return -ENOMEM;
	if (strlen(text) > TEXT_MAX_BYTES)
		return error_set(error, -EINVAL, "longer than %d bytes", TEXT_MAX_BYTES);
	text += strspn(text, " \t");
	limit->comparison = read_comparison(&text);
	if (limit->comparison == RANGE)
		r = range_parse(text, RANGE_ANY, &limit->range, error);
	else
		r = read_bound(text, limit, error);
	if (r == 0)
		*ret_limit = TAKE_PTR(limit);
	return r;
}

bool rule_limit_uses(const struct rule_limit *limit, const char *name)
{
	return limit && rule_expression_uses(limit->bound, name);
}

static bool compare(enum comparison comparison, double value, double bound)
{
	switch (comparison) {
	case LESS:
		return value < bound;
	case LESS_OR_EQUAL:
		return value <= bound;
	case GREATER:
		return value > bound;
	case GREATER_OR_EQUAL:
		return value >= bound;
	case EQUAL:
		return value == bound;
	default:
		return value != bound;
	}
}

static int beyond_range(const struct range *range, const struct rule_value *value, struct error *error)
{
	static const enum rule_unit units[] = {
		[RANGE_NUMBER] = RULE_PLAIN,
		[RANGE_DURATION] = RULE_SECONDS,
		[RANGE_SIZE] = RULE_BYTES,
		[RANGE_PERCENT] = RULE_RATIO,
	};
	enum rule_unit unit;
	int r = rule_common_unit(value->unit, units[range->kind], &unit, error);

	if (r < 0)
		return r;
	/* A range keeps percentages as they are written. */
	return range_alerts(range, range->kind == RANGE_PERCENT ? value->number * 100 : value->number);
}

int rule_limit_beyond(const struct rule_limit *limit, const struct rule_value *value, rule_lookup_fn *lookup,
	void *userdata, struct rule_value *ret_bound, struct error *error)
{
	struct rule_value bound;
	enum rule_unit unit;
	int r;

	if (limit->comparison == RANGE)
		return beyond_range(&limit->range, value, error);
	r = rule_expression_evaluate(limit->bound, lookup, userdata, &bound, error);
	if (r == 0)
		r = rule_common_unit(value->unit, bound.unit, &unit, error);
	if (r < 0)
		return r;
	if (isnan(bound.number))
		return error_set(error, -EINVAL, "what it is compared with is not a number");
	bound.unit = unit;
	*ret_bound = bound;
	return isnan(value->number) || compare(limit->comparison, value->number, bound.number);
}
