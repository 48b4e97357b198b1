/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include "base/parse.h"
#include "base/suggest.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

/* What values a subject has, which decides what it may be compared with. */
enum kind {
	KIND_STATUS,
	KIND_DURATION,
	KIND_SIZE,
	KIND_NUMBER,
	KIND_TEXT,
	KIND_ANY,
};

struct parser {
	const char *text;
	const char *at;
	struct error *error;
};

static int wrong_at(const struct parser *parser, const char *at, const char *what)
{
	return error_set(parser->error, -EINVAL, "at %zu: %s", (size_t)(at - parser->text) + 1, what);
}

static int wrong(const struct parser *parser, const char *what)
{
	return wrong_at(parser, parser->at, what);
}

static int no_memory(const struct parser *parser)
{
	return error_set(parser->error, -ENOMEM, "out of memory");
}

static void skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t");
}

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool take(struct parser *parser, const char *token)
{
	const char *after = startswith(parser->at, token);

	if (after)
		parser->at = after;
	return after != NULL;
}

/* A word that ends there. */
static bool take_word(struct parser *parser, const char *word)
{
	const char *after = startswith(parser->at, word);

	if (!after || is_word(*after))
		return false;
	parser->at = after;
	return true;
}

/* ---- Strings and values ---- */

/* In single quotes everything stands for itself, but \' for a quote: made for regular expressions. */
static int take_single_quoted(struct parser *parser, struct buf *out)
{
	const char *start = parser->at++;

	for (; *parser->at != '\''; parser->at++) {
		if (!*parser->at)
			return wrong_at(parser, start, "the string that begins here does not end");
		if (parser->at[0] == '\\' && parser->at[1] == '\'')
			parser->at++;
		buf_add_char(out, *parser->at);
	}
	parser->at++;
	return buf_error(out) ? no_memory(parser) : 0;
}

/* In double quotes it is a string of JSON. */
static int take_double_quoted(struct parser *parser, struct buf *out)
{
	json_error_t why = {0};
	json_t *string = json_loads(parser->at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &why);

	if (!string)
		return wrong(parser,
			"the string that begins here does not end, or has an escape that JSON has not");
	parser->at += why.position;
	buf_add(out, json_string_value(string), json_string_length(string));
	json_decref(string);
	return buf_error(out) ? no_memory(parser) : 0;
}

static int take_string(struct parser *parser, struct buf *out)
{
	return *parser->at == '"' ? take_double_quoted(parser, out) : take_single_quoted(parser, out);
}

static const char *wanted_value(enum kind kind)
{
	switch (kind) {
	case KIND_STATUS:
		return "a status such as 200, or a class such as 2xx, is wanted";
	case KIND_DURATION:
		return "a duration such as 2s or 250ms is wanted";
	case KIND_SIZE:
		return "a size such as 512 or 64KiB is wanted";
	case KIND_NUMBER:
		return "a number is wanted";
	case KIND_TEXT:
		return "a string in quotes, or a number, is wanted";
	case KIND_ANY:
		break;
	}
	return "a string in quotes, a number, true, false or null is wanted";
}

static int parse_class(const char *word, struct choice *choice)
{
	if (word[0] < '1' || word[0] > '5' || !streq(word + 1, "xx"))
		return -EINVAL;
	choice->class = word[0] - '0';
	return 0;
}

static json_t *parse_plain_number(const char *word)
{
	int64_t integer;
	double real;

	if (parse_int64(word, &integer) == 0)
		return json_integer(integer);
	return parse_double(word, &real) == 0 ? json_real(real) : NULL;
}

static json_t *parse_word(const char *word, enum kind kind)
{
	int64_t integer;
	uint64_t bytes;

	switch (kind) {
	case KIND_STATUS:
		return parse_int64(word, &integer) == 0 && integer >= 100 && integer <= 999
			? json_integer(integer)
			: NULL;
	case KIND_DURATION:
		return parse_duration(word, &integer) == 0 ? json_integer(integer) : NULL;
	case KIND_SIZE:
		return parse_size(word, &bytes) == 0 && bytes <= INT64_MAX ? json_integer((json_int_t)bytes)
									   : NULL;
	case KIND_ANY:
		if (streq(word, "true") || streq(word, "false"))
			return json_boolean(*word == 't');
		if (streq(word, "null"))
			return json_null();
		/* fallthrough */
	case KIND_NUMBER:
	case KIND_TEXT:
		return parse_plain_number(word);
	}
	return NULL;
}

static int take_value(struct parser *parser, enum kind kind, struct choice *choice)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *start = parser->at;
	char word[64];
	size_t length = 0;
	int r;

	if (*start == '"' || *start == '\'') {
		if (kind != KIND_TEXT && kind != KIND_ANY)
			return wrong(parser, wanted_value(kind));
		r = take_string(parser, &text);
		if (r < 0)
			return r;
		choice->value = json_stringn_nocheck(text.data ? text.data : "", text.size);
		return choice->value ? 0 : no_memory(parser);
	}
	while (is_word(start[length]) || (start[length] && strchr(".+-", start[length])))
		length++;
	if (!length || length >= sizeof word)
		return wrong(parser, wanted_value(kind));
	memcpy(word, start, length);
	word[length] = '\0';
	if (kind != KIND_STATUS || parse_class(word, choice) < 0) {
		choice->value = parse_word(word, kind);
		if (!choice->value)
			return wrong(parser, wanted_value(kind));
	}
	parser->at += length;
	return 0;
}

/* ---- Subjects ---- */

static const struct {
	const char *word;
	enum subject_type type;
	enum kind kind;
} subjects[] = {
	{"status", SUBJECT_STATUS, KIND_STATUS},
	{"latency", SUBJECT_LATENCY, KIND_DURATION},
	{"size", SUBJECT_SIZE, KIND_SIZE},
	{"sha256", SUBJECT_SHA256, KIND_TEXT},
	{"certificate.days", SUBJECT_CERTIFICATE_DAYS, KIND_NUMBER},
	{"version", SUBJECT_VERSION, KIND_TEXT},
	{"redirects", SUBJECT_REDIRECTS, KIND_NUMBER},
	{"address", SUBJECT_ADDRESS, KIND_TEXT},
	{"header", SUBJECT_HEADER, KIND_TEXT},
	{"body", SUBJECT_BODY, KIND_TEXT},
};

static int unknown_subject(const struct parser *parser)
{
	const char *words[ARRAY_SIZE(subjects)], *meant;
	char word[32];
	size_t length = 0;

	while (is_word(parser->at[length]) && length < sizeof word - 1)
		length++;
	memcpy(word, parser->at, length);
	word[length] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		words[i] = subjects[i].word;
	meant = suggest(word, words, ARRAY_SIZE(words));
	if (meant)
		return error_set(parser->error, -EINVAL, "at %zu: \"%s\" is not known; did you mean \"%s\"?",
			(size_t)(parser->at - parser->text) + 1, word, meant);
	return wrong(parser,
		"what is judged must be status, latency, size, sha256, certificate.days, version, "
		"redirects, address, header.NAME, body or a path such as body.status");
}

static int take_phase(struct parser *parser, struct subject *subject)
{
	subject->phase = PHASES;
	if (!take(parser, "."))
		return 0;
	for (int i = 0; i < PHASES; i++)
		if (take_word(parser, phase_name((enum phase)i))) {
			subject->phase = i;
			return 0;
		}
	return wrong(parser, "the phases are resolve, connect, tls, processing and transfer");
}

static int take_header(struct parser *parser, struct subject *subject)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	bool quoted = take(parser, "[");
	int r = 0;

	if (quoted && (*parser->at == '"' || *parser->at == '\'')) {
		r = take_string(parser, &name);
		if (r == 0 && !take(parser, "]"))
			r = wrong(parser, "a \"]\" is wanted here");
	} else if (!quoted && take(parser, ".")) {
		while (is_word(*parser->at) || *parser->at == '-')
			buf_add_char(&name, *parser->at++);
	}
	if (r < 0)
		return r;
	if (!name.size)
		return wrong(
			parser, "the name of a header is wanted: header.content-type, or header[\"x.y\"]");
	subject->name = buf_take(&name);
	return subject->name ? 0 : no_memory(parser);
}

/* inside: of all() and its like, where "body" is the JSON even without a path. */
static int take_body(struct parser *parser, bool inside, struct subject *subject, enum kind *kind)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t used;
	int r;

	if (!inside && *parser->at != '.' && *parser->at != '[')
		return 0;
	r = jsonpath_parse_segments(parser->at, &used, &subject->path, &error);
	if (r < 0)
		return error_set(parser->error, r, "the path behind \"body\": %s", error_text(&error, r));
	parser->at += used;
	subject->type = SUBJECT_PATH;
	*kind = KIND_ANY;
	return 0;
}

static int take_subject(struct parser *parser, bool inside, struct subject *subject, enum kind *ret_kind)
{
	const char *start = parser->at;
	size_t i = 0;
	int r = 0;

	while (i < ARRAY_SIZE(subjects) && !take_word(parser, subjects[i].word))
		i++;
	if (i == ARRAY_SIZE(subjects))
		return unknown_subject(parser);
	subject->type = subjects[i].type;
	*ret_kind = subjects[i].kind;
	if (subject->type == SUBJECT_LATENCY)
		r = take_phase(parser, subject);
	else if (subject->type == SUBJECT_HEADER)
		r = take_header(parser, subject);
	else if (subject->type == SUBJECT_BODY)
		r = take_body(parser, inside, subject, ret_kind);
	if (r < 0)
		return r;
	subject->text = strndup(start, (size_t)(parser->at - start));
	return subject->text ? 0 : no_memory(parser);
}

/* ---- Conditions ---- */

static int take_operator(struct parser *parser, enum operator* ret_operator)
{
	static const struct {
		const char *token;
		enum operator operator;
	} operators[] = {
		{"==", OPERATOR_EQUAL},
		{"!=", OPERATOR_UNEQUAL},
		{"=~", OPERATOR_MATCHES},
		{"!~", OPERATOR_MATCHES_NOT},
		{"<=", OPERATOR_LESS_OR_EQUAL},
		{">=", OPERATOR_GREATER_OR_EQUAL},
		{"<", OPERATOR_LESS},
		{">", OPERATOR_GREATER},
	};

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (take(parser, operators[i].token)) {
			*ret_operator = operators[i].operator;
			return 0;
		}
	if (take_word(parser, "contains"))
		*ret_operator = OPERATOR_CONTAINS;
	else if (take_word(parser, "in"))
		*ret_operator = OPERATOR_IN;
	else
		return wrong(parser, "one of == != < <= > >= =~ !~ contains in is wanted here");
	return 0;
}

static int take_pattern(struct parser *parser, struct pattern **ret_pattern)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *start = parser->at;
	int r;

	if (*start != '"' && *start != '\'')
		return wrong(parser, "a regular expression in quotes is wanted");
	r = take_string(parser, &text);
	if (r < 0)
		return r;
	r = pattern_new(buf_str(&text), ret_pattern, &error);
	return r == -EINVAL ? wrong_at(parser, start, error_text(&error, r)) : r;
}

static int take_choices(struct parser *parser, enum kind kind, struct condition *condition)
{
	if (!take(parser, "["))
		return wrong(parser, "a list such as [200, 204] is wanted behind \"in\"");
	while (!take(parser, "]")) {
		int r;

		if (condition->choice_count == CONDITION_CHOICES_MAX)
			return wrong(parser, "there are more than 64 values in the list");
		skip_blanks(parser);
		r = take_value(parser, kind, &condition->choices[condition->choice_count]);
		if (r < 0)
			return r;
		condition->choice_count++;
		skip_blanks(parser);
		if (take(parser, ","))
			skip_blanks(parser);
	}
	return condition->choice_count ? 0 : wrong(parser, "the list is empty");
}

static bool orders(enum operator operator)
{
	return operator>= OPERATOR_LESS && operator<= OPERATOR_GREATER_OR_EQUAL;
}

static int take_comparison(struct parser *parser, enum kind kind, struct condition *condition)
{
	const char *start;
	int r;

	skip_blanks(parser);
	start = parser->at;
	r = take_operator(parser, &condition->operator);
	if (r < 0)
		return r;
	skip_blanks(parser);
	if (condition->operator>= OPERATOR_MATCHES && condition->operator<= OPERATOR_CONTAINS &&
		kind != KIND_TEXT && kind != KIND_ANY)
		return wrong_at(parser, start, "this operator is for texts; here a number is compared");
	if (condition->operator== OPERATOR_MATCHES || condition->operator== OPERATOR_MATCHES_NOT)
		return take_pattern(parser, &condition->pattern);
	if (condition->operator== OPERATOR_IN)
		return take_choices(parser, kind, condition);
	if (condition->operator== OPERATOR_CONTAINS && * parser->at != '"' && * parser->at != '\'')
		return wrong(parser, "a string in quotes is wanted");
	r = take_value(parser, kind, &condition->choices[0]);
	if (r < 0)
		return r;
	condition->choice_count = 1;
	if (orders(condition->operator) &&
		(!condition->choices[0].value ||
			(!json_is_number(condition->choices[0].value) &&
				!json_is_string(condition->choices[0].value))))
		return wrong_at(parser, start, "only numbers and strings can be less or greater than others");
	return 0;
}

static enum test take_test(struct parser *parser)
{
	static const char *const words[] = {
		[TEST_ALL] = "all(", [TEST_ANY] = "any(", [TEST_LEN] = "len(", [TEST_HAS] = "has("};

	for (size_t i = TEST_ALL; i < ARRAY_SIZE(words); i++)
		if (take(parser, words[i]))
			return (enum test)i;
	return TEST_PLAIN;
}

/* What stands in the parentheses. */
static int take_inner(struct parser *parser, struct condition *condition, enum kind *ret_kind)
{
	const char *start;
	int r;

	skip_blanks(parser);
	start = parser->at;
	r = take_subject(parser, true, &condition->subject, ret_kind);
	if (r < 0)
		return r;
	skip_blanks(parser);
	if (condition->test == TEST_ALL) {
		(void)take(parser, ",");
		skip_blanks(parser);
		condition->allow_empty = take_word(parser, "allow_empty");
		skip_blanks(parser);
	}
	if (!take(parser, ")"))
		return wrong(parser, "a \")\" is wanted here");
	if ((condition->test == TEST_ALL || condition->test == TEST_ANY) &&
		condition->subject.type != SUBJECT_PATH)
		return wrong_at(parser, start, "all() and any() are about a path such as body.*");
	if ((condition->test == TEST_ALL || condition->test == TEST_ANY) &&
		jsonpath_singular(condition->subject.path))
		return wrong_at(parser, start,
			"this path names one value only; all() and any() want several, such as body.*");
	if (condition->test >= TEST_LEN && condition->subject.type != SUBJECT_PATH &&
		condition->subject.type != SUBJECT_HEADER)
		return wrong_at(parser, start, "len() and has() are about a header or a path in the body");
	if (condition->test == TEST_LEN)
		*ret_kind = KIND_NUMBER;
	return 0;
}

static int parse_condition(struct parser *parser, struct condition *condition)
{
	enum kind kind;
	int r;

	skip_blanks(parser);
	condition->negated = take_word(parser, "not");
	skip_blanks(parser);
	condition->test = take_test(parser);
	r = condition->test == TEST_PLAIN ? take_subject(parser, false, &condition->subject, &kind)
					  : take_inner(parser, condition, &kind);
	if (r == 0 && condition->test != TEST_HAS)
		r = take_comparison(parser, kind, condition);
	if (r < 0)
		return r;
	skip_blanks(parser);
	return *parser->at ? wrong(parser, "the condition should end here") : 0;
}

static int judge_text(const char *text, struct error *error)
{
	size_t size = strnlen(text, CONDITION_TEXT_MAX + 1);

	if (size > CONDITION_TEXT_MAX)
		return error_set(error, -EINVAL, "longer than %d bytes", CONDITION_TEXT_MAX);
	return utf8_valid(text, size) ? 0 : error_set(error, -EINVAL, "not valid UTF-8");
}

int condition_parse(const char *text, struct condition **ret_condition, struct error *error)
{
	struct parser parser = {.text = text, .at = text, .error = error};
	_cleanup_(condition_freep) struct condition *condition = NULL;
	int r = judge_text(text, error);

	if (r < 0)
		return r;
	condition = calloc(1, sizeof *condition);
	if (!condition)
		return no_memory(&parser);
	condition->text = strdup(text + strspn(text, " \t"));
	if (!condition->text)
		return no_memory(&parser);
	r = parse_condition(&parser, condition);
	if (r == 0)
		*ret_condition = TAKE_PTR(condition);
	return r;
}

void subject_done(struct subject *subject)
{
	free(subject->name);
	free(subject->text);
	jsonpath_free(subject->path);
}

void condition_free(struct condition *condition)
{
	if (!condition)
		return;
	free(condition->text);
	subject_done(&condition->subject);
	for (size_t i = 0; i < condition->choice_count; i++)
		json_decref(condition->choices[i].value);
	pattern_free(condition->pattern);
	free(condition);
}

/* ---- Extractions ---- */

static int parse_extraction(struct parser *parser, struct extraction *extraction)
{
	enum kind kind;
	size_t length;
	int r;

	skip_blanks(parser);
	length = strspn(parser->at, "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (!variable_name_valid(parser->at, length))
		return wrong(parser, "a name in small letters is wanted: token = body.token");
	memcpy(extraction->name, parser->at, length);
	parser->at += length;
	skip_blanks(parser);
	if (!take(parser, "="))
		return wrong(parser, "a \"=\" is wanted here: token = body.token");
	skip_blanks(parser);
	r = take_subject(parser, false, &extraction->subject, &kind);
	skip_blanks(parser);
	if (r == 0 && take(parser, "=~")) {
		skip_blanks(parser);
		r = take_pattern(parser, &extraction->pattern);
		skip_blanks(parser);
	}
	if (r < 0)
		return r;
	return *parser->at ? wrong(parser, "the extraction should end here") : 0;
}

int extraction_parse(const char *text, struct extraction **ret_extraction, struct error *error)
{
	struct parser parser = {.text = text, .at = text, .error = error};
	_cleanup_(extraction_freep) struct extraction *extraction = NULL;
	int r = judge_text(text, error);

	if (r < 0)
		return r;
	extraction = calloc(1, sizeof *extraction);
	if (!extraction)
		return no_memory(&parser);
	r = parse_extraction(&parser, extraction);
	if (r == 0)
		*ret_extraction = TAKE_PTR(extraction);
	return r;
}

void extraction_free(struct extraction *extraction)
{
	if (!extraction)
		return;
	subject_done(&extraction->subject);
	pattern_free(extraction->pattern);
	free(extraction);
}
