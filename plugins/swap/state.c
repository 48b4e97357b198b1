/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define TIME_MOST (INT64_MAX / 8)
#define MAGIC "gavea-swap 1\n"

const char *state_name(uint32_t state)
{
	static const char *const names[STATES] = {"IDLE", "PRECHECK", "STAGED", "MIGRATE", "STARTED", "SMOKE",
		"SHIFT", "HOLD", "DRAIN", "BAKE", "FINALIZE", "ROLLING_BACK", "FROZEN", "DONE",
		"ROLLED_BACK"};

	return state < STATES ? names[state] : "?";
}

static const char *const strategies[STRATEGIES] = {"blue_green", "canary", "rolling"};

const char *strategy_name(uint32_t strategy)
{
	return strategy < STRATEGIES ? strategies[strategy] : "?";
}

int strategy_from_name(const char *name)
{
	for (int i = 0; i < STRATEGIES; i++)
		if (streq(name, strategies[i]))
			return i;
	return -EINVAL;
}

bool state_is_exposed(uint32_t state)
{
	return state == STATE_SHIFT || state == STATE_HOLD;
}

bool release_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= RELEASE_SIZE || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._+-", name[i]))
			return false;
	return true;
}

/* ---- Encoding: a line "NAME VALUE" a field ---- */

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_TIME, FIELD_FLAG };

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	size_t limit; /* text: its room; number: how many values there are, 0: any */
};

#define TEXT(member) \
	{ \
#member, FIELD_TEXT, offsetof(struct swap, member), sizeof(((struct swap *)0)->member) \
	}
#define NUMBER(member, count) \
	{ \
#member, FIELD_NUMBER, offsetof(struct swap, member), count \
	}
#define TIME(member) \
	{ \
#member, FIELD_TIME, offsetof(struct swap, member), 0 \
	}
#define FLAG(member) \
	{ \
#member, FIELD_FLAG, offsetof(struct swap, member), 0 \
	}

static const struct field fields[] = {
	TEXT(id),
	TEXT(release),
	TEXT(digest),
	TEXT(by),
	NUMBER(strategy, STRATEGIES),
	NUMBER(old, COLOURS),
	NUMBER(new, COLOURS),
	TEXT(before),
	TIME(started_ms),
	NUMBER(state, STATES),
	NUMBER(part, PARTS),
	NUMBER(step, 0),
	NUMBER(share, 10001),
	NUMBER(hook, 0),
	NUMBER(attempt, 0),
	FLAG(asking),
	NUMBER(reached, STATES),
	NUMBER(restarts, 0),
	TEXT(begun_boot_id),
	TEXT(boot_id),
	TIME(entered_boot),
	TIME(entered_ms),
	TIME(deadline_boot),
	TIME(deadline_ms),
	NUMBER(wish, WISHES),
	TEXT(wish_by),
	FLAG(paused),
	TEXT(paused_by),
	TIME(paused_boot),
	TEXT(reason),
	NUMBER(frozen_in, STATES),
	FLAG(ban),
	FLAG(irreversible),
	NUMBER(recoveries, 0),
	TIME(recovered_ms),
	TIME(token),
	TEXT(next_release),
	TEXT(next_digest),
	TEXT(next_by),
};

static void encode_field(const struct swap *swap, const struct field *field, struct buf *out)
{
	const char *at = (const char *)swap + field->offset;

	buf_printf(out, "%s ", field->name);
	if (field->type == FIELD_TEXT)
		for (; *at; at++)
			buf_add_char(out, iscntrl((unsigned char)*at) ? ' ' : *at);
	else if (field->type == FIELD_NUMBER)
		buf_printf(out, "%" PRIu32, *(const uint32_t *)(const void *)at);
	else if (field->type == FIELD_TIME)
		buf_printf(out, "%" PRId64, *(const int64_t *)(const void *)at);
	else
		buf_add_char(out, *(const bool *)at ? '1' : '0');
	buf_add_char(out, '\n');
}

void state_encode(const struct swap *swap, struct buf *out)
{
	buf_add_str(out, MAGIC);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		encode_field(swap, &fields[i], out);
}

static int bad(const struct field *field, struct error *error)
{
	return error_set(error, -EBADMSG, "the journal's step has no valid \"%s\"", field->name);
}

static int decode_number(struct swap *swap, const struct field *field, const char *text)
{
	char *at = (char *)swap + field->offset;
	uint64_t number;

	if (field->type == FIELD_TIME)
		return parse_int64(text, (int64_t *)(void *)at);
	if (parse_uint64(text, &number) < 0 || number > UINT32_MAX)
		return -EINVAL;
	if (field->type == FIELD_FLAG) {
		if (number > 1)
			return -EINVAL;
		*(bool *)at = number == 1;
		return 0;
	}
	if (field->limit && number >= field->limit)
		return -EINVAL;
	*(uint32_t *)(void *)at = (uint32_t)number;
	return 0;
}

/* Reads the field at *text and moves behind its line. */
static int decode_field(struct swap *swap, const struct field *field, char **text, struct error *error)
{
	size_t length = strlen(field->name);
	char *value = *text + length + 1, *end = strchr(*text, '\n');

	if (!end || strncmp(*text, field->name, length) != 0 || (*text)[length] != ' ' || value > end)
		return bad(field, error);
	*end = '\0';
	*text = end + 1;
	if (field->type != FIELD_TEXT)
		return decode_number(swap, field, value) < 0 ? bad(field, error) : 0;
	if ((size_t)(end - value) >= field->limit || !utf8_valid(value, (size_t)(end - value)))
		return bad(field, error);
	memcpy((char *)swap + field->offset, value, (size_t)(end - value) + 1);
	return 0;
}

static bool is_hex(const char *text, size_t length)
{
	return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

/* So that no difference of two overflows. */
static bool is_time(int64_t time)
{
	return time >= -TIME_MOST && time <= TIME_MOST;
}

static int judge(const struct swap *swap, struct error *error)
{
	if (!is_hex(swap->id, 32))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"id\"");
	if (!release_name_is_valid(swap->release) ||
		(*swap->before && !release_name_is_valid(swap->before)) ||
		(*swap->next_release && !release_name_is_valid(swap->next_release)))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"release\"");
	if ((*swap->digest && !is_hex(swap->digest, 64)) ||
		(*swap->next_digest && !is_hex(swap->next_digest, 64)))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"digest\"");
	if (!is_time(swap->entered_boot) || !is_time(swap->entered_ms) ||
		swap->deadline_boot < swap->entered_boot ||
		(swap->deadline_boot != INT64_MAX && !is_time(swap->deadline_boot)))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"entered_boot\"");
	if (!is_time(swap->paused_boot) || !is_time(swap->started_ms) || !is_time(swap->recovered_ms))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"started_ms\"");
	if ((swap->old == swap->new) != (swap->strategy == STRATEGY_ROLLING))
		return error_set(error, -EBADMSG, "the journal's step has no valid \"new\"");
	return 0;
}

int state_decode(const void *bytes, size_t size, struct swap *ret_swap, struct error *error)
{
	_cleanup_free_ char *copy = NULL;
	struct swap swap = {0};
	char *text;
	int r = 0;

	if (size > STATE_SIZE_MAX || size < strlen(MAGIC) || memcmp(bytes, MAGIC, strlen(MAGIC)) != 0 ||
		memchr(bytes, '\0', size))
		return error_set(error, -EBADMSG, "the journal's step is not a swap of this version");
	copy = strndup(bytes, size);
	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	text = copy + strlen(MAGIC);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fields); i++)
		r = decode_field(&swap, &fields[i], &text, error);
	if (r == 0 && *text)
		r = error_set(error, -EBADMSG, "the journal's step has something behind its end");
	if (r == 0)
		r = judge(&swap, error);
	if (r < 0)
		return r;
	*ret_swap = swap;
	return 0;
}

/* ---- Times ---- */

static int64_t later(int64_t time, int64_t by)
{
	return time > INT64_MAX - by ? INT64_MAX : time + by;
}

void state_enter(struct swap *swap, uint32_t state, uint32_t part, int64_t timeout, int64_t now_boot,
	int64_t now_ms, const char *boot_id)
{
	if (state != swap->state) {
		swap->recoveries = 0;
		swap->hook = swap->attempt = 0;
		swap->asking = false;
	}
	swap->state = state;
	swap->part = part;
	swap->entered_boot = now_boot;
	swap->entered_ms = now_ms;
	swap->deadline_boot = later(now_boot, timeout);
	swap->deadline_ms = timeout == INT64_MAX ? INT64_MAX : later(now_ms, timeout / NSEC_PER_MSEC);
	memset(swap->boot_id, 0, sizeof swap->boot_id);
	memcpy(swap->boot_id, boot_id, MIN(strlen(boot_id), sizeof swap->boot_id - 1));
}

void state_rebase(struct swap *swap, int64_t now_boot, int64_t now_ms, const char *boot_id)
{
	int64_t whole, gone, passed_ms;

	if (streq(swap->boot_id, boot_id))
		return;
	whole = swap->deadline_boot == INT64_MAX ? INT64_MAX : swap->deadline_boot - swap->entered_boot;
	/* The wall clock may have been set meanwhile: what it says counts within reason only. */
	passed_ms = MAX(now_ms - swap->entered_ms, INT64_C(0));
	gone = passed_ms > TIME_MOST / NSEC_PER_MSEC ? TIME_MOST : passed_ms * NSEC_PER_MSEC;
	swap->entered_boot = now_boot - gone;
	if (whole != INT64_MAX)
		swap->deadline_boot = later(now_boot, MAX(whole - gone, INT64_C(0)));
	if (swap->paused)
		swap->paused_boot = swap->entered_boot;
	snprintf(swap->boot_id, sizeof swap->boot_id, "%s", boot_id);
}
