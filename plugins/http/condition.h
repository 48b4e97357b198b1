/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of an answer:
 *
 *	condition = ["not"] test
 *	test      = "has(" subject ")"
 *	          | ("all(" | "any(") "body" path [[","] "allow_empty"] ")" operator value
 *	          | "len(" subject ")" operator number
 *	          | subject operator value
 *	value     = string | number | duration | size | true | false | null | class | "[" value { [","] value } "]"
 *	subject   = status | latency["."phase] | size | sha256 | certificate.days | version | redirects | address
 *	          | "header."name | "body" | "body" path
 *	operator  = == != < <= > >= =~ !~ contains in
 *
 * path is JSONPath without its "$" (kit/jsonpath.h). A condition about something that is not there does not hold, and
 * "not" changes nothing about that.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "pattern.h"
#include "response.h"
#include "variables.h"

#include "kit/jsonpath.h"

enum {
	CONDITION_TEXT_MAX = 4096,
	CONDITION_CHOICES_MAX = 64, /* of "in" */
};

enum subject_type {
	SUBJECT_STATUS,
	SUBJECT_LATENCY,
	SUBJECT_SIZE,
	SUBJECT_SHA256,
	SUBJECT_CERTIFICATE_DAYS,
	SUBJECT_VERSION,
	SUBJECT_REDIRECTS,
	SUBJECT_ADDRESS,
	SUBJECT_HEADER,
	SUBJECT_BODY, /* as text */
	SUBJECT_PATH, /* in the body as JSON */
};

struct subject {
	enum subject_type type;
	int phase; /* of latency; PHASES: all of it */
	char *name; /* of a header */
	struct jsonpath *path;
	char *text; /* as it was written */
};

enum test {
	TEST_PLAIN,
	TEST_ALL,
	TEST_ANY,
	TEST_LEN,
	TEST_HAS,
};

enum operator{
	OPERATOR_EQUAL,
	OPERATOR_UNEQUAL,
	OPERATOR_LESS,
	OPERATOR_LESS_OR_EQUAL,
	OPERATOR_GREATER,
	OPERATOR_GREATER_OR_EQUAL,
	OPERATOR_MATCHES,
	OPERATOR_MATCHES_NOT,
	OPERATOR_CONTAINS,
	OPERATOR_IN,
};

/* What a subject is compared with. */
struct choice {
	json_t *value; /* durations in nanoseconds; NULL: a class of statuses */
	int class; /* 2 for 2xx */
};

struct condition {
	char *text; /* as it was written */
	bool negated;
	bool allow_empty;
	enum test test;
	struct subject subject;
	enum operator operator;
	struct choice choices[CONDITION_CHOICES_MAX];
	size_t choice_count;
	struct pattern *pattern;
};

/* A value to take out of an answer: NAME = subject [=~ 'pattern'], of which the first group counts. */
struct extraction {
	char name[VARIABLE_NAME_MAX + 1];
	struct subject subject;
	struct pattern *pattern; /* NULL: all of it */
};

/* 0, -EINVAL with "at N: what is wrong", -ENOMEM. */
int condition_parse(const char *text, struct condition **ret_condition, struct error *error);
void condition_free(struct condition *condition);
DEFINE_CLEANUP(struct condition *, condition_free);

int extraction_parse(const char *text, struct extraction **ret_extraction, struct error *error);
void extraction_free(struct extraction *extraction);
DEFINE_CLEANUP(struct extraction *, extraction_free);

void subject_done(struct subject *subject);

/*
 * 1: it holds. 0: it does not, and *why gets one line with both sides in it, cut, and without what must not be seen.
 * deadline: CLOCK_MONOTONIC.
 */
int condition_judge(const struct condition *condition, struct response *response,
	const struct variables *variables, int64_t deadline, struct buf *why);

/* Adds the value to out. 0, or a negative errno with the reason in error. */
int extraction_take(const struct extraction *extraction, struct response *response, int64_t deadline,
	struct buf *out, struct error *error);

#endif
