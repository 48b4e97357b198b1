/* SPDX-License-Identifier: Apache-2.0 */
/* pgBackRest. Its own checks end well with files that are damaged and with segments that are missing. */
#include "ini.h"
#include "kinds.h"
#include "locks.h"
#include "tool.h"
#include "wal.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#define ITEM "stanza"
#define NEEDS_MAX 1000

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

static int64_t integer_at(json_t *object, const char *outer, const char *inner)
{
	json_t *value = json_object_get(json_object_get(object, outer), inner);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Text of the JSON is the tool's: it is not freed before it was used. */
static const char *text_at(json_t *object, const char *outer, const char *inner)
{
	return json_string_value(json_object_get(json_object_get(object, outer), inner));
}

static int read_backups(struct context *context, json_t *stanza, struct facts *facts)
{
	json_t *one, *list = json_object_get(stanza, "backup");
	int64_t code = integer_at(stanza, "status", "code");
	const char *message = text_at(stanza, "status", "message");
	size_t i;
	int r = 0;

	json_array_foreach(list, i, one)
	{
		const char *label = json_string_value(json_object_get(one, "label"));
		int64_t time = integer_at(one, "timestamp", "stop");

		if (!label || time < 0)
			return -EBADMSG;
		if (json_is_true(json_object_get(one, "error")))
			finding_add(&context->findings, label, GAVEA_WARNING,
				"backup %s holds pages with wrong checksums: the database itself is damaged; "
				"see \"pgbackrest "
				"info --set=%s\"",
				label, label);
		r = facts_add(facts, label, time, integer_at(one, "info", "size"));
		if (r < 0)
			return r;
	}
	/* 2: no backups, which the count says. */
	if (code != 0 && code != 2)
		finding_add(&context->findings, ITEM, code == 1 || code == 3 ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
			"stanza %s: %s", context->settings->place,
			message ? message : "pgbackrest gives no status");
	return 0;
}

/* Each of several repositories is to hold a backup in time. */
static void judge_repositories(struct context *context, json_t *stanza)
{
	json_t *repository, *one, *list = json_object_get(stanza, "repo");
	int64_t in_time = 0, wanted = context->settings->copies_min;
	size_t before = 0, i, k;

	json_array_foreach(list, i, repository)
	{
		json_t *key = json_object_get(repository, "key");
		const char *newest = NULL;
		int64_t time = 0;
		char item[40];

		json_array_foreach(json_object_get(stanza, "backup"), k, one)
		{
			if (integer_at(one, "database", "repo-key") != json_integer_value(key) ||
				integer_at(one, "timestamp", "stop") < time)
				continue;
			time = integer_at(one, "timestamp", "stop");
			newest = json_string_value(json_object_get(one, "label"));
		}
		snprintf(item, sizeof(item), "repo%" JSON_INTEGER_FORMAT, json_integer_value(key));
		before = findings_bad(&context->findings);
		if (newest)
			judge_age(&context->settings->judge, item, newest, time, context->now,
				&context->findings);
		else
			finding_add(&context->findings, item, GAVEA_CRITICAL,
				"there is no backup in %s: run \"pgbackrest backup\" with it", item);
		in_time += findings_bad(&context->findings) == before;
	}
	if (in_time < wanted)
		finding_add(&context->findings, "copies", GAVEA_CRITICAL,
			"%" PRId64 " repositories hold a backup in time, %" PRId64
			" are wanted: look at the repo options of its configuration",
			in_time, wanted);
}

static struct wal_need *read_needs(json_t *stanza, uint64_t size, size_t *ret_count)
{
	json_t *one, *list = json_object_get(stanza, "backup");
	struct wal_need *needs = calloc(NEEDS_MAX, sizeof(*needs));
	size_t i, count = 0;

	json_array_foreach(list, i, one)
	{
		const char *start = text_at(one, "archive", "start"), *stop = text_at(one, "archive", "stop");
		struct wal_need *need = needs && count < NEEDS_MAX ? &needs[count] : NULL;

		if (!need || !start || !stop || wal_name_parse(start, size, &need->start) < 0 ||
			wal_name_parse(stop, size, &need->stop) < 0)
			continue;
		need->backup = json_string_value(json_object_get(one, "label"));
		count += need->backup != NULL;
	}
	*ret_count = count;
	return needs;
}

/* The archive of the newest database version; earlier ones can't be restored onto it. */
static const char *archive_id(json_t *stanza)
{
	json_t *list = json_object_get(stanza, "archive");

	return json_string_value(json_object_get(json_array_get(list, json_array_size(list) - 1), "id"));
}

static int read_segments(
	const struct buf *text, const char *id, struct wal_archive *archive, uint32_t *ret_history)
{
	json_t *root = json_loadb(buf_str(text), text->size, 0, NULL), *value;
	size_t length = strlen(id);
	const char *name;
	int r = json_is_object(root) ? 0 : -EBADMSG;

	json_object_foreach(root, name, value)
	{
		const char *base = strrchr(name, '/');
		json_t *time = json_object_get(value, "time");

		if (base && r == 0 && strncmp(name, id, length) == 0 && name[length] == '/')
			*ret_history = MAX(*ret_history, wal_history_name(base + 1));
		/* Beside segments lie .history, .backup and .partial files. */
		if (r < 0 || strncmp(name, id, length) != 0 || name[length] != '/' || !base ||
			strnlen(base, 25) < 25 || (base[25] && base[25] != '-'))
			continue;
		if (wal_add(archive, base + 1, json_integer_value(time)) == -ENOMEM)
			r = -ENOMEM;
	}
	json_decref(root);
	return r;
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
	const struct settings *settings = context->settings;
	_cleanup_free_ struct wal_need *needs = NULL;
	size_t count;
	int64_t newest = 0;
	char age[32];

	needs = read_needs(stanza, archive->segment_size, &count);
	if (!needs)
		context->findings.error = -ENOMEM;
	else if (count || archive->count)
		wal_judge(archive, needs, count, settings->wal_grace, context->now, &context->findings);
	for (size_t i = 0; i < archive->count; i++)
		newest = MAX(newest, archive->list[i].time);
	if (settings->wal_max_age && context->now - newest > settings->wal_max_age)
		finding_add(&context->findings, "wal age", GAVEA_CRITICAL,
			"the newest WAL in the archive is %s old: look at archive_command, at "
			"archive_timeout and at the "
			"database's log",
			format_duration_rough(age, (context->now - newest) * NSEC_PER_SEC));
}

static void look_at_wal(struct context *context, const char *place, json_t *stanza)
{
	struct wal_archive archive = {.segment_size = (uint64_t)context->settings->wal_segment_size};
	const char *id = archive_id(stanza);
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
		r = tool.result.code ? -EIO : read_segments(&tool.result.output, id, &archive, &history);
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
	format_duration_rough(age, MAX(context->now - st.st_mtim.tv_sec, INT64_C(0)) * NSEC_PER_SEC);
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
	r = json_is_object(stanza) ? read_backups(context, stanza, facts) : -EBADMSG;
	if (r == -EBADMSG)
		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"pgbackrest's answer for the stanza %s cannot be read: it is not of the form that "
			"2.45 writes",
			place);
	if (r == 0 && (context->settings->copies_min || json_array_size(json_object_get(stanza, "repo")) > 1))
		judge_repositories(context, stanza);
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
	if (context->work)
		tool_set(&tool, "PGBACKREST_LOCK_PATH=%s", context->work);
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
