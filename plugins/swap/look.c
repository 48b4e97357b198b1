/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of the world. What can't be seen says why. */
#include "app.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

static void look_at_services(struct app *app, int64_t deadline)
{
	struct world *world = &app->world;

	*world->service_error = '\0';
	for (enum colour c = 0; c < COLOURS; c++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		int r;

		if (app->settings.strategy == STRATEGY_ROLLING && c != COLOUR_BLUE)
			continue;
		r = app->service->driver->observe(app->service, c, &world->service[c], deadline, &error);
		world->service_seen[c] = r == 0;
		if (r < 0)
			snprintf(world->service_error, sizeof world->service_error, "%s",
				error_text(&error, r));
	}
}

static void look_at_traffic(struct app *app, int64_t deadline)
{
	struct world *world = &app->world;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = app->traffic->driver->observe(app->traffic, &world->traffic, deadline, &error);

	world->traffic_seen = r == 0;
	snprintf(world->traffic_error, sizeof world->traffic_error, "%s", r < 0 ? error_text(&error, r) : "");
}

/* Since when the colour that is to be drained has had no sessions. */
static void look_at_quiet(struct app *app, int64_t now_boot)
{
	struct world *world = &app->world;
	bool back = app->swap.state == STATE_ROLLING_BACK;
	enum colour colour = (enum colour)(back ? app->swap.new : app->swap.old);
	const struct traffic_side *side = &world->traffic.side[colour];

	if (!app_swaps(app) || !world->traffic_seen || side->sessions != 0 || side->queued > 0 ||
		side->draining == 0)
		world->quiet_boot = 0;
	else if (world->quiet_boot == 0)
		world->quiet_boot = now_boot;
}

static void look_at_counts(struct app *app)
{
	const struct settings *settings = &app->settings;
	struct counts_view view;
	const struct counts_settings want = {.socket = settings->counts_socket,
		.file = settings->counts_file,
		.backend = {settings->traffic.backend[0], settings->traffic.backend[1]},
		.limits = settings->limits,
		.limit_count = settings->limit_count};
	_cleanup_error_ struct error error = ERROR_INIT;
	bool wanted = want.socket || want.file;
	int r = 0;

	if (wanted && !app->counts)
		r = counts_open(&want, &app->counts, &error);
	snprintf(app->counts_error, sizeof app->counts_error, "%s", r < 0 ? error_text(&error, r) : "");
	if (wanted && !app->counts)
		return;
	if (app->counts)
		counts_view(app->counts, &view);
	tally_look(&app->tally, app->counts ? &view : NULL,
		app->world.traffic_seen ? &app->world.traffic : NULL);
}

/* ---- Releases ---- */

static void look_at_stage(struct app *app)
{
	struct world *world = &app->world;
	int r;

	world->staged = world->stage_failed = false;
	*world->stage_error = '\0';
	if (app->swap.state != STATE_STAGED)
		return;
	if (!app->settings.release.directory) {
		world->staged = true;
		return;
	}
	if (!app->stager)
		return;
	r = stager_result(app->stager, world->stage_error, sizeof world->stage_error);
	if (r == -EINPROGRESS) {
		snprintf(world->stage_error, sizeof world->stage_error, "the artefact is being fetched");
		return;
	}
	stager_free(TAKE_PTR(app->stager));
	world->staged = r == 0;
	/* What is wrong with the artefact itself will not get better; what can't be reached may. */
	world->stage_failed = r == -EBADMSG || r == -EEXIST || r == -EINVAL;
}

static void look_at_link(struct app *app)
{
	struct world *world = &app->world;
	_cleanup_error_ struct error error = ERROR_INIT;

	*world->linked = '\0';
	world->link_seen = !app->settings.release.link ||
		release_current(&app->settings.release, (enum colour)app->swap.new, world->linked, &error) ==
			0;
}

/* ---- Hooks ---- */

void hook_words_done(struct hook_words *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(words->list); i++)
		free(words->list[i]);
	*words = (struct hook_words){0};
}

static void add_word(struct hook_words *words, const char *name, const char *value)
{
	size_t i = 0;

	while (words->list[i])
		i++;
	if (i + 1 < ARRAY_SIZE(words->list) && asprintf(&words->list[i], "%s=%s", name, value) < 0)
		words->list[i] = NULL;
}

bool app_launch(
	struct app *app, const struct swap *swap, struct hook_launch *ret_launch, struct hook_words *words)
{
	const struct hookspec *hook = machine_hook(&app->settings, swap);
	static const char *const folder = "hooks";
	bool folded = *app->folder;
	char path[600];

	if (!hook || swap->attempt == 0 || !folded)
		return false;
	*ret_launch = (struct hook_launch){.arguments = (const char *const *)hook->words.list,
		.timeout = hook->timeout,
		.bus = app->settings.units ? app->settings.service.bus : NULL};
	snprintf(ret_launch->key, sizeof ret_launch->key, "%.12s-%s-%s-%u%s", swap->id,
		phase_name(hook->phase), hook->name, swap->attempt, swap->asking ? "-status" : "");
	app_path(app, folder, path, sizeof path);
	add_word(words, "GAVEA_APP", app->settings.app);
	add_word(words, "GAVEA_SWAP", swap->id);
	add_word(words, "GAVEA_RELEASE", swap->release);
	add_word(words, "GAVEA_OLD_RELEASE", swap->before);
	add_word(words, "GAVEA_DIGEST", swap->digest);
	add_word(words, "GAVEA_OLD_COLOUR", colour_name((enum colour)swap->old));
	add_word(words, "GAVEA_NEW_COLOUR", colour_name((enum colour)swap->new));
	add_word(words, "GAVEA_STRATEGY", strategy_name(swap->strategy));
	add_word(words, "GAVEA_STATE", state_name(swap->state));
	add_word(words, "GAVEA_BY", swap->by);
	add_word(words, "GAVEA_REASON", swap->reason);
	add_word(words, "GAVEA_HOOK", hook->name);
	add_word(words, "GAVEA_HOOK_ACTION", swap->asking ? "status" : "run");
	ret_launch->environment = (const char *const *)words->list;
	return true;
}

static void look_at_hook(struct app *app, int64_t deadline)
{
	struct world *world = &app->world;
	_cleanup_(hook_words_done) struct hook_words words = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct hook_launch launch;
	char folder[600];
	int r;

	world->hook_seen = false;
	world->hook = (struct hook_view){0};
	if (!app_launch(app, &app->swap, &launch, &words) || !app_path(app, "hooks", folder, sizeof folder))
		return;
	launch.folder = folder;
	r = hook_observe(&launch, &world->hook, deadline, &error);
	world->hook_seen = r == 0;
	if (r < 0)
		snprintf(world->hook.text, sizeof world->hook.text, "%s", error_text(&error, r));
	/* A power failure may have taken with it that it was started. */
	if (r == 0 && world->hook.state == HOOK_ABSENT && !streq(app->swap.begun_boot_id, app->boot_id))
		world->hook.state = HOOK_LOST;
}

void app_look(struct app *app, int64_t deadline)
{
	int64_t now_boot = clock_ns(CLOCK_BOOTTIME);

	look_at_services(app, deadline);
	look_at_traffic(app, deadline);
	look_at_quiet(app, now_boot);
	look_at_counts(app);
	if (app_swaps(app) && !*app->damage) {
		look_at_stage(app);
		look_at_link(app);
		look_at_hook(app, deadline);
	}
	app_judge(app);
	if (app->swap.state == STATE_PRECHECK || !app_swaps(app))
		app->world.ready = app_preflight(app);
	app->world.leased = streq(app->settings.lease.provider, "none") || app->leased_boot > now_boot;
	if (app->world.leased)
		*app->world.lease_error = '\0';
}
