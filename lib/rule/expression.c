/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/expression.h"
#include "base/clock.h"
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>

#define DEPTH_MAX 32
#define QUANTITY_MAX 48

enum kind {
	QUANTITY,
	SERIES,
	ADD,
	SUBTRACT,
	MULTIPLY,
	DIVIDE,
};

struct rule_expression {
	enum kind kind;
	struct rule_value value;
	struct rule_selector *selector;
	struct rule_expression *left, *right;
};

void rule_expression_free(struct rule_expression *expression)
{
	if (!expression)
		return;
	rule_expression_free(expression->left);
	rule_expression_free(expression->right);
	rule_selector_free(expression->selector);
	free(expression);
}

/* ---- Reading ---- */

struct reader {
	const char *at;
	struct error *error;
	int depth; /* of brackets and signs, */
	int operators; /* and of one operation in another */
};

static int read_sum(struct reader *reader, struct rule_expression **ret_expression);

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

static int leaf(enum kind kind, struct rule_expression **ret_expression)
{
	struct rule_expression *expression = calloc(1, sizeof *expression);

	if (!expression)
		return -ENOMEM;
	expression->kind = kind;
	*ret_expression = expression;
	return 0;
}

static int quantity_value(const char *text, struct rule_value *ret_value)
{
	double number;
	uint64_t bytes;
	int64_t ns;

	if (parse_double(text, &number) == 0)
		*ret_value = (struct rule_value){number, RULE_PLAIN};
	else if (parse_percent(text, &number) == 0)
		*ret_value = (struct rule_value){number / 100, RULE_RATIO};
	else if (parse_duration(text, &ns) == 0)
		*ret_value = (struct rule_value){(double)ns / (double)NSEC_PER_SEC, RULE_SECONDS};
	else if (parse_size(text, &bytes) == 0)
		*ret_value = (struct rule_value){(double)bytes, RULE_BYTES};
	else
		return -EINVAL;
	return 0;
}

/* Digits with what sticks to them; of an exponent's sign too. */
static size_t quantity_length(const char *text)
{
	size_t size = 0;

	while (isalnum((unsigned char)text[size]) || text[size] == '.' || text[size] == '%' ||
		(size > 0 && (text[size] == '-' || text[size] == '+') &&
			tolower((unsigned char)text[size - 1]) == 'e' &&
			isdigit((unsigned char)text[size + 1])))
		size++;
	return size;
}

static int read_quantity(struct reader *reader, struct rule_expression **ret_expression)
{
	size_t size = quantity_length(reader->at);
	char copy[QUANTITY_MAX];
	struct rule_value value;
	int r;

	if (size >= sizeof copy)
		return error_set(reader->error, -EINVAL, "a number is too long");
	memcpy(copy, reader->at, size);
	copy[size] = '\0';
	if (quantity_value(copy, &value) < 0)
		return error_set(
			reader->error, -EINVAL, "\"%s\" is no quantity: write 5, 5%%, 5s, 5min, 5MiB", copy);
	r = leaf(QUANTITY, ret_expression);
	if (r < 0)
		return r;
	(*ret_expression)->value = value;
	reader->at += size;
	return 0;
}

static int read_series(struct reader *reader, struct rule_expression **ret_expression)
{
	_cleanup_(rule_selector_freep) struct rule_selector *selector = NULL;
	int r = rule_selector_read(&reader->at, &selector, reader->error);

	if (r == 0)
		r = leaf(SERIES, ret_expression);
	if (r == 0)
		(*ret_expression)->selector = TAKE_PTR(selector);
	return r;
}

static int read_brackets(struct reader *reader, struct rule_expression **ret_expression)
{
	_cleanup_(rule_expression_freep) struct rule_expression *inside = NULL;
	int r;

	reader->at++;
	r = read_sum(reader, &inside);
	if (r < 0)
		return r;
	skip_blanks(reader);
	if (*reader->at != ')')
		return error_set(reader->error, -EINVAL, "a bracket is not closed");
	reader->at++;
	*ret_expression = TAKE_PTR(inside);
	return 0;
}

static int combine(enum kind kind, struct rule_expression **left, struct rule_expression *right)
{
	struct rule_expression *both;
	int r = leaf(kind, &both);

	if (r < 0) {
		rule_expression_free(right);
		return r;
	}
	both->left = *left;
	both->right = right;
	*left = both;
	return 0;
}

/* -x is 0 - x. */
static int read_negative(struct reader *reader, struct rule_expression **ret_expression)
{
	_cleanup_(rule_expression_freep) struct rule_expression *zero = NULL;
	struct rule_expression *operand;
	int r = leaf(QUANTITY, &zero);

	reader->at++;
	skip_blanks(reader);
	if (r == 0 && *reader->at == '(')
		r = read_brackets(reader, &operand);
	else if (r == 0 && (isdigit((unsigned char)*reader->at) || *reader->at == '.'))
		r = read_quantity(reader, &operand);
	else if (r == 0)
		r = read_series(reader, &operand);
	if (r == 0)
		r = combine(SUBTRACT, &zero, operand);
	if (r == 0)
		*ret_expression = TAKE_PTR(zero);
	return r;
}

static int read_factor(struct reader *reader, struct rule_expression **ret_expression)
{
	int r;

	skip_blanks(reader);
	if (reader->depth == DEPTH_MAX)
		return error_set(reader->error, -EINVAL, "more than %d brackets or operations", DEPTH_MAX);
	reader->depth++;
	if (*reader->at == '(')
		r = read_brackets(reader, ret_expression);
	else if (*reader->at == '-')
		r = read_negative(reader, ret_expression);
	else if (isdigit((unsigned char)*reader->at) || *reader->at == '.')
		r = read_quantity(reader, ret_expression);
	else if (isalpha((unsigned char)*reader->at) || *reader->at == '_')
		r = read_series(reader, ret_expression);
	else
		r = error_set(reader->error, -EINVAL, "a number or a series is missing%s%.16s",
			*reader->at ? " before " : " at the end", reader->at);
	reader->depth--;
	return r;
}

typedef int read_fn(struct reader *reader, struct rule_expression **ret_expression);

/* Operands with operators of one rank between them, from left to right. first becomes first_kind, second second_kind. */
static int read_chain(struct reader *reader, read_fn *read_operand, const char *signs, enum kind first_kind,
	struct rule_expression **ret_expression)
{
	_cleanup_(rule_expression_freep) struct rule_expression *left = NULL;
	int r = read_operand(reader, &left);

	while (r == 0) {
		struct rule_expression *right;
		char sign;

		skip_blanks(reader);
		sign = *reader->at;
		if (!sign || !strchr(signs, sign))
			break;
		if (++reader->operators > DEPTH_MAX)
			return error_set(
				reader->error, -EINVAL, "more than %d brackets or operations", DEPTH_MAX);
		reader->at++;
		r = read_operand(reader, &right);
		if (r == 0)
			r = combine(sign == signs[0] ? first_kind : first_kind + 1, &left, right);
	}
	if (r == 0)
		*ret_expression = TAKE_PTR(left);
	return r;
}

static int read_term(struct reader *reader, struct rule_expression **ret_expression)
{
	return read_chain(reader, read_factor, "*/", MULTIPLY, ret_expression);
}

static int read_sum(struct reader *reader, struct rule_expression **ret_expression)
{
	return read_chain(reader, read_term, "+-", ADD, ret_expression);
}

int rule_expression_read(const char **text, struct rule_expression **ret_expression, struct error *error)
{
	struct reader reader = {.at = *text, .error = error};
	int r = read_sum(&reader, ret_expression);

	if (r == 0)
		*text = reader.at;
	return r;
}

/* ---- Evaluation ---- */

int rule_common_unit(enum rule_unit a, enum rule_unit b, enum rule_unit *ret_unit, struct error *error)
{
	if (a != RULE_PLAIN && b != RULE_PLAIN && a != b)
		return error_set(
			error, -EINVAL, "%s and %s do not go together", rule_unit_name(a), rule_unit_name(b));
	*ret_unit = a == RULE_PLAIN ? b : a;
	return 0;
}

/* The unit of a product: a part of something is of its kind. */
static enum rule_unit product_unit(enum rule_unit a, enum rule_unit b)
{
	if (a == RULE_PLAIN || a == RULE_RATIO)
		return b == RULE_PLAIN ? a : b;
	return b == RULE_PLAIN || b == RULE_RATIO ? a : RULE_PLAIN;
}

static enum rule_unit quotient_unit(enum rule_unit a, enum rule_unit b)
{
	if (a == b)
		return a == RULE_PLAIN ? RULE_PLAIN : RULE_RATIO;
	return b == RULE_PLAIN || b == RULE_RATIO ? a : RULE_PLAIN;
}

static int calculate(enum kind kind, const struct rule_value *a, const struct rule_value *b,
	struct rule_value *ret_value, struct error *error)
{
	struct rule_value value = {0};
	int r = 0;

	switch (kind) {
	case MULTIPLY:
		value = (struct rule_value){a->number * b->number, product_unit(a->unit, b->unit)};
		break;
	case DIVIDE:
		value = (struct rule_value){a->number / b->number, quotient_unit(a->unit, b->unit)};
		break;
	default:
		r = rule_common_unit(a->unit, b->unit, &value.unit, error);
		value.number = kind == ADD ? a->number + b->number : a->number - b->number;
	}
	if (r == 0)
		*ret_value = value;
	return r;
}

int rule_expression_evaluate(const struct rule_expression *expression, rule_lookup_fn *lookup, void *userdata,
	struct rule_value *ret_value, struct error *error)
{
	struct rule_value left, right;
	int r;

	if (expression->kind == QUANTITY) {
		*ret_value = expression->value;
		return 0;
	}
	if (expression->kind == SERIES)
		return lookup(expression->selector, userdata, ret_value, error);
	r = rule_expression_evaluate(expression->left, lookup, userdata, &left, error);
	if (r == 0)
		r = rule_expression_evaluate(expression->right, lookup, userdata, &right, error);
	return r < 0 ? r : calculate(expression->kind, &left, &right, ret_value, error);
}

bool rule_expression_uses(const struct rule_expression *expression, const char *name)
{
	if (!expression)
		return false;
	if (expression->kind == SERIES)
		return streq(rule_selector_name(expression->selector), name);
	return rule_expression_uses(expression->left, name) || rule_expression_uses(expression->right, name);
}
