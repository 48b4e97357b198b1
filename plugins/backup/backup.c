/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: whether there are backups, fresh, whole and enough, and whether they can be restored. */
#include "copies.h"
#include "kinds.h"
#include "memory.h"
#include "ping.h"
#include "work.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define RESERVE_MAX (10 * NSEC_PER_SEC) /* of a run's time, for ending tools and saying what was found */

enum series { TIMESTAMP, COUNT, SIZE, VERIFIED, RESTORED, SERIES };

struct state {
	struct settings settings;
	int series[SERIES];
};

static void open_series(struct state *state, struct gavea_check *check)
{
	static const char *const series[SERIES][3] = {
		[TIMESTAMP] = {"gavea_backup_newest_timestamp_seconds", "seconds",
			"When the newest backup was made"},
		[COUNT] = {"gavea_backup_count", "", "How many backups there are"},
		[SIZE] = {"gavea_backup_newest_size_bytes", "bytes", "Size of the newest backup"},
		[VERIFIED] = {"gavea_backup_verified_timestamp_seconds", "seconds",
			"When the last good verification ended"},
		[RESTORED] = {"gavea_backup_restored_timestamp_seconds", "seconds",
			"When the last good restore test ended"},
	};

	for (int i = 0; i < SERIES; i++)
		state->series[i] =
			gavea_series(check, series[i][0], GAVEA_GAUGE, series[i][1], series[i][2], NULL, 0);
}

static int backup_open(struct gavea_check *check, void **ret_state)
{
	static const struct backup_kind *const kinds[] = {&kind_restic, &kind_borg, &kind_pgbackrest,
		&kind_barman, &kind_dump, &kind_directory, &kind_ping, NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = settings_read(check, kinds, &state->settings, &error);
	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	open_series(state, check);
	*ret_state = TAKE_PTR(state);
	return 0;
}

static void backup_close(struct gavea_check *check, void *state)
{
	(void)check;
	free(state);
}

/* ---- A run ---- */

static void sample(struct context *context, const struct state *state)
{
	const struct backup *newest = facts_newest(&context->facts);
	struct record record;

	gavea_sample(context->check, state->series[COUNT], (double)context->facts.count);
	if (newest)
		gavea_sample(context->check, state->series[TIMESTAMP], (double)newest->time);
	if (newest && newest->size != SIZE_UNKNOWN)
		gavea_sample(context->check, state->series[SIZE], (double)newest->size);
	memory_read_record(context, "verification", &record);
	if (record.time && record.status == GAVEA_OK)
		gavea_sample(context->check, state->series[VERIFIED], (double)record.time);
	memory_read_record(context, "restore", &record);
	if (record.time && record.status == GAVEA_OK)
		gavea_sample(context->check, state->series[RESTORED], (double)record.time);
}

static void say(struct context *context)
{
	const struct findings *findings = &context->findings;
	const struct finding *worst = findings_worst(findings);
	const struct backup *newest = facts_newest(&context->facts);
	size_t bad = findings_bad(findings);
	char age[32], size[32];

	for (size_t i = 0; i < findings->count; i++)
		gavea_item(context->check, findings->list[i].name, findings->list[i].status, "%s",
			findings->list[i].text);
	if (findings->error < 0 || !worst)
		gavea_result(context->check, GAVEA_UNKNOWN, "nothing could be judged: out of memory");
	else if (worst->status != GAVEA_OK && bad > 1)
		gavea_result(context->check, worst->status, "%s; and %zu more", worst->text, bad - 1);
	else if (worst->status != GAVEA_OK || !newest)
		gavea_result(context->check, worst->status, "%s", worst->text);
	else
		gavea_result(context->check, GAVEA_OK, "%zu backups, the newest %s old%s%s",
			context->facts.count, format_seconds(age, context->now - newest->time),
			newest->size == SIZE_UNKNOWN ? "" : ", ",
			newest->size == SIZE_UNKNOWN ? "" : format_size(size, (uint64_t)newest->size));
}

static void judge(struct context *context)
{
	const struct settings *settings = context->settings;
	int64_t sizes[SIZES_MAX];
	size_t count;

	facts_sort(&context->facts);
	count = memory_sizes(context, sizes);
	judge_backups(&settings->judge, settings->place ? settings->place : gavea_check_name(context->check),
		&context->facts, sizes, count, context->now, &context->findings);
	copies_look(context);
	work_verify(context);
	work_restore(context);
}

static int backup_run(struct gavea_check *check, void *userdata)
{
	const struct state *state = userdata;
	int64_t now = clock_ns(CLOCK_MONOTONIC), until = gavea_deadline(check);
	struct context context = {
		.check = check,
		.settings = &state->settings,
		.now = clock_unix_ms() / 1000,
		.work = state->settings.work ? state->settings.work : gavea_state_directory(check),
		.deadline = until == INT64_MAX ? until
					       : until - MIN(RESERVE_MAX, MAX((until - now) / 5, INT64_C(0))),
	};

	if (state->settings.kind->look(&context, state->settings.place, &context.facts) == 0) {
		judge(&context);
		sample(&context, state);
	}
	if (!gavea_cancelled(check))
		say(&context);
	findings_done(&context.findings);
	facts_done(&context.facts);
	return 0;
}

/* ---- Pings ---- */

static int take_ping(struct gavea_check *check, struct gavea_command *command, struct ping *ping)
{
	const struct ping_words words = {
		.state = gavea_command_argument(check, command, "state"),
		.size = gavea_command_argument(check, command, "size"),
		.duration = gavea_command_argument(check, command, "duration"),
	};
	const char *problem;
	int r = ping_take(ping, &words, clock_unix_ms() / 1000, &problem);

	return r < 0 ? gavea_fail(check, r, "%s", problem) : 0;
}

static int backup_command(struct gavea_check *check, void *userdata, struct gavea_command *command)
{
	const struct state *state = userdata;
	struct ping ping = {0};
	const void *value;
	char text[256];
	size_t size;
	int r;

	if (state->settings.kind != &kind_ping)
		return gavea_fail(check, -EINVAL, "only a check with kind = \"ping\" takes pings");
	if (gavea_state_get(check, "ping", &value, &size) == 0 && size &&
		((const char *)value)[size - 1] == '\0')
		(void)ping_read(value, &ping);
	r = take_ping(check, command, &ping);
	if (r < 0)
		return r;
	ping_write(&ping, text);
	r = gavea_state_set(check, "ping", text, strlen(text) + 1);
	if (r == 0)
		r = gavea_state_commit(check);
	if (r < 0)
		return gavea_fail(check, r, "cannot keep the ping: %s", strerror(-r));
	gavea_command_reply(check, command, "noted");
	return 0;
}

static const char *const commands[] = {"ping", NULL};
static const char *const capabilities[] = {
	"CAP_DAC_READ_SEARCH", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", NULL};
static const char *const read_paths[] = {"${repository}", "${files}", "${directory}", "${copies}",
	"${config}", "${password_file}", "${restore_into}", "${read_paths}", "/var/lib/pgbackrest",
	"/var/lib/barman", "/tmp/pgbackrest", "/run/systemd/resolve", NULL};
static const char *const write_paths[] = {"${work}", "${restore_into}", "${write_paths}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_SERVER, /* the temporary PostgreSQL listens, on a unix socket */
	.exec = 1,
	.concurrency = 2,
	.memory = UINT64_C(1) << 30, /* of the tools too: restic and borg hold their indexes */
	.open_files = 1024,
	.capabilities = capabilities,
	.read_paths = read_paths,
	.write_paths = write_paths,
};

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "backup",
		.version = GAVEA_VERSION,
		.summary = "backups: fresh, whole, enough of them, and able to be restored",
		.options = settings_options,
		.option_count = SETTINGS_OPTION_COUNT,
		.option_size = sizeof(settings_options[0]),
		.needs = &needs,
		.open = backup_open,
		.run = backup_run,
		.command = backup_command,
		.close = backup_close,
		.commands = commands,
	};

	return &plugin;
}
