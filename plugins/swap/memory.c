/* SPDX-License-Identifier: Apache-2.0 */
/* Small values that last over swaps, in the check's key-value state. */
#include "app.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define BANS_MAX 256
#define KEY_SIZE 200

static int put(struct app *app, const char *key, const void *value, size_t size)
{
	int r = gavea_state_set(app->check, key, value, size);

	return r == 0 ? gavea_state_commit(app->check) : r;
}

/* A value that is text; false: there is none. */
static bool get(struct app *app, const char *key, char *text, size_t size)
{
	const void *value;
	size_t length;

	if (gavea_state_get(app->check, key, &value, &length) < 0 || length >= size)
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	return true;
}

/* ---- Bans ---- */

static void ban_key(const char *name, const char *digest, char key[static KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "ban/%s", *digest ? digest : name);
}

int memory_ban(struct app *app, const struct swap *swap)
{
	char key[KEY_SIZE], text[REASON_SIZE + 64], when[32];

	ban_key(swap->release, swap->digest, key);
	snprintf(text, sizeof text, "%s: %s", clock_format_utc(when, clock_unix_ms(), 0), swap->reason);
	return put(app, key, text, strlen(text));
}

int memory_unban(struct app *app, const char *name, const char *digest)
{
	char key[KEY_SIZE], text[REASON_SIZE + 64];

	ban_key(name, digest, key);
	return get(app, key, text, sizeof text) ? put(app, key, NULL, 0) : -ENOENT;
}

bool memory_is_banned(struct app *app, const char *name, const char *digest, char *why, size_t size)
{
	char key[KEY_SIZE];

	ban_key(name, digest, key);
	if (get(app, key, why, size))
		return true;
	/* Who bans a name bans it whatever its digest. */
	ban_key(name, "", key);
	return get(app, key, why, size);
}

/* ---- Sign-offs: "MILLISECONDS BY" ---- */

int memory_sign(struct app *app, const char *name, const char *by)
{
	char key[KEY_SIZE], text[BY_SIZE + 32];

	snprintf(key, sizeof key, "sign/%s", name);
	snprintf(text, sizeof text, "%" PRId64 " %s", clock_unix_ms(), by);
	return put(app, key, text, strlen(text));
}

bool memory_signed(struct app *app, const char *name, char by[static BY_SIZE], int64_t *ret_age)
{
	char key[KEY_SIZE], text[BY_SIZE + 32], *space;
	int64_t ms;

	snprintf(key, sizeof key, "sign/%s", name);
	if (!get(app, key, text, sizeof text) || !(space = strchr(text, ' ')))
		return false;
	*space = '\0';
	if (parse_int64(text, &ms) < 0 || ms > clock_unix_ms())
		return false;
	snprintf(by, BY_SIZE, "%s", space + 1);
	*ret_age = (clock_unix_ms() - ms) * NSEC_PER_MSEC;
	return true;
}

/* ---- How the last one ended: "ID STATE MILLISECONDS RELEASE REASON" ---- */

int memory_set_outcome(struct app *app, uint32_t state)
{
	const struct swap *swap = &app->swap;
	char text[REASON_SIZE + RELEASE_SIZE + 96], key[32];
	int r;

	snprintf(text, sizeof text, "%s %u %" PRId64 " %s %s", swap->id, state, clock_unix_ms(),
		swap->release, swap->reason);
	r = gavea_state_set(app->check, "outcome", text, strlen(text));
	if (r == 0 && state == STATE_DONE) {
		snprintf(key, sizeof key, "release/%s", colour_name((enum colour)swap->new));
		r = gavea_state_set(app->check, key, swap->release, strlen(swap->release));
	}
	if (r == 0)
		r = gavea_state_set(app->check, "tally", NULL, 0);
	return r == 0 ? gavea_state_commit(app->check) : r;
}

void memory_outcome(struct app *app, struct outcome *ret_outcome)
{
	char text[REASON_SIZE + RELEASE_SIZE + 96];
	int used = 0;

	*ret_outcome = (struct outcome){0};
	if (!get(app, "outcome", text, sizeof text) ||
		sscanf(text, "%32s %u %" SCNd64 " %127s %n", ret_outcome->id, &ret_outcome->state,
			&ret_outcome->ended_ms, ret_outcome->release, &used) != 4 ||
		ret_outcome->state >= STATES) {
		*ret_outcome = (struct outcome){0};
		return;
	}
	if (used > 0)
		snprintf(ret_outcome->reason, sizeof ret_outcome->reason, "%s", text + used);
}

void memory_release(struct app *app, enum colour colour, char release[static RELEASE_SIZE])
{
	char key[32];

	snprintf(key, sizeof key, "release/%s", colour_name(colour));
	if (!get(app, key, release, RELEASE_SIZE) || !release_name_is_valid(release))
		*release = '\0';
}

/* ---- The evidence of a step, which outlasts the worker ---- */

struct kept_tally {
	char id[33];
	uint32_t state, step, limits;
	int64_t looked_boot;
	char boot_id[37];
	struct counts_side sum[COLOURS], past;
	uint64_t proxied, logged;
};

void memory_keep_tally(struct app *app)
{
	struct kept_tally kept;

	memset(&kept, 0, sizeof kept);
	memcpy(kept.id, app->swap.id, sizeof kept.id);
	memcpy(kept.boot_id, app->boot_id, sizeof kept.boot_id);
	kept.state = app->swap.state;
	kept.step = app->swap.step;
	kept.limits = app->settings.limit_count;
	kept.looked_boot = app->looked_boot;
	memcpy(kept.sum, app->tally.sum, sizeof kept.sum);
	kept.past = app->past;
	kept.proxied = app->tally.proxied;
	kept.logged = app->tally.logged;
	/* That it can't be kept costs a hold that begins anew after a crash. */
	(void)put(app, "tally", &kept, sizeof kept);
}

void memory_tally(struct app *app)
{
	const void *value;
	struct kept_tally kept;
	size_t size;

	if (gavea_state_get(app->check, "tally", &value, &size) < 0 || size != sizeof kept)
		return;
	memcpy(&kept, value, sizeof kept);
	if (memcmp(kept.id, app->swap.id, sizeof kept.id) != 0 || kept.limits != app->settings.limit_count)
		return;
	app->past = kept.past;
	if (kept.state != app->swap.state || kept.step != app->swap.step ||
		memcmp(kept.boot_id, app->boot_id, sizeof kept.boot_id) != 0)
		return;
	memcpy(app->tally.sum, kept.sum, sizeof kept.sum);
	app->tally.proxied = kept.proxied;
	app->tally.logged = kept.logged;
	app->looked_boot = kept.looked_boot;
}
