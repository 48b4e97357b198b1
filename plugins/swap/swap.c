/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The swap plugin: brings a new release of an app to its clients, step by step, as long as what is measured says so, and
 * goes back when it does not. One check is one app. This file has the callbacks; machine.h tells how it works.
 */
#include "app.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RESERVE NSEC_PER_SEC /* before the deadline */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void app_free(struct app *app)
{
	stager_free(app->stager);
	counts_close(app->counts);
	traffic_close(app->traffic);
	service_close(app->service);
	settings_done(&app->settings);
	free(app);
}
DEFINE_CLEANUP(struct app *, app_free);

static int read_boot_id(struct app *app)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, BOOT_ID, 64, &text);

	if (r < 0)
		return gavea_fail(app->check, r, BOOT_ID ": %s", strerror(-r));
	snprintf(app->boot_id, sizeof app->boot_id, "%.36s", buf_str(&text));
	return 0;
}

/* Leases are asked for by host and app. */
static void name_holder(struct app *app)
{
	_cleanup_buf_ struct buf id = BUF_INIT;
	char host[64] = "";

	if (file_read(AT_FDCWD, "/etc/machine-id", 64, &id) == 0 && id.size >= 32)
		snprintf(host, sizeof host, "%.32s", buf_str(&id));
	else
		(void)gethostname(host, sizeof host - 1);
	snprintf(app->holder, sizeof app->holder, "%.40s-%.50s", host, app->settings.app);
}

static bool is_cancelled(void *userdata)
{
	const struct app *app = userdata;

	return gavea_cancelled(app->check);
}

static int open_drivers(struct app *app)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	app->settings.service.cancelled = is_cancelled;
	app->settings.service.userdata = app;
	r = service_open(&app->settings.service, &app->service, &error);
	if (r == 0)
		r = traffic_open(app->settings.traffic_kind, &app->settings.traffic, &app->traffic, &error);
	return r < 0 ? gavea_fail(app->check, r, "%s", error_text(&error, r)) : 0;
}

static void open_series(struct app *app)
{
	app->series[0] = gavea_series(app->check, "gavea_swap_state", GAVEA_GAUGE, NULL,
		"State of the swap: 0 idle, 1 precheck, 2 staged, 3 migrate, 4 started, 5 smoke, 6 shift, 7 "
		"hold, 8 drain, 9 "
		"bake, 10 finalize, 11 rolling back, 12 frozen",
		NULL, 0);
	app->series[1] = gavea_series(app->check, "gavea_swap_green_ratio", GAVEA_GAUGE, "ratio",
		"Share of the requests that go to green", NULL, 0);
	app->series[2] = gavea_series(app->check, "gavea_swap_state_duration_seconds", GAVEA_GAUGE, "seconds",
		"How long the swap has been in its state", NULL, 0);
}

static int swap_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_(app_freep) struct app *app = calloc(1, sizeof *app);
	const char *folder;
	int r;

	if (!app)
		return gavea_fail(check, -ENOMEM, "out of memory");
	app->check = check;
	r = settings_open(&app->settings, check);
	if (r == 0)
		r = read_boot_id(app);
	if (r == 0)
		r = open_drivers(app);
	if (r < 0)
		return r;
	folder = gavea_state_directory(check);
	snprintf(app->folder, sizeof app->folder, "%s", folder ? folder : "");
	open_series(app);
	name_holder(app);
	app->beats = true;
	app_recall(app);
	*ret_state = TAKE_PTR(app);
	return 0;
}

static int64_t deadline_of(struct gavea_check *check)
{
	int64_t deadline = gavea_deadline(check), now = gavea_now(check);

	if (deadline == INT64_MAX)
		return now + 60 * NSEC_PER_SEC;
	return deadline - MIN(RESERVE, MAX((deadline - now) / 5, INT64_C(0)));
}

static int swap_run(struct gavea_check *check, void *state)
{
	struct app *app = state;

	app->check = check;
	app_tick(app, deadline_of(check));
	app_result(app);
	return 0;
}

static int swap_command(struct gavea_check *check, void *state, struct gavea_command *command)
{
	struct app *app = state;

	app->check = check;
	return app_command(app, command);
}

static void swap_close(struct gavea_check *check, void *state)
{
	struct app *app = state;

	app->check = check;
	app_closed(app);
	app_free(app);
}

static const char *const commands[] = {"start", "promote", "pause", "resume", "abort", "rollback", "unfreeze",
	"sign", "status", "history", "report", "plan", "preflight", NULL};
static const char *const read_paths[] = {
	"${read_paths}", "${artefact}", "${public_key}", "${counts_file}", NULL};
static const char *const write_paths[] = {"${write_paths}", "${directory}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	/* To listen: what `start` of service exec starts has the rights of this plugin. */
	.network = GAVEA_NETWORK_SERVER,
	.exec = 1,
	.concurrency = 16,
	.stays = 1,
	.memory = 256u << 20,
	.open_files = 1024,
	.read_paths = read_paths,
	.write_paths = write_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(plugin),
	.name = "swap",
	.version = GAVEA_VERSION,
	.summary = "New releases, brought to clients step by step while what is measured says so, and back "
		   "if not",
	.options = settings_options,
	.option_count = SETTINGS_OPTIONS,
	.option_size = sizeof(struct gavea_option),
	.needs = &needs,
	.open = swap_open,
	.run = swap_run,
	.command = swap_command,
	.close = swap_close,
	.commands = commands,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
