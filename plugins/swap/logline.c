/* SPDX-License-Identifier: Apache-2.0 */
#include "logline.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

/* Times of a day and more are nobody's; and sums of a few don't overflow. */
#define WAIT_MAX (100000 * NSEC_PER_SEC)

enum field {
	FIELD_B,
	FIELD_S,
	FIELD_ST,
	FIELD_TS,
	FIELD_TW,
	FIELD_TC,
	FIELD_TR,
	FIELD_RC,
	FIELD_US,
	FIELD_UT,
	FIELDS
};

struct fields {
	struct logtext value[FIELDS];
	unsigned present; /* a bit a field */
};

struct cursor {
	const char *at;
	const char *end;
};

static bool next_is(struct cursor *c, char wanted)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
	if (c->at >= c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* Behind the opening quote. */
static bool read_string(struct cursor *c, struct logtext *ret_text)
{
	const char *start = c->at;

	for (; c->at < c->end; c->at++) {
		if (*c->at == '"') {
			*ret_text = (struct logtext){start, (size_t)(c->at - start)};
			c->at++;
			return true;
		}
		if (*c->at == '\\')
			c->at++;
		else if ((unsigned char)*c->at < 0x20)
			return false;
	}
	return false;
}

static bool word_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
		c == 'E';
}

/* A number, true, false or null, as the bytes they are. */
static bool read_word(struct cursor *c, struct logtext *ret_text)
{
	const char *start = c->at;

	while (c->at < c->end && word_character(*c->at))
		c->at++;
	*ret_text = (struct logtext){start, (size_t)(c->at - start)};
	return c->at > start;
}

static int field_of(const struct logtext *name)
{
	static const char names[FIELDS][3] = {"b", "s", "st", "ts", "tw", "tc", "tr", "rc", "us", "ut"};

	if (name->size == 1)
		return name->at[0] == 'b' ? FIELD_B : name->at[0] == 's' ? FIELD_S : FIELDS;
	for (int i = FIELD_ST; name->size == 2 && i < FIELDS; i++)
		if (name->at[0] == names[i][0] && name->at[1] == names[i][1])
			return i;
	return FIELDS;
}

static bool read_member(struct cursor *c, struct fields *fields)
{
	struct logtext name, value;
	int field;

	if (!next_is(c, '"') || !read_string(c, &name) || !next_is(c, ':'))
		return false;
	if (next_is(c, '"') ? !read_string(c, &value) : !read_word(c, &value))
		return false;
	field = field_of(&name);
	if (field < FIELDS) {
		/* Two of one name: somebody smuggles. */
		if (fields->present & 1u << field)
			return false;
		fields->present |= 1u << field;
		fields->value[field] = value;
	}
	return true;
}

static bool read_object(struct cursor *c, struct fields *fields)
{
	if (!next_is(c, '{'))
		return false;
	do {
		if (!read_member(c, fields))
			return false;
	} while (next_is(c, ','));
	if (!next_is(c, '}'))
		return false;
	while (c->at < c->end && (*c->at == '\n' || *c->at == '\r' || *c->at == ' ' || *c->at == '\0'))
		c->at++;
	return c->at == c->end;
}

/* "12", "-1", and "+12" of HAProxy's logasap. */
static bool read_integer(const struct logtext *text, int64_t *ret_value)
{
	bool negative = text->size && text->at[0] == '-';
	size_t i = text->size && (negative || text->at[0] == '+');
	int64_t value = 0;

	if (i == text->size || text->size - i > 15)
		return false;
	for (; i < text->size; i++) {
		if (text->at[i] < '0' || text->at[i] > '9')
			return false;
		value = value * 10 + (text->at[i] - '0');
	}
	*ret_value = negative ? -value : value;
	return true;
}

/* A field in milliseconds; one that is missing counts as 0. */
static bool read_milliseconds(const struct fields *fields, enum field field, int64_t *ret_ns)
{
	int64_t value = 0;

	if (fields->present & 1u << field && !read_integer(&fields->value[field], &value))
		return false;
	*ret_ns = value < 0 ? -1 : value > WAIT_MAX / NSEC_PER_MSEC ? WAIT_MAX : value * NSEC_PER_MSEC;
	return true;
}

static bool has(const char *set, char c)
{
	return c && strchr(set, c);
}

/* See "Session state at disconnection" in HAProxy's configuration manual. */
static void judge_end(struct logline *line, int64_t status, char who, char when)
{
	bool client = has("Cc", who), answering = when == 'D' || when == 'L';
	/* In the middle of an answer that began well. A tunnel (101) ends like that as it should. */
	bool cut = answering && status != 101 && has("SsPDKIR", who);

	line->failed = status >= 500 || (!client && (status < 100 || cut));
	line->aborted = client && !line->failed;
	line->local = !line->failed && has("PL", who) && line->wait < 0;
}

static bool judge_haproxy(const struct fields *fields, int64_t status, struct logline *line)
{
	const struct logtext *end = &fields->value[FIELD_TS], *retries = &fields->value[FIELD_RC];
	int64_t queue, connect, answer;

	if (end->size < 2 || !(fields->present & 1u << FIELD_TR))
		return false;
	if (!read_milliseconds(fields, FIELD_TW, &queue) || !read_milliseconds(fields, FIELD_TC, &connect) ||
		!read_milliseconds(fields, FIELD_TR, &answer))
		return false;
	line->wait = answer < 0 ? -1 : (queue > 0 ? queue : 0) + (connect > 0 ? connect : 0) + answer;
	line->redispatched = retries->size && retries->at[0] == '+';
	judge_end(line, status, end->at[0], end->at[1]);
	/* No answer of a server, and no client or rule that explains it. */
	if (line->wait < 0 && !line->aborted && !line->local)
		line->failed = true;
	return true;
}

/* Seconds with up to three decimals, or "-" for none: "0.012". */
static bool read_seconds(const struct logtext *text, int64_t *ret_ns)
{
	int64_t value = 0, unit = NSEC_PER_SEC;
	bool point = false;

	*ret_ns = -1;
	if (text->size == 0 || (text->size == 1 && text->at[0] == '-'))
		return true;
	if (text->size > 15)
		return false;
	for (size_t i = 0; i < text->size; i++) {
		char c = text->at[i];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
		if (point)
			unit /= 10;
	}
	if (!unit)
		return false;
	*ret_ns = value < WAIT_MAX / unit ? value * unit : WAIT_MAX;
	return true;
}

static struct cursor cursor_over(const struct logtext *text)
{
	const char *at = text->at ? text->at : "";

	return (struct cursor){at, at + text->size};
}

/* The next of a list that nginx separates by ", " and, over internal redirects, " : ". */
static bool next_part(struct cursor *c, struct logtext *ret_part)
{
	if (c->at >= c->end)
		return false;
	ret_part->at = c->at;
	while (c->at < c->end && *c->at != ',' && *c->at != ' ')
		c->at++;
	ret_part->size = (size_t)(c->at - ret_part->at);
	while (c->at < c->end && (*c->at == ',' || *c->at == ' ' || *c->at == ':'))
		c->at++;
	return true;
}

static bool read_attempts(const struct logtext *text, int *ret_count)
{
	struct cursor c = cursor_over(text);
	struct logtext part;
	int64_t status;

	for (*ret_count = 0; next_part(&c, &part); ++*ret_count)
		if (!(part.size == 1 && part.at[0] == '-') && !read_integer(&part, &status))
			return false;
	return true;
}

static bool read_times(const struct logtext *text, int64_t *ret_ns)
{
	struct cursor c = cursor_over(text);
	struct logtext part;
	int64_t sum = -1, ns;

	while (next_part(&c, &part)) {
		if (!read_seconds(&part, &ns))
			return false;
		if (ns >= 0)
			sum = (sum > 0 ? sum : 0) + (sum > WAIT_MAX ? 0 : ns);
	}
	*ret_ns = sum;
	return true;
}

static bool judge_nginx(const struct fields *fields, int64_t status, struct logline *line)
{
	int attempts;

	if (!read_attempts(&fields->value[FIELD_US], &attempts) ||
		!read_times(&fields->value[FIELD_UT], &line->wait))
		return false;
	/* Another upstream is only asked when the one before failed. */
	line->redispatched = attempts > 1;
	line->aborted = status == 499;
	line->failed = status >= 500 || status < 100;
	line->local = !line->failed && line->wait < 0;
	return true;
}

int logline_parse(const char *line, size_t size, struct logline *ret_line)
{
	const char *brace = size <= LOGLINE_MAX ? memchr(line, '{', size) : NULL;
	struct cursor c = {brace, line + size};
	struct fields fields = {0};
	struct logline found = {0};
	int64_t status;
	bool good;

	if (!brace || !read_object(&c, &fields))
		return -EBADMSG;
	if (!(fields.present & 1u << FIELD_B) || !(fields.present & 1u << FIELD_ST))
		return -EBADMSG;
	if (!read_integer(&fields.value[FIELD_ST], &status))
		return -EBADMSG;
	found.backend = fields.value[FIELD_B];
	found.server = fields.value[FIELD_S];
	if (fields.present & 1u << FIELD_TS)
		good = judge_haproxy(&fields, status, &found);
	else
		good = fields.present & 1u << FIELD_US && judge_nginx(&fields, status, &found);
	if (!good)
		return -EBADMSG;
	*ret_line = found;
	return 0;
}
