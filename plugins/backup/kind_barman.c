/* SPDX-License-Identifier: Apache-2.0 */
/* Barman, by the JSON of its command line. */
#include "barman_wal.h"
#include "ini.h"
#include "kinds.h"
#include "listing.h"
#include "locks.h"
#include "own_check.h"
#include "steps.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define ITEM "server"

static void prepare(struct tool *tool, struct context *context, bool json)
{
	tool_init(tool, context, NULL);
	if (context->settings->config) {
		tool_add(tool, "-c");
		tool_add(tool, context->settings->config);
	}
	/* With it, complaints are in the answer alone. */
	if (json) {
		tool_add(tool, "-f");
		tool_add(tool, "json");
	}
}

static int ask(struct context *context, const char *command, const char *place, json_t **ret_root)
{
	_cleanup_tool_ struct tool tool = {0};
	int r;

	prepare(&tool, context, true);
	tool_add(&tool, command);
	tool_add(&tool, place);
	r = tool_run(&tool);
	/* `check` ends with 1 when something is wrong, and says what. */
	*ret_root = r < 0 ? NULL : json_loadb(buf_str(&tool.result.output), tool.result.output.size, 0, NULL);
	/* It goes on after an exception, with less than there is. */
	if (json_object_get(*ret_root, "_EXCEPTION")) {
		const char *text =
			json_string_value(json_array_get(json_object_get(*ret_root, "_EXCEPTION"), 0));

		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"\"barman %s %s\" failed: %.*s; barman must be able to write its locks: see "
			"write_paths and user",
			command, place, text ? (int)MIN(strcspn(text, "\n"), (size_t)200) : 0,
			text ? text : "");
		json_decref(*ret_root);
		*ret_root = NULL;
		return -EIO;
	}
	if (json_is_object(json_object_get(*ret_root, place)) ||
		json_is_array(json_object_get(*ret_root, place)))
		return 0;
	json_decref(*ret_root);
	*ret_root = NULL;
	finding_add(&context->findings, ITEM, GAVEA_UNKNOWN, "\"barman %s %s\" failed: %s", command, place,
		r < 0 ? error_text(&tool.error, r) : tool_complaint(&tool));
	return r < 0 ? r : -EIO;
}

/* Barman's own check: each point that failed is a finding. */
static void look_at_check(struct context *context, const char *place)
{
	json_t *root = NULL;

	if (ask(context, "check", place, &root) < 0)
		return;
	listing_judge_barman(root, place, &context->findings);
	json_decref(root);
}

/* One of barman's folders; without key, or when that is not set, barman_home. */
static void find_folder(const struct settings *settings, const char *key, char folder[static 4096])
{
	static const char *const sections[] = {"barman", NULL};
	const char *path = settings->config ? settings->config : "/etc/barman.conf";

	if ((!key || !ini_find_in_file(path, sections, key, folder, 4096)) &&
		!ini_find_in_file(path, sections, "barman_home", folder, 4096))
		snprintf(folder, 4096, "/var/lib/barman");
}

/* That of receive-wal is held for ever. */
static void look_at_locks(struct context *context, const char *place)
{
	static const char *const names[] = {"backup", "cron", "archive-wal"};
	struct locks locks = {0};
	char folder[4096], path[4400];

	find_folder(context->settings, "barman_lock_directory", folder);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/.%.200s-%s.lock", folder, place, names[i]);
		locks_look_at_file(&locks, context, path);
	}
	locks_judge(&locks, "meanwhile no other backup is made",
		"look whether that process still does anything", context->now, &context->findings);
}

static void look_at_wal(struct context *context, const char *place, struct facts *facts)
{
	char home[4096];

	find_folder(context->settings, NULL, home);
	facts_sort(facts);
	barman_wal_look(context, home, place, facts);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	json_t *root = NULL;
	int r = ask(context, "list-backups", place, &root);

	if (r < 0)
		return r;
	r = listing_read_barman(root, place, facts, &context->findings);
	json_decref(root);
	if (r == -EBADMSG)
		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"barman's list of backups cannot be read: it is not of the form that barman 3.4 "
			"writes");
	if (r == 0 && facts == &context->facts) {
		look_at_check(context, place);
		look_at_locks(context, place);
		if (context->settings->wal)
			look_at_wal(context, place, facts);
	}
	return r;
}

/* It wants pg_verifybackup and a manifest, and says in words what is missing of these. */
static int verify_one(struct context *context, const struct backup *backup, struct record *record)
{
	static const char *const damage[] = {"checksum mismatch", "not on disk", "not in the manifest",
		"in the manifest", "could not parse backup manifest", NULL};
	static const struct own_check own = {
		.name = "barman verify-backup",
		.damage = damage,
		.remedy = "make a new backup now",
		.nothing = "backup",
	};
	_cleanup_tool_ struct tool tool = {0};

	prepare(&tool, context, false);
	tool_add(&tool, "verify-backup");
	tool_add(&tool, context->settings->place);
	tool_add(&tool, backup->name);
	return own_check_run(&tool, &own, record);
}

static int verify(struct context *context, struct record *record)
{
	static const struct steps_work work = {.verify_one = verify_one, .what = "backups"};

	return steps_verify(context, &work, record);
}

static int restore(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
	struct error *error)
{
	_cleanup_tool_ struct tool tool = {0};
	int r;

	prepare(&tool, context, false);
	tool.stop = stop;
	tool.userdata = userdata;
	tool_add(&tool, "recover");
	tool_add(&tool, "--target-immediate");
	tool_add(&tool, "--target-action=promote");
	tool_add(&tool, context->settings->place);
	tool_add(&tool, facts_newest(&context->facts)->name);
	tool_add(&tool, folder);
	r = tool_run(&tool);
	if (r < 0)
		return error_set(error, r, "%s", error_text(&tool.error, r));
	if (tool.result.code == 0)
		return 0;
	/* Its copying makes a lock there. */
	r = strstr(buf_str(&tool.result.errors), "Permission denied") ? -EACCES : -EIO;
	return error_set(error, r, "\"barman recover\" failed: %s%s", tool_complaint(&tool),
		r == -EACCES ? ": name barman_home and /dev/shm in write_paths" : "");
}

static const char *const programs[] = {"/usr/bin/barman", "/usr/local/bin/barman", NULL};

const struct backup_kind kind_barman = {
	.name = "barman",
	.programs = programs,
	.package = "barman",
	.look = look,
	.verify = verify,
	.restore = restore,
};
