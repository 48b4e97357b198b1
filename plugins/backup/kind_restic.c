/* SPDX-License-Identifier: Apache-2.0 */
/* restic. Version 0.14 exits with 1 whatever went wrong, so that its words have to tell. */
#include "kinds.h"
#include "listing.h"
#include "locks.h"
#include "memory.h"
#include "own_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define LOCKS_MAX 8 /* that are looked into */
#define ITEM "repository"

static void prepare(struct tool *tool, struct context *context, const char *place)
{
	char cache[4200];

	tool_init(tool, context, NULL);
	tool_set(tool, "RESTIC_REPOSITORY=%s", place);
	tool_set(tool, "RESTIC_PASSWORD_FILE=/dev/stdin");
	tool->wants_password = true;
	tool_add(tool, "--no-lock");
	if (context->work) {
		snprintf(cache, sizeof(cache), "%s/restic", context->work);
		tool_set(tool, "RESTIC_CACHE_DIR=%s", cache);
	} else {
		tool_add(tool, "--no-cache");
	}
}

/* What its complaint means for the backups. */
static void explain(struct tool *tool, const char *place, int r)
{
	struct findings *findings = &tool->context->findings;
	const char *errors = buf_str(&tool->result.errors);

	if (r < 0)
		finding_add(findings, ITEM, GAVEA_UNKNOWN, "%s: %s", place, error_text(&tool->error, r));
	else if (strstr(errors, "wrong password") || strstr(errors, "no key found"))
		finding_add(findings, ITEM, GAVEA_UNKNOWN,
			"%s: the password is wrong, or a key of the repository is gone: look at "
			"password_file",
			place);
	else if (strstr(errors, "unable to open config file") || strstr(errors, "Is there a repository"))
		finding_add(findings, ITEM, GAVEA_CRITICAL,
			"there is no restic repository at %s: look whether it is mounted or was deleted",
			place);
	else if (strstr(errors, "ciphertext verification failed") ||
		strstr(errors, "invalid data returned") || strstr(errors, "load <index") ||
		strstr(errors, "LoadIndex"))
		finding_add(findings, ITEM, GAVEA_CRITICAL,
			"the repository %s is damaged: %s; copy it away before you repair it", place,
			tool_complaint(tool));
	else
		finding_add(findings, ITEM, GAVEA_UNKNOWN, "cannot read the repository %s: %s", place,
			tool_complaint(tool));
}

static int run(struct tool *tool, const char *place)
{
	int r = tool_run(tool);

	if (r == 0 && tool->result.code == 0)
		return 0;
	explain(tool, place, r);
	return r < 0 ? r : -EIO;
}

static void add_filters(struct tool *tool, const struct settings *settings)
{
	if (settings->host) {
		tool_add(tool, "--host");
		tool_add(tool, settings->host);
	}
	for (size_t i = 0; i < settings->tags.count; i++) {
		tool_add(tool, "--tag");
		tool_add(tool, settings->tags.items[i]);
	}
}

/* restic 0.14 does not keep the size with the snapshot. Without it the size is simply not known. */
static void read_size(struct context *context, const char *place, struct backup *newest)
{
	_cleanup_tool_ struct tool tool = {0};

	prepare(&tool, context, place);
	tool_add(&tool, "stats");
	tool_add(&tool, "--json");
	tool_add(&tool, newest->name);
	if (run(&tool, place) == 0)
		newest->size = listing_read_restic_size(&tool.result.output);
}

static void look_at_lock(struct context *context, const char *place, const char *id, struct locks *locks)
{
	_cleanup_tool_ struct tool tool = {0};
	char owner[256];
	bool exclusive;
	int64_t time;

	prepare(&tool, context, place);
	tool_add(&tool, "cat");
	tool_add(&tool, "lock");
	tool_add(&tool, id);
	if (tool_run(&tool) < 0 || tool.result.code != 0)
		return; /* it was released meanwhile */
	if (lock_read_restic(&tool.result.output, owner, &time, &exclusive) < 0)
		finding_add(&context->findings, "lock", GAVEA_UNKNOWN, "lock %.8s cannot be read", id);
	else
		locks_add(locks, context->settings->lock_age, context->now, owner, time, exclusive);
}

static void look_at_locks(struct context *context, const char *place)
{
	_cleanup_tool_ struct tool tool = {0};
	struct locks locks = {0};
	char *line, *rest = NULL;
	int count = 0, r;

	prepare(&tool, context, place);
	tool_add(&tool, "list");
	tool_add(&tool, "locks");
	r = tool_run(&tool);
	if (r < 0 || tool.result.code != 0) {
		finding_add(&context->findings, "lock", GAVEA_UNKNOWN, "cannot list locks: %s",
			r < 0 ? error_text(&tool.error, r) : tool_complaint(&tool));
		return;
	}
	for (line = tool.result.output.size ? strtok_r(tool.result.output.data, "\n", &rest) : NULL; line;
		line = strtok_r(NULL, "\n", &rest))
		if (strlen(line) == 64 && count++ < LOCKS_MAX)
			look_at_lock(context, place, line, &locks);
	locks_judge(&locks, locks.exclusive ? "no backup can be made" : "prune and check cannot run",
		"when no restic runs there, \"restic unlock\" removes it", context->now, &context->findings);
	if (count > LOCKS_MAX)
		finding_add(&context->findings, "locks", GAVEA_WARNING,
			"there are %d locks, of which %d were looked into: see \"restic list locks\"", count,
			LOCKS_MAX);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	_cleanup_tool_ struct tool tool = {0};
	struct backup *newest;
	int r;

	prepare(&tool, context, place);
	tool_add(&tool, "snapshots");
	tool_add(&tool, "--json");
	add_filters(&tool, context->settings);
	r = run(&tool, place);
	if (r < 0)
		return r;
	r = listing_read_restic(&tool.result.output, facts);
	if (r < 0)
		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"restic's list of snapshots cannot be read: %s",
			r == -EBADMSG ? "it is not of the form that restic 0.14 to 0.18 write"
				      : strerror(-r));
	if (r < 0 || facts != &context->facts)
		return r;
	newest = facts_newest(facts);
	if (newest && newest->size == SIZE_UNKNOWN)
		newest->size = memory_size(context, newest);
	if (newest && newest->size == SIZE_UNKNOWN)
		read_size(context, place, newest);
	look_at_locks(context, place);
	return 0;
}

/* `check` ends with 0 for a repository without snapshots, and reads nothing of a part that is empty. */
static int verify(struct context *context, struct record *record)
{
	static const char *const damage[] = {"repository contains errors", "LoadIndex returned errors",
		"ciphertext verification failed", "invalid data returned", "load <index", NULL};
	static const struct own_check own = {
		.name = "restic check",
		.good = "no errors were found",
		.damage = damage,
		.remedy = "copy the repository away, then see \"restic check\" and its manual on repairs",
		.nothing = "snapshot",
	};
	const struct settings *settings = context->settings;
	bool parts = settings->verify_data && settings->verify_parts > 1;
	int64_t part = record->part % settings->verify_parts + 1;
	_cleanup_tool_ struct tool tool = {0};
	char subset[64];
	int r;

	prepare(&tool, context, settings->place);
	tool_add(&tool, "check");
	snprintf(subset, sizeof(subset), "--read-data-subset=%" PRId64 "/%" PRId64, part,
		settings->verify_parts);
	if (settings->verify_data)
		tool_add(&tool, parts ? subset : "--read-data");
	r = own_check_run(&tool, &own, record);
	if (r < 0 || record->status != GAVEA_OK)
		return r;
	if (parts) {
		record->part = part;
		snprintf(record->text, sizeof(record->text), "data of part %" PRId64 " of %" PRId64, part,
			settings->verify_parts);
	} else {
		snprintf(record->text, sizeof(record->text), "%s",
			settings->verify_data ? "all data"
					      : "structure only: verify_data reads the data too");
	}
	return 0;
}

static int restore(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
	struct error *error)
{
	const struct settings *settings = context->settings;
	const struct backup *newest = facts_newest(&context->facts);
	_cleanup_tool_ struct tool tool = {0};
	int r;

	prepare(&tool, context, settings->place);
	tool.stop = stop;
	tool.userdata = userdata;
	tool_add(&tool, "restore");
	tool_add(&tool, newest->name);
	tool_add(&tool, "--target");
	tool_add(&tool, folder);
	for (size_t i = 0; i < settings->restore_paths.count; i++) {
		tool_add(&tool, "--include");
		tool_add(&tool, settings->restore_paths.items[i]);
	}
	r = tool_run(&tool);
	if (r < 0)
		return error_set(error, r, "%s", error_text(&tool.error, r));
	return tool.result.code
		? error_set(error, -EIO, "\"restic restore\" failed: %s", tool_complaint(&tool))
		: 0;
}

static const char *const programs[] = {"/usr/bin/restic", "/usr/local/bin/restic", NULL};

const struct backup_kind kind_restic = {
	.name = "restic",
	.programs = programs,
	.package = "restic",
	.remembers = true,
	.has_places = true,
	.look = look,
	.verify = verify,
	.restore = restore,
};
