/* SPDX-License-Identifier: Apache-2.0 */
#include "condition.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#define SHOWN_MAX 120 /* bytes of a value */
#define FAULTS_SHOWN 3 /* of all() */

struct judging {
	const struct condition *condition;
	struct response *response;
	const struct variables *variables;
	int64_t deadline;
	struct buf *why;
};

/* Says why something cannot be judged, which is as good as false. */
static int fault(struct judging *judging, const char *text)
{
	variables_show(judging->variables, text, strlen(text), 512, judging->why);
	return -ENODATA;
}

/* ---- Values of subjects ---- */

static json_t *sha256_of(const struct buf *body)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned size = 0;

	if (EVP_Digest(body->data ? body->data : "", body->size, digest, &size, EVP_sha256(), NULL) != 1)
		return NULL;
	for (unsigned i = 0; i < size; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
	return json_string(text);
}

/* What a subject other than a path is; NULL with a reason when there is nothing of the kind. */
static json_t *subject_value(
	const struct subject *subject, struct response *response, const char **ret_reason)
{
	const char *header;

	*ret_reason = "out of memory";
	switch (subject->type) {
	case SUBJECT_STATUS:
		return json_integer(response->status);
	case SUBJECT_LATENCY:
		return json_integer(
			subject->phase == PHASES ? response->total : response->phases[subject->phase]);
	case SUBJECT_SIZE:
		return json_integer((json_int_t)response->body.size);
	case SUBJECT_SHA256:
		return sha256_of(&response->body);
	case SUBJECT_CERTIFICATE_DAYS:
		*ret_reason = "there is no certificate: the answer did not come by TLS";
		return response->leaf_expiry ? json_real((double)(response->leaf_expiry - time(NULL)) / 86400)
					     : NULL;
	case SUBJECT_VERSION:
		return json_string(response->version);
	case SUBJECT_REDIRECTS:
		return json_integer(response->redirects);
	case SUBJECT_ADDRESS:
		return json_string(response->address);
	case SUBJECT_HEADER:
		header = response_header(response, subject->name);
		*ret_reason = "the answer has no such header";
		return header ? json_stringn_nocheck(header, strlen(header)) : NULL;
	case SUBJECT_BODY:
		return json_stringn_nocheck(
			response->body.data ? response->body.data : "", response->body.size);
	case SUBJECT_PATH:
		break;
	}
	return NULL;
}

static int select_nodes(const struct subject *subject, struct response *response, int64_t deadline,
	unsigned flags, struct jsonpath_nodes *ret_nodes, struct error *error)
{
	struct jsonpath_request request = {.root_name = "body", .flags = flags, .deadline = deadline};

	request.root = response_json(response, error);
	if (!request.root)
		return -EBADMSG;
	return jsonpath_select(subject->path, &request, ret_nodes, error);
}

/* ---- Showing ---- */

static void add_number(const struct subject *subject, const json_t *value, struct buf *out)
{
	char text[32];

	if (subject->type == SUBJECT_LATENCY && json_integer_value(value) < NSEC_PER_SEC)
		buf_printf(out, "%.1f ms", (double)json_integer_value(value) / 1e6);
	else if (subject->type == SUBJECT_LATENCY)
		buf_printf(out, "%.2f s", (double)json_integer_value(value) / 1e9);
	else if (subject->type == SUBJECT_SIZE)
		buf_printf(out, "%s", format_size(text, (uint64_t)json_integer_value(value)));
	else if (subject->type == SUBJECT_CERTIFICATE_DAYS)
		buf_printf(out, "%.1f", json_real_value(value));
	else if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else
		buf_printf(out, "%.10g", json_real_value(value));
}

/* A value as JSON would write it, cut. */
static void add_value(struct judging *judging, const json_t *value)
{
	_cleanup_buf_ struct buf number = BUF_INIT;
	struct buf *why = judging->why;

	switch (json_typeof(value)) {
	case JSON_STRING:
		buf_add_char(why, '"');
		variables_show(judging->variables, json_string_value(value), json_string_length(value),
			SHOWN_MAX, why);
		buf_add_char(why, '"');
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		add_number(&judging->condition->subject, value, &number);
		variables_show(judging->variables, buf_str(&number), number.size, SHOWN_MAX, why);
		break;
	case JSON_OBJECT:
		buf_printf(why, "an object of %zu members", json_object_size(value));
		break;
	case JSON_ARRAY:
		buf_printf(why, "an array of %zu elements", json_array_size(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		buf_add_str(why, json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false");
		break;
	}
}

/* ---- Comparing ---- */

static int order(const json_t *left, const json_t *right)
{
	size_t left_size, right_size;
	int r;

	if (json_is_number(left)) {
		long double a = json_is_integer(left) ? (long double)json_integer_value(left)
						      : (long double)json_real_value(left);
		long double b = json_is_integer(right) ? (long double)json_integer_value(right)
						       : (long double)json_real_value(right);

		return (a > b) - (a < b);
	}
	left_size = json_string_length(left);
	right_size = json_string_length(right);
	r = memcmp(json_string_value(left), json_string_value(right), MIN(left_size, right_size));
	return r ? r : (left_size > right_size) - (left_size < right_size);
}

static bool comparable(const json_t *left, const json_t *right)
{
	return (json_is_number(left) && json_is_number(right)) ||
		(json_is_string(left) && json_is_string(right));
}

static bool equal(const json_t *value, const struct choice *choice)
{
	if (!choice->value)
		return json_integer_value(value) / 100 == choice->class;
	if (comparable(value, choice->value))
		return order(value, choice->value) == 0;
	return json_typeof(value) == json_typeof(choice->value) && !json_is_number(value) &&
		!json_is_string(value);
}

/* Headers and the body are text, but may be compared with numbers: a number is made of them. */
static json_t *as_number(const json_t *value)
{
	char text[64];
	double number;

	if (json_string_length(value) >= sizeof text)
		return NULL;
	snprintf(text, sizeof text, "%s", json_string_value(value));
	text[strcspn(text, "\r\n")] = '\0';
	return parse_double(text, &number) == 0 ? json_real(number) : NULL;
}

static int ordered(struct judging *judging, const json_t *value, const json_t *other)
{
	int r;

	if (!comparable(value, other)) {
		buf_add_str(judging->why, "is ");
		add_value(judging, value);
		buf_add_str(judging->why, json_is_number(other) ? ", not a number" : ", not a string");
		return -ENODATA;
	}
	r = order(value, other);
	switch (judging->condition->operator) {
	case OPERATOR_LESS:
		return r < 0;
	case OPERATOR_LESS_OR_EQUAL:
		return r <= 0;
	case OPERATOR_GREATER:
		return r > 0;
	default:
		return r >= 0;
	}
}

static int matches(struct judging *judging, const json_t *value)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct condition *condition = judging->condition;
	int r;

	if (!json_is_string(value)) {
		buf_add_str(judging->why, "is ");
		add_value(judging, value);
		buf_add_str(judging->why, ", not a string");
		return -ENODATA;
	}
	if (condition->operator== OPERATOR_CONTAINS) {
		const json_t *part = condition->choices[0].value;

		return memmem(json_string_value(value), json_string_length(value), json_string_value(part),
			       json_string_length(part)) != NULL;
	}
	r = pattern_search(
		condition->pattern, json_string_value(value), json_string_length(value), NULL, NULL, &error);
	if (r < 0)
		return fault(judging, error_text(&error, r));
	return condition->operator== OPERATOR_MATCHES ? r : !r;
}

static int compare_choices(struct judging *judging, const json_t *value)
{
	const struct condition *condition = judging->condition;
	bool found = false;

	if (condition->operator!= OPERATOR_EQUAL && condition->operator!= OPERATOR_UNEQUAL && condition->
		operator!= OPERATOR_IN)
		return ordered(judging, value, condition->choices[0].value);
	for (size_t i = 0; i < condition->choice_count && !found; i++)
		found = equal(value, &condition->choices[i]);
	return condition->operator== OPERATOR_UNEQUAL ? !found : found;
}

/* 1, 0, or negative with a reason in why. text: value is a header or the body. */
static int compare(struct judging *judging, const json_t *value, bool text)
{
	const struct condition *condition = judging->condition;
	json_t *number;
	int r;

	if (condition->operator>= OPERATOR_MATCHES && condition->operator<= OPERATOR_CONTAINS)
		return matches(judging, value);
	if (!text || !condition->choices[0].value || !json_is_number(condition->choices[0].value))
		return compare_choices(judging, value);
	number = as_number(value);
	if (!number) {
		buf_add_str(judging->why, "is ");
		add_value(judging, value);
		buf_add_str(judging->why, ", not a number");
		return -ENODATA;
	}
	r = compare_choices(judging, number);
	json_decref(number);
	return r;
}

/* ---- Tests ---- */

static size_t characters(const json_t *string)
{
	const char *text = json_string_value(string);
	size_t size = json_string_length(string), count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void say_is(struct judging *judging, const json_t *value)
{
	buf_add_str(judging->why, "is ");
	add_value(judging, value);
}

static int judge_simple(struct judging *judging)
{
	const struct subject *subject = &judging->condition->subject;
	const char *reason;
	json_t *value = subject_value(subject, judging->response, &reason);
	bool text = subject->type == SUBJECT_HEADER || subject->type == SUBJECT_BODY;
	int r;

	if (judging->condition->test == TEST_HAS) {
		if (!value)
			buf_add_str(judging->why, reason);
		json_decref(value);
		return value != NULL;
	}
	if (!value)
		return fault(judging, reason);
	if (judging->condition->test == TEST_LEN) {
		json_t *length = json_integer((json_int_t)characters(value));

		json_decref(value);
		value = length;
		text = false;
	}
	r = value ? compare(judging, value, text) : -ENOMEM;
	if (r >= 0)
		say_is(judging, value);
	json_decref(value);
	return r;
}

static int judge_one(struct judging *judging, const struct jsonpath_nodes *nodes)
{
	int r;

	if (nodes->count == 0)
		return fault(judging, "there is nothing of that name");
	if (nodes->count > 1) {
		buf_printf(judging->why, "selects %zu values: say all(), any() or len()", nodes->count);
		return -ENODATA;
	}
	r = compare(judging, nodes->list[0].value, false);
	if (r >= 0)
		say_is(judging, nodes->list[0].value);
	return r;
}

/* How long the one value is, or how many there are of a path that may select several. */
static int judge_len(struct judging *judging, const struct jsonpath_nodes *nodes)
{
	const json_t *value = nodes->count ? nodes->list[0].value : NULL;
	size_t length = nodes->count;
	json_t *number;
	int r;

	if (jsonpath_singular(judging->condition->subject.path)) {
		if (!value)
			return fault(judging, "there is nothing of that name");
		if (!json_is_array(value) && !json_is_object(value) && !json_is_string(value)) {
			say_is(judging, value);
			buf_add_str(judging->why, ", which has no length");
			return -ENODATA;
		}
		length = json_is_array(value)   ? json_array_size(value)
			: json_is_object(value) ? json_object_size(value)
						: characters(value);
	}
	number = json_integer((json_int_t)length);
	r = number ? compare(judging, number, false) : -ENOMEM;
	if (r >= 0)
		say_is(judging, number);
	json_decref(number);
	return r;
}

static void say_node(struct judging *judging, const struct jsonpath_node *node)
{
	_cleanup_buf_ struct buf place = BUF_INIT;

	jsonpath_add_place(&place, "body", node);
	variables_show(judging->variables, buf_str(&place), place.size, SHOWN_MAX, judging->why);
	buf_add_char(judging->why, ' ');
	say_is(judging, node->value);
}

/* all() and any(): how many hold, and the first that do not. */
static int judge_several(struct judging *judging, const struct jsonpath_nodes *nodes)
{
	bool all = judging->condition->test == TEST_ALL;
	size_t good = 0, shown = 0;

	if (nodes->count == 0 && !(all && judging->condition->allow_empty))
		return fault(judging,
			all ? "there is nothing to judge (allow_empty would allow that)"
			    : "there is nothing to judge");
	for (size_t i = 0; i < nodes->count; i++) {
		struct buf *why = judging->why;
		size_t before = why->size;
		int r = compare(judging, nodes->list[i].value, false);

		why->size = before;
		good += r == 1;
		if (r == 1 || shown == FAULTS_SHOWN)
			continue;
		buf_add_str(why, shown++ ? ", " : "");
		say_node(judging, &nodes->list[i]);
	}
	buf_printf(judging->why, "%s%zu of %zu", shown ? "; true of " : "true of ", good, nodes->count);
	return all ? good == nodes->count : good > 0;
}

static int judge_path(struct judging *judging)
{
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct condition *condition = judging->condition;
	unsigned flags = condition->test != TEST_ALL
		? 0
		: JSONPATH_COMPLETE | (condition->allow_empty ? JSONPATH_EMPTY : 0);
	int r = select_nodes(
		&condition->subject, judging->response, judging->deadline, flags, &nodes, &error);

	if (r < 0)
		return fault(judging, error_text(&error, r));
	switch (condition->test) {
	case TEST_PLAIN:
		return judge_one(judging, &nodes);
	case TEST_LEN:
		return judge_len(judging, &nodes);
	case TEST_HAS:
		buf_add_str(judging->why, nodes.count ? "it is there" : "there is nothing of that name");
		return nodes.count > 0;
	case TEST_ALL:
	case TEST_ANY:
		break;
	}
	return judge_several(judging, &nodes);
}

int condition_judge(const struct condition *condition, struct response *response,
	const struct variables *variables, int64_t deadline, struct buf *why)
{
	_cleanup_buf_ struct buf reason = BUF_INIT;
	struct judging judging = {.condition = condition,
		.response = response,
		.variables = variables,
		.deadline = deadline,
		.why = &reason};
	int r = condition->subject.type == SUBJECT_PATH ? judge_path(&judging) : judge_simple(&judging);

	if (r >= 0 && condition->negated)
		r = !r;
	if (r == 1)
		return 1;
	variables_show(variables, condition->text, strlen(condition->text), 200, why);
	buf_printf(why, ": %s", reason.size ? buf_str(&reason) : "it is there");
	return 0;
}

/* ---- Extractions ---- */

/* A value as text: strings as they are, the rest as JSON. */
static int add_text(const json_t *value, struct buf *out, struct error *error)
{
	char *dumped;

	if (json_is_null(value))
		return error_set(error, -ENODATA, "it is null");
	if (json_is_string(value)) {
		buf_add(out, json_string_value(value), json_string_length(value));
	} else {
		dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (!dumped)
			return error_set(error, -ENOMEM, "out of memory");
		buf_add_str(out, dumped);
		free(dumped);
	}
	return buf_error(out) ? error_set(error, -ENOMEM, "out of memory") : 0;
}

static int extract_path(const struct extraction *extraction, struct response *response, int64_t deadline,
	struct buf *out, struct error *error)
{
	_cleanup_(jsonpath_nodes_done) struct jsonpath_nodes nodes = {0};
	int r = select_nodes(&extraction->subject, response, deadline, 0, &nodes, error);

	if (r < 0)
		return r;
	if (nodes.count != 1)
		return error_set(error, -ENODATA,
			nodes.count ? "it selects %zu values, not one" : "there is nothing of that name",
			nodes.count);
	return add_text(nodes.list[0].value, out, error);
}

static int extract_simple(
	const struct extraction *extraction, struct response *response, struct buf *out, struct error *error)
{
	const char *reason;
	json_t *value = subject_value(&extraction->subject, response, &reason);
	int r = value ? add_text(value, out, error) : error_set(error, -ENODATA, "%s", reason);

	json_decref(value);
	return r;
}

int extraction_take(const struct extraction *extraction, struct response *response, int64_t deadline,
	struct buf *out, struct error *error)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;
	size_t start = 0, size;
	int r = extraction->subject.type == SUBJECT_PATH
		? extract_path(extraction, response, deadline, &whole, error)
		: extract_simple(extraction, response, &whole, error);

	if (r < 0)
		return r;
	size = whole.size;
	if (extraction->pattern) {
		r = pattern_search(extraction->pattern, buf_str(&whole), whole.size, &start, &size, error);
		if (r <= 0)
			return r < 0
				? r
				: error_set(error, -ENODATA, "the regular expression matches nothing in it");
	}
	if (size > VARIABLE_VALUE_MAX)
		return error_set(error, -E2BIG, "it has more than 64 KiB");
	if (memchr(buf_str(&whole) + start, 0, size))
		return error_set(error, -EINVAL, "it has a NUL byte in it");
	buf_add(out, buf_str(&whole) + start, size);
	return buf_error(out) ? error_set(error, -ENOMEM, "out of memory") : 0;
}
