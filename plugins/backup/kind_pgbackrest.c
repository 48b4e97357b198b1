/* SPDX-License-Identifier: Apache-2.0 */
/* pgBackRest. Its own checks end well with files that are damaged and with segments that are missing. */
#include "ini.h"
#include "kinds.h"
#include "listing.h"
#include "locks.h"
#include "tool.h"
#include "wal.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#define ITEM "stanza"

static void prepare(struct tool *tool, struct context *context, const char *place, char stanza[static 256])
{
	tool_init(tool, context, NULL);
	if (context->settings->config)
		tool_set(tool, "PGBACKREST_CONFIG=%s", context->settings->config);
	tool_set(tool, "PGBACKREST_LOG_LEVEL_FILE=off");
	tool_set(tool, "PGBACKREST_LOG_LEVEL_CONSOLE=off");
	tool_set(tool, "PGBACKREST_LOG_LEVEL_STDERR=warn");
	snprintf(stanza, 256, "--stanza=%s", place);
	tool_add(tool, stanza);
}

static int run(struct tool *tool, const char *place)
{
	int r = tool_run(tool);

	if (r == 0 && tool->result.code == 0)
		return 0;
	finding_add(&tool->context->findings, ITEM, GAVEA_UNKNOWN, "cannot read the stanza %s: %s", place,
		r < 0 ? error_text(&tool->error, r) : tool_complaint(tool));
	return r < 0 ? r : -EIO;
}

/* That of the newest timeline names all its ancestors. */
static int read_history(struct context *context, const char *place, const char *id, uint32_t timeline,
	struct wal_archive *archive)
{
	_cleanup_tool_ struct tool tool = {0};
	char argument[256], path[512];
	int r;

	prepare(&tool, context, place, argument);
	snprintf(path, sizeof(path), "archive/%s/%.100s/%08" PRIX32 ".history", place, id, timeline);
	tool_add(&tool, "repo-get");
	tool_add(&tool, path);
	r = tool_run(&tool);
	if (r == 0)
		r = tool.result.code ? -EIO
				     : wal_take_history(archive, timeline, buf_str(&tool.result.output));
	if (r < 0)
		finding_add(&context->findings, "wal history", GAVEA_UNKNOWN, "%s cannot be read: %s", path,
			r == -EBADMSG       ? "it is no history file"
				: r == -EIO ? tool_complaint(&tool)
					    : error_text(&tool.error, r));
	return r;
}

/* Timelines after the first have a file that says where they began. */
static void look_at_history(struct context *context, const char *place, const char *id, uint32_t history,
	struct wal_archive *archive)
{
	uint32_t newest = MAX(history, wal_newest_timeline(archive));

	if (newest > history && newest > 1)
		archive->missing_history = newest;
	else if (newest > 1)
		(void)read_history(context, place, id, newest, archive);
}

static void judge_archive(struct context *context, struct wal_archive *archive, json_t *stanza)
{
	_cleanup_free_ struct wal_need *needs = NULL;
	size_t count;

	needs = listing_read_needs(stanza, archive->segment_size, &count);
	if (!needs)
		context->findings.error = -ENOMEM;
	else
		wal_judge_archive(archive, needs, count, context->settings, context->now, &context->findings);
}

static void look_at_wal(struct context *context, const char *place, json_t *stanza)
{
	struct wal_archive archive = {.segment_size = (uint64_t)context->settings->wal_segment_size};
	const char *id = listing_archive_id(stanza);
	_cleanup_tool_ struct tool tool = {0};
	char argument[256], path[320];
	uint32_t history = 0;
	int r;

	if (!id)
		return;
	prepare(&tool, context, place, argument);
	snprintf(path, sizeof(path), "archive/%s", place);
	tool_add(&tool, "repo-ls");
	tool_add(&tool, "--recurse");
	tool_add(&tool, "--output=json");
	tool_add(&tool, path);
	r = tool_run(&tool);
	if (r == 0)
		r = tool.result.code ? -EIO
				     : listing_read_segments(&tool.result.output, id, &archive, &history);
	if (r < 0) {
		finding_add(&context->findings, "wal", GAVEA_UNKNOWN, "cannot list the archive: %s",
			r == -EIO ? tool_complaint(&tool) : error_text(&tool.error, r));
	} else {
		look_at_history(context, place, id, history, &archive);
		judge_archive(context, &archive, stanza);
	}
	wal_done(&archive);
}

static void find_lock_folder(const struct settings *settings, const char *place, char folder[static 4096])
{
	static const char *const usual[] = {"/etc/pgbackrest/pgbackrest.conf", "/etc/pgbackrest.conf"};
	const char *const sections[] = {place, "global", NULL};

	snprintf(folder, 4096, "/tmp/pgbackrest");
	if (settings->config) {
		(void)ini_find_in_file(settings->config, sections, "lock-path", folder, 4096);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (ini_find_in_file(usual[i], sections, "lock-path", folder, 4096))
			return;
}

/* What "pgbackrest stop" leaves keeps every backup and the archiving of WAL from being done. */
static void look_at_stop(struct context *context, const char *path, const char *stanza)
{
	char age[32];
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	format_seconds(age, context->now - st.st_mtim.tv_sec);
	finding_add(&context->findings, "stop",
		context->now - st.st_mtim.tv_sec > context->settings->lock_age ? GAVEA_CRITICAL
									       : GAVEA_WARNING,
		"pgbackrest was stopped %s ago: no backup is made and no WAL is archived, so that the "
		"database's disk "
		"fills; \"pgbackrest start%s%s\" ends it",
		age, stanza ? " --stanza=" : "", stanza ? stanza : "");
}

static void look_at_locks(struct context *context, const char *place)
{
	static const char *const names[] = {"backup", "archive"};
	struct locks locks = {0};
	char folder[4096], path[4400];

	find_lock_folder(context->settings, place, folder);
	snprintf(path, sizeof(path), "%s/all.stop", folder);
	look_at_stop(context, path, NULL);
	snprintf(path, sizeof(path), "%s/%.200s.stop", folder, place);
	look_at_stop(context, path, place);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%.200s-%s.lock", folder, place, names[i]);
		locks_look_at_file(&locks, context, path);
	}
	locks_judge(&locks, "meanwhile no other backup is made",
		"look whether that process still does anything", context->now, &context->findings);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	_cleanup_tool_ struct tool tool = {0};
	char argument[256];
	json_t *root, *stanza;
	int r;

	prepare(&tool, context, place, argument);
	tool_add(&tool, "info");
	tool_add(&tool, "--output=json");
	r = run(&tool, place);
	if (r < 0)
		return r;
	root = json_loadb(buf_str(&tool.result.output), tool.result.output.size, 0, NULL);
	stanza = json_array_get(root, 0);
	r = json_is_object(stanza)
		? listing_read_pgbackrest(stanza, context->settings->place, facts, &context->findings)
		: -EBADMSG;
	if (r == -EBADMSG)
		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"pgbackrest's answer for the stanza %s cannot be read: it is not of the form that "
			"2.45 writes",
			place);
	if (r == 0 && (context->settings->copies_min || json_array_size(json_object_get(stanza, "repo")) > 1))
		listing_judge_repositories(stanza, &context->settings->judge, context->settings->copies_min,
			context->now, &context->findings);
	if (r == 0)
		look_at_locks(context, place);
	if (r == 0 && context->settings->wal)
		look_at_wal(context, place, stanza);
	json_decref(root);
	return r;
}

/* The first line that names what is wrong: "…missing: 1, checksum invalid: 0…" or a status that is not ok. */
static const char *trouble(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " ");
		if (strstr(line, "status: error") || strstr(line, "status: invalid") ||
			strstr(line, "status: in-progress"))
			return line;
	}
	return "it gives no status";
}

/* Its exit status is 0 whatever it finds. */
static int verify(struct context *context, struct record *record)
{
	_cleanup_tool_ struct tool tool = {0};
	char argument[256];
	char *output;
	int r;

	prepare(&tool, context, context->settings->place, argument);
	tool_add(&tool, "verify");
	tool_add(&tool, "--output=text");
	tool_add(&tool, "--verbose");
	r = tool_run(&tool);
	if (r == -ETIME || r == -ECANCELED)
		return -EAGAIN;
	output = tool.result.output.data;
	record->status = GAVEA_OK;
	if (r < 0 || tool.result.code != 0 || !tool.result.output.size) {
		record->status = GAVEA_UNKNOWN;
		snprintf(record->text, sizeof(record->text), "\"pgbackrest verify\" failed: %.300s",
			r < 0 ? error_text(&tool.error, r) : tool_complaint(&tool));
	} else if (strstr(output, "status: error") || strstr(output, "status: invalid") ||
		!strstr(output, "status: ok")) {
		char *backup = strstr(output, "  backup:");

		record->status = GAVEA_CRITICAL;
		/* The first line says that there is an error, those on backups which one. */
		snprintf(record->text, sizeof(record->text),
			"\"pgbackrest verify\" found damage: %.300s; make a new full backup now",
			trouble(backup && strstr(backup, "status: invalid") ? backup : output));
	} else {
		snprintf(record->text, sizeof(record->text), "checksums of all files");
	}
	return 0;
}

static int restore(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
	struct error *error)
{
	_cleanup_tool_ struct tool tool = {0};
	char argument[256], path[4200];
	int r;

	prepare(&tool, context, context->settings->place, argument);
	tool.stop = stop;
	tool.userdata = userdata;
	snprintf(path, sizeof(path), "--pg1-path=%s", folder);
	tool_add(&tool, path);
	tool_add(&tool, "--type=immediate");
	tool_add(&tool, "--target-action=promote");
	tool_add(&tool, "--archive-mode=off");
	tool_add(&tool, "restore");
	if (context->temporary)
		tool_set(&tool, "PGBACKREST_LOCK_PATH=%s", context->temporary);
	r = tool_run(&tool);
	if (r < 0)
		return error_set(error, r, "%s", error_text(&tool.error, r));
	return tool.result.code
		? error_set(error, -EIO, "\"pgbackrest restore\" failed: %s", tool_complaint(&tool))
		: 0;
}

static const char *const programs[] = {"/usr/bin/pgbackrest", "/usr/local/bin/pgbackrest", NULL};

const struct backup_kind kind_pgbackrest = {
	.name = "pgbackrest",
	.programs = programs,
	.package = "pgbackrest",
	.has_repositories = true,
	.look = look,
	.verify = verify,
	.restore = restore,
};
