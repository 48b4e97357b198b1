/* SPDX-License-Identifier: Apache-2.0 */
/* While clients may be at a release that has not proved itself, somebody outside of the agent watches that it is watched. */
#include "app.h"
#include "heartbeat.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define WATCH_EVERY "10" /* seconds */
#define WATCHES_FOR (30 * 24 * 3600 * NSEC_PER_SEC) /* it ends by itself when no heartbeat is left */

/* Where there is no systemd with its timer, a process of its own watches; one for all apps is enough, more do no harm. */
static void start_watcher(struct app *app)
{
	const char *program = app->settings.deadman_program;
	char state[600], folder[600];
	const char *const arguments[] = {program, "--every", WATCH_EVERY, state, NULL},
			  *const environment[] = {NULL};
	struct hook_launch launch = {
		.arguments = arguments, .environment = environment, .timeout = WATCHES_FOR, .folder = folder};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (app->settings.booted || app->watched_for == app->swap.started_ms)
		return;
	/* FOLDER/APP/files is this check's own: the program looks below FOLDER. */
	if (!app_path(app, "../..", state, sizeof state) || !app_path(app, "hooks", folder, sizeof folder))
		return;
	app->watched_for = app->swap.started_ms;
	snprintf(launch.key, sizeof launch.key, "%.12s-deadman", app->swap.id);
	r = detached_start(&launch, gavea_deadline(app->check), &error);
	if (r < 0)
		gavea_log(app->check, GAVEA_LOG_WARNING, "there is no dead man's switch for this swap: %s",
			error_text(&error, r));
}

void app_heartbeat(struct app *app)
{
	const struct swap *swap = &app->swap;
	bool exposed = app_swaps(app) && !*app->damage && state_is_exposed(swap->state) &&
		swap->strategy != STRATEGY_ROLLING;
	const struct heartbeat heartbeat = {.app = app->settings.app,
		.swap = swap->id,
		.patience = app->settings.deadman,
		.share = machine_green(swap, 0),
		.traffic = app->settings.traffic_kind,
		.settings = app->settings.traffic};
	int64_t when, now_boot = clock_ns(CLOCK_BOOTTIME);
	int r = 0;

	if (!*app->folder || app->settings.deadman == 0)
		return;
	if (!exposed) {
		if (app->beats)
			r = heartbeat_stop(app->folder);
		app->beats = false;
		app->beaten_boot = 0;
	} else if (heartbeat_was_executed(app->folder, &when) == 1) {
		app->executed = true;
	} else {
		/* Each is a sync of the disk. */
		if (app->beaten_boot == 0 || now_boot - app->beaten_boot > app->settings.deadman / 8) {
			r = heartbeat_beat(app->folder, &heartbeat);
			app->beaten_boot = r == 0 ? now_boot : 0;
		}
		app->beats = true;
		start_watcher(app);
	}
	if (r < 0)
		gavea_log(app->check, GAVEA_LOG_WARNING, "the heartbeat of the swap can't be kept: %s",
			strerror(-r));
}
