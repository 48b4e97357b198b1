/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/jsonpath_internal.h"

#include <errno.h>

/* Holds every 64-bit integer and every double exactly. */
static long double number_of(const json_t *value)
{
	return json_is_integer(value) ? (long double)json_integer_value(value)
				      : (long double)json_real_value(value);
}

/* < 0, 0 or > 0. The order of UTF-8's bytes is that of the characters. */
static int compare_strings(const json_t *left, const json_t *right)
{
	size_t left_size = json_string_length(left), right_size = json_string_length(right);
	int order = memcmp(json_string_value(left), json_string_value(right), MIN(left_size, right_size));

	return order ? order : (left_size > right_size) - (left_size < right_size);
}

static int values_equal(const json_t *left, const json_t *right, unsigned depth, uint64_t *steps);

static int arrays_equal(
	const json_t *left, const json_t *right, unsigned depth, uint64_t *steps) // NOLINT(misc-no-recursion)
{
	size_t count = json_array_size(left);
	int r = count == json_array_size(right);

	for (size_t i = 0; r == 1 && i < count; i++)
		r = values_equal(json_array_get(left, i), json_array_get(right, i), depth + 1, steps);
	return r;
}

static int objects_equal(
	const json_t *left, const json_t *right, unsigned depth, uint64_t *steps) // NOLINT(misc-no-recursion)
{
	int r = json_object_size(left) == json_object_size(right);
	void *at = json_object_iter((json_t *)left);

	for (; r == 1 && at; at = json_object_iter_next((json_t *)left, at)) {
		const json_t *other =
			json_object_getn(right, json_object_iter_key(at), json_object_iter_key_len(at));

		r = other ? values_equal(json_object_iter_value(at), other, depth + 1, steps) : 0;
	}
	return r;
}

static int values_equal(
	const json_t *left, const json_t *right, unsigned depth, uint64_t *steps) // NOLINT(misc-no-recursion)
{
	if (*steps == 0 || depth > JSONPATH_DEPTH_MAX)
		return -E2BIG;
	--*steps;
	if (json_is_number(left) && json_is_number(right))
		return number_of(left) == number_of(right);
	if (json_typeof(left) != json_typeof(right))
		return 0;
	switch (json_typeof(left)) {
	case JSON_STRING:
		return compare_strings(left, right) == 0;
	case JSON_ARRAY:
		return arrays_equal(left, right, depth, steps);
	case JSON_OBJECT:
		return objects_equal(left, right, depth, steps);
	default:
		return 1; /* true, false, null */
	}
}

static bool is_number(const struct operand *operand)
{
	return operand->type == OPERAND_COUNT ||
		(operand->type == OPERAND_VALUE && json_is_number(operand->value));
}

static long double operand_number(const struct operand *operand)
{
	return operand->type == OPERAND_COUNT ? (long double)operand->count : number_of(operand->value);
}

static bool is_string(const struct operand *operand)
{
	return operand->type == OPERAND_VALUE && json_is_string(operand->value);
}

static int operands_equal(const struct operand *left, const struct operand *right, uint64_t *steps)
{
	if (left->type == OPERAND_NOTHING || right->type == OPERAND_NOTHING)
		return left->type == right->type;
	if (is_number(left) && is_number(right))
		return operand_number(left) == operand_number(right);
	if (left->type == OPERAND_COUNT || right->type == OPERAND_COUNT)
		return 0;
	return values_equal(left->value, right->value, 0, steps);
}

static int operand_less(const struct operand *left, const struct operand *right)
{
	if (is_number(left) && is_number(right))
		return operand_number(left) < operand_number(right);
	if (is_string(left) && is_string(right))
		return compare_strings(left->value, right->value) < 0;
	return 0;
}

int operands_compare(
	enum comparison comparison, const struct operand *left, const struct operand *right, uint64_t *steps)
{
	int r;

	switch (comparison) {
	case COMPARE_EQUAL:
		return operands_equal(left, right, steps);
	case COMPARE_UNEQUAL:
		r = operands_equal(left, right, steps);
		return r < 0 ? r : !r;
	case COMPARE_LESS:
		return operand_less(left, right);
	case COMPARE_GREATER:
		return operand_less(right, left);
	case COMPARE_LESS_OR_EQUAL:
		return operand_less(left, right) ? 1 : operands_equal(left, right, steps);
	case COMPARE_GREATER_OR_EQUAL:
		return operand_less(right, left) ? 1 : operands_equal(left, right, steps);
	}
	return 0;
}

static int64_t characters(const json_t *string)
{
	const char *text = json_string_value(string);
	size_t size = json_string_length(string);
	int64_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

struct operand operand_length(const struct operand *operand)
{
	struct operand length = {.type = OPERAND_COUNT};

	if (operand->type == OPERAND_VALUE && json_is_string(operand->value))
		length.count = characters(operand->value);
	else if (operand->type == OPERAND_VALUE && json_is_array(operand->value))
		length.count = (int64_t)json_array_size(operand->value);
	else if (operand->type == OPERAND_VALUE && json_is_object(operand->value))
		length.count = (int64_t)json_object_size(operand->value);
	else
		length.type = OPERAND_NOTHING;
	return length;
}
