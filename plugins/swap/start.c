/* SPDX-License-Identifier: Apache-2.0 */
/* What a new swap is made from. */
#include "app.h"

#include "base/clock.h"
#include "base/random.h"

#include <errno.h>
#include <stdio.h>

static void hex_of(const struct release *release, char text[static 65])
{
	*text = '\0';
	for (int i = 0; release->has_digest && i < DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", release->digest[i]);
}

/* The colour that serves by what the proxy says. */
static int serving(const struct app *app, enum colour *ret_colour, struct error *error)
{
	const struct world *world = &app->world;

	if (!world->traffic_seen)
		return error_set(error, -EIO, "the proxy can't be seen: %s", world->traffic_error);
	if (world->traffic.share == 0)
		*ret_colour = COLOUR_BLUE;
	else if (world->traffic.share == SHARE_ALL)
		*ret_colour = COLOUR_GREEN;
	else if (world->traffic.share == SHARE_UNKNOWN)
		return error_set(
			error, -EIO, "the proxy does not tell what share of the requests green gets");
	else
		return error_set(error, -EBUSY,
			"green gets %u.%02u %% of the requests: which colour is the old one can't be told; "
			"send all to one "
			"colour first",
			world->traffic.share / 100, world->traffic.share % 100);
	return 0;
}

int app_prepare(struct app *app, const char *name, const char *digest, const char *by, struct swap *ret_swap,
	struct error *error)
{
	const struct settings *settings = &app->settings;
	struct swap swap = {.strategy = settings->strategy};
	enum colour old = COLOUR_BLUE;
	struct release release;
	int r;

	if (str_empty(name))
		return error_set(error, -EINVAL, "which release? release=NAME");
	r = release_parse(name, digest, &settings->release, &release, error);
	if (r == 0 && settings->strategy != STRATEGY_ROLLING)
		r = serving(app, &old, error);
	if (r < 0)
		return r;
	random_id(swap.id);
	snprintf(swap.release, sizeof swap.release, "%s", release.name);
	hex_of(&release, swap.digest);
	snprintf(swap.by, sizeof swap.by, "%s", str_empty(by) ? "somebody" : by);
	swap.old = old;
	swap.new = settings->strategy == STRATEGY_ROLLING ? old : colour_other(old);
	memory_release(app, old, swap.before);
	if (settings->release.link)
		(void)release_current(&settings->release, old, swap.before, NULL);
	swap.started_ms = clock_unix_ms();
	state_enter(&swap, STATE_PRECHECK, PART_FIRST,
		machine_timeout(settings, &swap, STATE_PRECHECK, PART_FIRST), clock_ns(CLOCK_BOOTTIME),
		swap.started_ms, app->boot_id);
	*ret_swap = swap;
	return 0;
}

int app_supersede(struct app *app, const struct swap *ended)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct swap swap;
	int r;

	app_look(app, gavea_deadline(app->check));
	r = app_prepare(app, ended->next_release, *ended->next_digest ? ended->next_digest : NULL,
		ended->next_by, &swap, &error);
	if (r < 0) {
		gavea_log(app->check, GAVEA_LOG_ERROR, "%s, which was to come next, can't be begun: %s",
			ended->next_release, error_text(&error, r));
		return 0;
	}
	return app_begin(app, &swap);
}
