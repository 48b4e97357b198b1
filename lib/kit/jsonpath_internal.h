/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed path, and what its parser and its evaluation share. */
#ifndef KIT_JSONPATH_INTERNAL_H
#define KIT_JSONPATH_INTERNAL_H

#include "kit/jsonpath.h"

/* Text that may hold NUL bytes, with one more behind it. */
struct jsonpath_text {
	char *bytes;
	size_t size;
};

enum selector_type {
	SELECT_NAME,
	SELECT_WILDCARD,
	SELECT_INDEX,
	SELECT_SLICE,
	SELECT_FILTER,
};

struct slice {
	int64_t start, end, step;
	bool has_start, has_end;
};

struct selector {
	enum selector_type type;
	struct jsonpath_text name;
	int64_t index;
	struct slice slice;
	struct expression *filter;
};

struct segment {
	bool descendant;
	struct selector *selectors;
	size_t count, room;
};

struct query {
	bool relative; /* to "@" */
	struct segment *segments;
	size_t count, room;
};

enum expression_type {
	EXPRESSION_OR,
	EXPRESSION_AND,
	EXPRESSION_NOT,
	EXPRESSION_COMPARISON,
	EXPRESSION_LITERAL,
	EXPRESSION_QUERY,
	EXPRESSION_FUNCTION,
};

enum comparison {
	COMPARE_EQUAL,
	COMPARE_UNEQUAL,
	COMPARE_LESS,
	COMPARE_LESS_OR_EQUAL,
	COMPARE_GREATER,
	COMPARE_GREATER_OR_EQUAL,
};

enum function {
	FUNCTION_LENGTH,
	FUNCTION_COUNT,
	FUNCTION_MATCH,
	FUNCTION_SEARCH,
	FUNCTION_VALUE,
};

struct expression {
	enum expression_type type;
	enum comparison comparison;
	enum function function;
	struct expression *left, *right; /* operands, or the arguments of a function */
	struct query query;
	json_t *literal;
	struct jsonpath_regex *regex; /* of match and search, when it stands in the path */
};

struct jsonpath {
	struct query query;
};

bool query_singular(const struct query *query);
void query_done(struct query *query);
void expression_free(struct expression *expression);
DEFINE_CLEANUP(struct expression *, expression_free);

/* ---- jsonpath_lex.c ---- */

struct lexer {
	const char *text; /* the whole, valid UTF-8 */
	const char *at;
	struct error *error;
};

/* Sets "at N: …" for what stands at this place; returns -EINVAL. */
int lex_error(struct lexer *lexer, const char *at, const char *format, ...) _printf_(3, 4);
void lex_blanks(struct lexer *lexer);
/* Takes the token when it stands there. */
bool lex_take(struct lexer *lexer, const char *token);
/* The length of a shorthand name (RFC 9535, member-name-shorthand) that stands there; 0: none. */
size_t lex_name(const struct lexer *lexer);
int lex_string(struct lexer *lexer, struct jsonpath_text *ret_text);
/* An index or a bound of a slice. */
int lex_int(struct lexer *lexer, int64_t *ret_value);
/* A number of JSON, as jansson's integer or real. */
int lex_number(struct lexer *lexer, json_t **ret_number);

/* ---- jsonpath_regex.c ---- */

struct jsonpath_regex;

/* whole: must match all of the text (match), else a part of it (search). -EINVAL with an error, -ENOMEM. */
int jsonpath_regex_new(
	const char *pattern, size_t size, bool whole, struct jsonpath_regex **ret_regex, struct error *error);
void jsonpath_regex_free(struct jsonpath_regex *regex);
/* 1 or 0, -E2BIG when it takes too long, -ENOMEM. */
int jsonpath_regex_matches(const struct jsonpath_regex *regex, const char *text, size_t size);

/* ---- jsonpath_compare.c ---- */

/* What a comparison compares. */
struct operand {
	enum {
		OPERAND_NOTHING,
		OPERAND_COUNT,
		OPERAND_VALUE,
	} type;
	int64_t count;
	const json_t *value;
};

/* 1 or 0; -E2BIG when *steps (one for each value looked at) comes to an end. */
int operands_compare(
	enum comparison comparison, const struct operand *left, const struct operand *right, uint64_t *steps);
/* The function length(). */
struct operand operand_length(const struct operand *operand);

#endif
