/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent along the grammar of RFC 9535; how deep is bounded by enter(). */
#include "kit/jsonpath_internal.h"

#include "base/utf8.h"

#include <errno.h>

struct parser {
	struct lexer lexer;
	unsigned nesting;
};

static int parse_segments(struct parser *parser, struct query *query);
static int parse_or(struct parser *parser, struct expression **ret_expression);
static int parse_function(struct parser *parser, struct expression **ret_expression);

static int no_memory(struct parser *parser)
{
	return error_set(parser->lexer.error, -ENOMEM, "out of memory");
}

static int enter(struct parser *parser)
{
	if (parser->nesting == JSONPATH_NESTING_MAX)
		return lex_error(
			&parser->lexer, parser->lexer.at, "nested more than %d deep", JSONPATH_NESTING_MAX);
	parser->nesting++;
	return 0;
}

static int new_expression(
	struct parser *parser, enum expression_type type, struct expression **ret_expression)
{
	struct expression *expression = calloc(1, sizeof *expression);

	if (!expression)
		return no_memory(parser);
	expression->type = type;
	*ret_expression = expression;
	return 0;
}

/* ---- What filters compare ---- */

static int parse_query(struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	_cleanup_(expression_freep) struct expression *expression = NULL;
	int r = new_expression(parser, EXPRESSION_QUERY, &expression);

	if (r == 0)
		r = enter(parser);
	if (r < 0)
		return r;
	expression->query.relative = *parser->lexer.at++ == '@';
	r = parse_segments(parser, &expression->query);
	parser->nesting--;
	if (r == 0)
		*ret_expression = TAKE_PTR(expression);
	return r;
}

static json_t *word_literal(struct lexer *lexer)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t length = lex_name(lexer);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == length && strncmp(lexer->at, words[i], length) == 0) {
			lexer->at += length;
			return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
		}
	return NULL;
}

static int parse_literal(struct parser *parser, json_t **ret_literal)
{
	struct lexer *lexer = &parser->lexer;
	struct jsonpath_text text = {0};
	int r;

	if (*lexer->at == '"' || *lexer->at == '\'') {
		r = lex_string(lexer, &text);
		if (r < 0)
			return r;
		*ret_literal = json_stringn(text.bytes, text.size);
		free(text.bytes);
		return *ret_literal ? 0 : no_memory(parser);
	}
	if (*lexer->at == '-' || (*lexer->at >= '0' && *lexer->at <= '9'))
		return lex_number(lexer, ret_literal);
	*ret_literal = word_literal(lexer);
	return *ret_literal ? 0
			    : lex_error(lexer, lexer->at,
				      "a value, a query that begins with @ or $, or a function is wanted");
}

/* A literal, a query or a function: what stands beside an operator, or alone. */
static int parse_primary(
	struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	_cleanup_(expression_freep) struct expression *expression = NULL;
	struct lexer *lexer = &parser->lexer;
	size_t name = lex_name(lexer);
	int r;

	if (*lexer->at == '@' || *lexer->at == '$')
		return parse_query(parser, ret_expression);
	if (name && lexer->at[name] == '(')
		return parse_function(parser, ret_expression);
	r = new_expression(parser, EXPRESSION_LITERAL, &expression);
	if (r == 0)
		r = parse_literal(parser, &expression->literal);
	if (r == 0)
		*ret_expression = TAKE_PTR(expression);
	return r;
}

/* The types of RFC 9535, section 2.4.1. */
static bool gives_value(const struct expression *expression)
{
	switch (expression->type) {
	case EXPRESSION_LITERAL:
		return true;
	case EXPRESSION_QUERY:
		return query_singular(&expression->query);
	case EXPRESSION_FUNCTION:
		return expression->function != FUNCTION_MATCH && expression->function != FUNCTION_SEARCH;
	default:
		return false;
	}
}

static int want_value(struct parser *parser, const struct expression *expression, const char *at)
{
	if (gives_value(expression))
		return 0;
	return lex_error(&parser->lexer, at,
		expression->type == EXPRESSION_QUERY
			? "a query that may select several values cannot be compared; count() or value() "
			  "make one value of it"
			: "what is true or false by itself cannot be compared");
}

/* ---- Functions ---- */

static int parse_argument(
	struct parser *parser, bool nodes, struct expression **ret_argument) // NOLINT(misc-no-recursion)
{
	const char *at;
	int r;

	lex_blanks(&parser->lexer);
	at = parser->lexer.at;
	r = parse_primary(parser, ret_argument);
	if (r < 0)
		return r;
	lex_blanks(&parser->lexer);
	if (!nodes)
		return want_value(parser, *ret_argument, at);
	return (*ret_argument)->type == EXPRESSION_QUERY
		? 0
		: lex_error(&parser->lexer, at, "this function wants a query");
}

/* A pattern that stands in the path is compiled once, and judged now. */
static int make_regex(struct parser *parser, struct expression *call, const char *at)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const json_t *pattern = call->right->literal;
	int r;

	if (call->right->type != EXPRESSION_LITERAL || !json_is_string(pattern))
		return 0;
	r = jsonpath_regex_new(json_string_value(pattern), json_string_length(pattern),
		call->function == FUNCTION_MATCH, &call->regex, &error);
	return r == -EINVAL ? lex_error(&parser->lexer, at, "%s", error_text(&error, r)) : r;
}

static int parse_arguments(struct parser *parser, struct expression *call) // NOLINT(misc-no-recursion)
{
	bool two = call->function == FUNCTION_MATCH || call->function == FUNCTION_SEARCH;
	bool nodes = call->function == FUNCTION_COUNT || call->function == FUNCTION_VALUE;
	const char *at;
	int r = parse_argument(parser, nodes, &call->left);

	if (r < 0)
		return r;
	if (two && !lex_take(&parser->lexer, ","))
		return lex_error(&parser->lexer, parser->lexer.at, "this function wants two arguments");
	lex_blanks(&parser->lexer);
	at = parser->lexer.at;
	r = two ? parse_argument(parser, false, &call->right) : 0;
	if (r == 0 && !lex_take(&parser->lexer, ")"))
		r = lex_error(&parser->lexer, parser->lexer.at, "a \")\" is wanted here");
	return r == 0 && two ? make_regex(parser, call, at) : r;
}

static int parse_function(
	struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	static const char *const names[] = {
		[FUNCTION_LENGTH] = "length",
		[FUNCTION_COUNT] = "count",
		[FUNCTION_MATCH] = "match",
		[FUNCTION_SEARCH] = "search",
		[FUNCTION_VALUE] = "value",
	};
	_cleanup_(expression_freep) struct expression *call = NULL;
	struct lexer *lexer = &parser->lexer;
	size_t length = lex_name(lexer), which = 0;
	int r;

	while (which < ARRAY_SIZE(names) &&
		(strlen(names[which]) != length || strncmp(names[which], lexer->at, length) != 0))
		which++;
	if (which == ARRAY_SIZE(names))
		return lex_error(lexer, lexer->at,
			"there is no function %.*s(); there are length, count, match, search and value",
			(int)MIN(length, (size_t)40), lexer->at);
	r = new_expression(parser, EXPRESSION_FUNCTION, &call);
	if (r == 0)
		r = enter(parser);
	if (r < 0)
		return r;
	call->function = (enum function)which;
	lexer->at += length + 1;
	r = parse_arguments(parser, call);
	parser->nesting--;
	if (r == 0)
		*ret_expression = TAKE_PTR(call);
	return r;
}

/* ---- Logic ---- */

static bool take_comparison(struct lexer *lexer, enum comparison *ret_comparison)
{
	static const struct {
		const char *token;
		enum comparison comparison;
	} tokens[] = {
		{"==", COMPARE_EQUAL},
		{"!=", COMPARE_UNEQUAL},
		{"<=", COMPARE_LESS_OR_EQUAL},
		{">=", COMPARE_GREATER_OR_EQUAL},
		{"<", COMPARE_LESS},
		{">", COMPARE_GREATER},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		if (lex_take(lexer, tokens[i].token)) {
			*ret_comparison = tokens[i].comparison;
			return true;
		}
	return false;
}

/* A comparison, or a query or function that is a test by itself. */
static int parse_test(struct parser *parser, bool comparable,
	struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	_cleanup_(expression_freep) struct expression *left = NULL, *whole = NULL;
	struct lexer *lexer = &parser->lexer;
	const char *at = lexer->at, *after, *right_at;
	enum comparison comparison;
	int r = parse_primary(parser, &left);

	if (r < 0)
		return r;
	after = lexer->at;
	lex_blanks(lexer);
	if (!comparable || !take_comparison(lexer, &comparison)) {
		lexer->at = after;
		if (left->type == EXPRESSION_LITERAL)
			return lex_error(lexer, at, "a value alone is no test; compare it with something");
		if (left->type == EXPRESSION_FUNCTION && gives_value(left))
			return lex_error(
				lexer, at, "what this function gives must be compared with something");
		*ret_expression = TAKE_PTR(left);
		return 0;
	}
	r = want_value(parser, left, at);
	if (r == 0)
		r = new_expression(parser, EXPRESSION_COMPARISON, &whole);
	if (r < 0)
		return r;
	lex_blanks(lexer);
	right_at = lexer->at;
	whole->comparison = comparison;
	whole->left = TAKE_PTR(left);
	r = parse_primary(parser, &whole->right);
	if (r == 0)
		r = want_value(parser, whole->right, right_at);
	if (r == 0)
		*ret_expression = TAKE_PTR(whole);
	return r;
}

static int parse_parentheses(
	struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	int r = enter(parser);

	if (r < 0)
		return r;
	r = parse_or(parser, ret_expression);
	parser->nesting--;
	if (r < 0)
		return r;
	lex_blanks(&parser->lexer);
	return lex_take(&parser->lexer, ")")
		? 0
		: lex_error(&parser->lexer, parser->lexer.at, "a \")\" is wanted here");
}

static int parse_basic(struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	_cleanup_(expression_freep) struct expression *not = NULL, *inner = NULL;
	bool negated = lex_take(&parser->lexer, "!");
	int r;

	if (negated)
		lex_blanks(&parser->lexer);
	r = lex_take(&parser->lexer, "(") ? parse_parentheses(parser, &inner)
					  : parse_test(parser, !negated, &inner);
	if (r == 0 && negated) {
		r = new_expression(parser, EXPRESSION_NOT, &not );
		if (r == 0) {
			not ->left = TAKE_PTR(inner);
			inner = TAKE_PTR(not );
		}
	}
	if (r == 0)
		*ret_expression = TAKE_PTR(inner);
	return r;
}

static int parse_operand(struct parser *parser, bool or, struct expression **ret_expression);

/* Operands with one operator between them. Evaluation goes into each link, so their number is bounded as well. */
static int parse_chain(
	struct parser *parser, bool or, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	_cleanup_(expression_freep) struct expression *whole = NULL, *pair = NULL;
	const char *after;
	unsigned links = 0;
	int r = parse_operand(parser, or, &whole);

	while (r == 0) {
		after = parser->lexer.at;
		lex_blanks(&parser->lexer);
		if (!lex_take(&parser->lexer, or ? "||" : "&&")) {
			parser->lexer.at = after;
			break;
		}
		if (++links > JSONPATH_NESTING_MAX)
			return lex_error(&parser->lexer, after, "more than %d operands in a row",
				JSONPATH_NESTING_MAX);
		r = new_expression(parser, or ? EXPRESSION_OR : EXPRESSION_AND, &pair);
		if (r < 0)
			return r;
		pair->left = TAKE_PTR(whole);
		whole = TAKE_PTR(pair);
		r = parse_operand(parser, or, &whole->right);
	}
	if (r == 0)
		*ret_expression = TAKE_PTR(whole);
	return r;
}

static int parse_operand(
	struct parser *parser, bool or, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	lex_blanks(&parser->lexer);
	return or ? parse_chain(parser, false, ret_expression) : parse_basic(parser, ret_expression);
}

static int parse_or(struct parser *parser, struct expression **ret_expression) // NOLINT(misc-no-recursion)
{
	return parse_chain(parser, true, ret_expression);
}

/* ---- Selectors ---- */

static bool begins_int(char c)
{
	return c == '-' || (c >= '0' && c <= '9');
}

/* An index, or the three parts of a slice. */
static int parse_numbers(struct parser *parser, struct selector *selector)
{
	struct lexer *lexer = &parser->lexer;
	struct slice *slice = &selector->slice;
	const char *after;
	int r = 0;

	if (begins_int(*lexer->at)) {
		r = lex_int(lexer, &slice->start);
		slice->has_start = true;
	}
	after = lexer->at;
	lex_blanks(lexer);
	if (r < 0 || (!lex_take(lexer, ":") && slice->has_start)) {
		lexer->at = after;
		selector->type = SELECT_INDEX;
		selector->index = slice->start;
		return r;
	}
	selector->type = SELECT_SLICE;
	slice->step = 1;
	lex_blanks(lexer);
	if (begins_int(*lexer->at)) {
		r = lex_int(lexer, &slice->end);
		slice->has_end = true;
		lex_blanks(lexer);
	}
	if (r < 0 || !lex_take(lexer, ":"))
		return r;
	lex_blanks(lexer);
	return begins_int(*lexer->at) ? lex_int(lexer, &slice->step) : 0;
}

static int parse_selector(struct parser *parser, struct selector *selector) // NOLINT(misc-no-recursion)
{
	struct lexer *lexer = &parser->lexer;
	int r;

	switch (*lexer->at) {
	case '"':
	case '\'':
		selector->type = SELECT_NAME;
		return lex_string(lexer, &selector->name);
	case '*':
		lexer->at++;
		selector->type = SELECT_WILDCARD;
		return 0;
	case '?':
		lexer->at++;
		selector->type = SELECT_FILTER;
		r = enter(parser);
		if (r < 0)
			return r;
		r = parse_or(parser, &selector->filter);
		parser->nesting--;
		return r;
	default:
		if (begins_int(*lexer->at) || *lexer->at == ':')
			return parse_numbers(parser, selector);
		return lex_error(lexer, lexer->at,
			"a name in quotes, an index, a slice, * or ?filter is wanted between [ and ]");
	}
}

static struct selector *add_selector(struct segment *segment)
{
	if (GROW(segment->selectors, segment->count, segment->room) < 0)
		return NULL;
	segment->selectors[segment->count] = (struct selector){0};
	return &segment->selectors[segment->count++];
}

static int parse_brackets(struct parser *parser, struct segment *segment) // NOLINT(misc-no-recursion)
{
	struct lexer *lexer = &parser->lexer;

	do {
		struct selector *selector = add_selector(segment);
		int r;

		if (!selector)
			return no_memory(parser);
		lex_blanks(lexer);
		r = parse_selector(parser, selector);
		if (r < 0)
			return r;
		lex_blanks(lexer);
	} while (lex_take(lexer, ","));
	return lex_take(lexer, "]") ? 0 : lex_error(lexer, lexer->at, "a \",\" or a \"]\" is wanted here");
}

/* Behind a dot: * or a name. */
static int parse_dotted(struct parser *parser, struct segment *segment)
{
	struct lexer *lexer = &parser->lexer;
	struct selector *selector = add_selector(segment);
	size_t length = lex_name(lexer);

	if (!selector)
		return no_memory(parser);
	if (lex_take(lexer, "*")) {
		selector->type = SELECT_WILDCARD;
		return 0;
	}
	if (!length)
		return lex_error(lexer, lexer->at,
			"a name or * is wanted behind a dot; names with other characters than letters, "
			"digits "
			"and _ are written [\"like-this\"]");
	selector->type = SELECT_NAME;
	selector->name.bytes = strndup(lexer->at, length);
	selector->name.size = length;
	lexer->at += length;
	return selector->name.bytes ? 0 : no_memory(parser);
}

static int parse_segment(struct parser *parser, struct segment *segment) // NOLINT(misc-no-recursion)
{
	struct lexer *lexer = &parser->lexer;

	if (lex_take(lexer, "["))
		return parse_brackets(parser, segment);
	if (lex_take(lexer, "..")) {
		segment->descendant = true;
		if (lex_take(lexer, "["))
			return parse_brackets(parser, segment);
	} else {
		lexer->at++;
	}
	return parse_dotted(parser, segment);
}

/* As many as there are; blanks behind the last one are left. */
static int parse_segments(struct parser *parser, struct query *query) // NOLINT(misc-no-recursion)
{
	struct lexer *lexer = &parser->lexer;
	int r = 0;

	while (r == 0) {
		const char *after = lexer->at;

		lex_blanks(lexer);
		if (*lexer->at != '.' && *lexer->at != '[') {
			lexer->at = after;
			break;
		}
		if (GROW(query->segments, query->count, query->room) < 0)
			return no_memory(parser);
		query->segments[query->count] = (struct segment){0};
		r = parse_segment(parser, &query->segments[query->count++]);
	}
	return r;
}

/* ---- The whole ---- */

static int parse(
	const char *text, bool whole, size_t *ret_used, struct jsonpath **ret_path, struct error *error)
{
	struct parser parser = {.lexer = {.text = text, .at = text, .error = error}};
	_cleanup_(jsonpath_freep) struct jsonpath *path = NULL;
	size_t size = strnlen(text, JSONPATH_TEXT_MAX + 1);
	int r;

	if (size > JSONPATH_TEXT_MAX)
		return error_set(error, -EINVAL, "longer than %d bytes", JSONPATH_TEXT_MAX);
	if (!utf8_valid(text, size))
		return error_set(error, -EINVAL, "not valid UTF-8");
	if (whole && !lex_take(&parser.lexer, "$"))
		return lex_error(&parser.lexer, text, "a path begins with $");
	path = calloc(1, sizeof *path);
	if (!path)
		return no_memory(&parser);
	r = parse_segments(&parser, &path->query);
	if (r == 0 && whole && *parser.lexer.at)
		r = lex_error(&parser.lexer, parser.lexer.at, "this does not belong to the path");
	if (r < 0)
		return r;
	*ret_used = (size_t)(parser.lexer.at - text);
	*ret_path = TAKE_PTR(path);
	return 0;
}

int jsonpath_parse(const char *text, struct jsonpath **ret_path, struct error *error)
{
	size_t used;

	return parse(text, true, &used, ret_path, error);
}

int jsonpath_parse_segments(
	const char *text, size_t *ret_used, struct jsonpath **ret_path, struct error *error)
{
	return parse(text, false, ret_used, ret_path, error);
}
