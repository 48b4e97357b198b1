/* SPDX-License-Identifier: Apache-2.0 */
/* Borg 1.x. It asks questions on its terminal; all of them are answered beforehand, with no. */
#include "kinds.h"
#include "listing.h"
#include "locks.h"
#include "memory.h"
#include "own_check.h"
#include "steps.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define ITEM "repository"
#define ROSTER_MAX 65536

static const char *const answers[] = {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes",
	"BORG_RELOCATED_REPO_ACCESS_IS_OK=yes", "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING=NO",
	"BORG_DELETE_I_KNOW_WHAT_I_AM_DOING=NO", "BORG_DISPLAY_PASSPHRASE=no", "BORG_PASSPHRASE_FD=0",
	"BORG_EXIT_CODES=legacy"};

static void prepare(struct tool *tool, struct context *context, const char *place)
{
	tool_init(tool, context, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		tool_set(tool, "%s", answers[i]);
	tool_set(tool, "BORG_REPO=%s", place);
	/* Of its own even so: without one it would write to a home that it must not see. */
	tool_set(tool, "BORG_BASE_DIR=%s", context->work ? context->work : "/nonexistent");
	tool->wants_password = true;
	tool_add(tool, "--bypass-lock");
}

static void explain(struct tool *tool, const char *place, int r)
{
	struct findings *findings = &tool->context->findings;
	const char *errors = buf_str(&tool->result.errors);

	if (r < 0)
		finding_add(findings, ITEM, GAVEA_UNKNOWN, "%s: %s", place, error_text(&tool->error, r));
	else if (!tool->context->work)
		finding_add(
			findings, ITEM, GAVEA_UNKNOWN, "borg needs a folder for its cache: set work=FOLDER");
	else if (strstr(errors, "passphrase supplied in") || strstr(errors, "Passphrase"))
		finding_add(findings, ITEM, GAVEA_UNKNOWN, "%s: the password is wrong: look at password_file",
			place);
	else if (strstr(errors, "does not exist") || strstr(errors, "is not a valid repository"))
		finding_add(findings, ITEM, GAVEA_CRITICAL,
			"there is no borg repository at %s: look whether it is mounted or was deleted",
			place);
	else if (strstr(errors, "ntegrity") || strstr(errors, "Data integrity") ||
		strstr(errors, "ObjectNotFound"))
		finding_add(findings, ITEM, GAVEA_CRITICAL,
			"the repository %s is damaged: %s; copy it away before you repair it", place,
			tool_complaint(tool));
	else
		finding_add(findings, ITEM, GAVEA_UNKNOWN, "cannot read the repository %s: %s", place,
			tool_complaint(tool));
}

/* Status 1 is a warning, such as that a file changed while it was read. */
static int run(struct tool *tool, const char *place)
{
	int r = tool_run(tool);

	if (r == 0 && tool->result.code <= 1)
		return 0;
	explain(tool, place, r);
	return r < 0 ? r : -EIO;
}

static void read_size(struct context *context, const char *place, struct backup *newest)
{
	_cleanup_tool_ struct tool tool = {0};
	_cleanup_free_ char *archive = NULL;

	if (asprintf(&archive, "::%s", newest->name) < 0)
		return;
	prepare(&tool, context, place);
	tool_add(&tool, "info");
	tool_add(&tool, "--json");
	tool_add(&tool, archive);
	if (run(&tool, place) == 0)
		newest->size = listing_read_borg_size(&tool.result.output);
}

/* From "HOST@NUMBER.PROCESS-THREAD". */
static const char *find_owner(const char *folder, char owner[static 256])
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	snprintf(owner, 256, "somebody");
	while (dir && (entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (entry->d_name[0] != '.' && dot)
			snprintf(owner, 256, "%.*s (process %.*s)", (int)strcspn(entry->d_name, "@"),
				entry->d_name, (int)strspn(dot + 1, "0123456789"), dot + 1);
	}
	if (dir)
		closedir(dir);
	return owner;
}

/* Borg does not tell of locks; in a repository of this machine they can be seen: a folder with a file named after its
 * owner, and a list of those who share. */
static void look_at_locks(struct context *context, const char *place)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[4200], owner[256];
	struct locks locks = {0};
	bool exclusive;
	struct stat st;

	if (place[0] != '/')
		return;
	snprintf(path, sizeof(path), "%s/lock.roster", place);
	if (lstat(path, &st) == 0 && file_read(AT_FDCWD, path, ROSTER_MAX, &text) == 0 &&
		lock_read_borg(&text, owner, &exclusive))
		locks_add(&locks, context->settings->lock_age, context->now, owner, st.st_mtim.tv_sec,
			exclusive);
	snprintf(path, sizeof(path), "%s/lock.exclusive", place);
	if (lstat(path, &st) == 0)
		locks_add(&locks, context->settings->lock_age, context->now,
			locks.count ? locks.owner : find_owner(path, owner), st.st_mtim.tv_sec, true);
	locks_judge(&locks, locks.exclusive ? "no backup can be made" : "nothing can be pruned",
		"when no borg runs there, \"borg break-lock\" removes it", context->now, &context->findings);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	_cleanup_tool_ struct tool tool = {0};
	struct backup *newest;
	int r;

	prepare(&tool, context, place);
	tool_add(&tool, "list");
	tool_add(&tool, "--json");
	if (context->settings->archives) {
		tool_add(&tool, "--glob-archives");
		tool_add(&tool, context->settings->archives);
	}
	r = run(&tool, place);
	if (r < 0)
		return r;
	r = listing_read_borg(&tool.result.output, facts);
	if (r < 0)
		finding_add(&context->findings, ITEM, GAVEA_UNKNOWN,
			"borg's list of archives cannot be read: %s",
			r == -EBADMSG ? "it is not of the form that borg 1.1 to 1.4 write" : strerror(-r));
	if (r < 0 || facts != &context->facts)
		return r;
	newest = facts_newest(facts);
	if (newest)
		newest->size = memory_size(context, newest);
	if (newest && newest->size == SIZE_UNKNOWN)
		read_size(context, place, newest);
	look_at_locks(context, place);
	return 0;
}

static const char *const damage[] = {"check, errors found", "complete, problems found", "ntegrity error",
	"ObjectNotFound", "CheckNeeded", "missing chunk", NULL};

static int check(struct context *context, bool data, struct record *record)
{
	static const struct own_check own = {
		.name = "borg check",
		.good = "no problems found",
		.damage = damage,
		.remedy = "copy the repository away before \"borg check --repair\"",
		.nothing = "archive",
	};
	_cleanup_tool_ struct tool tool = {0};

	prepare(&tool, context, context->settings->place);
	tool_add(&tool, "check");
	tool_add(&tool, "--verbose");
	if (data)
		tool_add(&tool, "--verify-data");
	return own_check_run(&tool, &own, record);
}

static int check_structure(struct context *context, struct record *record)
{
	return check(context, false, record);
}

/* Reads, decrypts and compares all data of one archive, and writes nothing. */
static int read_archive(struct context *context, const struct backup *backup, struct record *record)
{
	static const struct own_check own = {
		.name = "borg extract --dry-run",
		.damage = damage,
		.remedy = "copy the repository away before \"borg check --repair\"",
		.nothing = "archive",
	};
	_cleanup_free_ char *archive = NULL;
	_cleanup_tool_ struct tool tool = {0};

	if (asprintf(&archive, "::%s", backup->name) < 0)
		return -EAGAIN;
	prepare(&tool, context, context->settings->place);
	tool_add(&tool, "extract");
	tool_add(&tool, "--dry-run");
	tool_add(&tool, archive);
	return own_check_run(&tool, &own, record);
}

static int verify(struct context *context, struct record *record)
{
	static const struct steps_work work = {
		.prepare = check_structure, .verify_one = read_archive, .what = "archives"};
	const struct settings *settings = context->settings;
	int r;

	if (settings->verify_each)
		return steps_verify(context, &work, record);
	r = check(context, settings->verify_data, record);
	if (r == 0 && record->status == GAVEA_OK)
		snprintf(record->text, sizeof(record->text), "%s",
			settings->verify_data ? "all data"
					      : "structure and checksums: verify_data decrypts the data too");
	return r;
}

static int restore(struct context *context, const char *folder, bool (*stop)(void *), void *userdata,
	struct error *error)
{
	const struct settings *settings = context->settings;
	_cleanup_free_ char *archive = NULL;
	_cleanup_tool_ struct tool tool = {0};
	int r;

	if (asprintf(&archive, "::%s", facts_newest(&context->facts)->name) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	prepare(&tool, context, settings->place);
	tool.directory = folder;
	tool.stop = stop;
	tool.userdata = userdata;
	tool_add(&tool, "extract");
	tool_add(&tool, archive);
	for (size_t i = 0; i < settings->restore_paths.count; i++)
		tool_add(&tool,
			settings->restore_paths.items[i] + (settings->restore_paths.items[i][0] == '/'));
	r = tool_run(&tool);
	if (r < 0)
		return error_set(error, r, "%s", error_text(&tool.error, r));
	/* Status 1 is a warning, such as of rights that this user cannot give: what was wanted is for the assertions to say. */
	if (tool.result.code > 1)
		return error_set(error, -EIO, "\"borg extract\" failed: %s", tool_complaint(&tool));
	if (tool.result.code == 1)
		gavea_log(context->check, GAVEA_LOG_NOTICE, "\"borg extract\" warns: %s",
			tool_complaint(&tool));
	return 0;
}

static const char *const programs[] = {"/usr/bin/borg", "/usr/local/bin/borg", NULL};

const struct backup_kind kind_borg = {
	.name = "borg",
	.programs = programs,
	.package = "borgbackup",
	.remembers = true,
	.has_places = true,
	.look = look,
	.verify = verify,
	.restore = restore,
};
