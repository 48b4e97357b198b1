/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"
#include "context.h"

#include "base/clock.h"

#include <errno.h>
#include <unistd.h>

const struct gavea_option settings_options[SETTINGS_OPTION_COUNT] = {
	{"kind", GAVEA_OPTION_CHOICE, GAVEA_OPTION_REQUIRED, NULL,
		"restic|borg|pgbackrest|barman|dump|directory|ping", "What makes the backups"},
	{"repository", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"restic, borg: the repository, as the tool takes it"},
	{"stanza", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"pgbackrest: the stanza; barman: the server's name there"},
	{"files", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"dump: patterns of files, each file one backup: /var/backups/db-*.sql.gz"},
	{"directory", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"directory: the folder; what lies directly in it are the backups"},
	{"config", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"pgbackrest, barman: its configuration file, if not the usual one"},
	{"program", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Absolute path of the tool, if not in /usr/bin or /usr/local/bin"},
	{"user", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"User to run the tools as; the service needs CAP_SETUID, CAP_SETGID and CAP_KILL for that"},
	{"password", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"restic, borg: password of the repository, best as ${credential:NAME}"},
	{"password_file", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"restic, borg: file with the password in its first line"},
	{"secret_environment", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"Lines of NAME=VALUE for the tool's environment alone, such as AWS_SECRET_ACCESS_KEY"},
	{"host", GAVEA_OPTION_STRING, 0, NULL, NULL, "restic: only snapshots of this host"},
	{"tags", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "restic: only snapshots with one of these tags"},
	{"archives", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"borg: only archives whose names fit this pattern: web-*"},
	{"interval", GAVEA_OPTION_DURATION, 0, "1d", "0s..400d",
		"A backup is due this often; 0s: age is not judged"},
	{"grace", GAVEA_OPTION_DURATION, 0, "3h", "0s..30d", "How late one may be before there is a warning"},
	{"max_age", GAVEA_OPTION_DURATION, 0, NULL, "1s..4000d",
		"Critical when the newest backup is older; if not set, two intervals and the grace"},
	{"min_count", GAVEA_OPTION_INT, 0, "1", "1..1000000", "Critical with fewer backups"},
	{"min_size", GAVEA_OPTION_SIZE, 0, NULL, NULL, "Critical when the newest backup is smaller"},
	{"size_change", GAVEA_OPTION_PERCENT, 0, "50%", "0%..100000%",
		"Warn when the newest differs by more from the median of those before; 0%: never"},
	{"size_window", GAVEA_OPTION_INT, 0, "10", "3..100", "How many backups before it make the median"},
	{"verify_every", GAVEA_OPTION_DURATION, 0, "7d", "0s..400d",
		"Verify this often, with the tool's own check; 0s: never. dump: read all files again (the "
		"newest is read "
		"as soon as it is new)"},
	{"verify_data", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"restic, borg: verifications read all data, not the structure alone"},
	{"verify_each", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"borg: verify the data archive by archive, going on where time ran out; data that archives "
		"share are "
		"read for each"},
	{"verify_parts", GAVEA_OPTION_INT, 0, "1", "1..1000",
		"restic, with verify_data: read this fraction of the data each time, going on where the last "
		"one ended"},
	{"window", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Verifications and restore tests begin only within this time of day: 22:00-05:00"},
	{"idle", GAVEA_OPTION_BOOL, 0, "true", NULL,
		"Verifications and restore tests give way to all else on this host; false where it is never "
		"idle"},
	{"trailer", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"dump: text that the last 4 KiB of the content must hold; those of pg_dump and mysqldump are "
		"known"},
	{"content_min", GAVEA_OPTION_SIZE, 0, NULL, NULL,
		"dump: critical when the unpacked content is smaller"},
	{"content_max", GAVEA_OPTION_SIZE, 0, "1TiB", "1B..",
		"dump: critical when the unpacked content is larger"},
	{"wal", GAVEA_OPTION_BOOL, 0, "true", NULL,
		"pgbackrest, barman: look for holes in the archive of the write-ahead log"},
	{"wal_segment_size", GAVEA_OPTION_SIZE, 0, "16MiB", "1MiB..1GiB",
		"pgbackrest: the cluster's wal_segment_size"},
	{"wal_grace", GAVEA_OPTION_DURATION, 0, "10min", "0s..30d",
		"pgbackrest, barman: how long a segment may come later than the one after it"},
	{"wal_max_age", GAVEA_OPTION_DURATION, 0, NULL, "1s..400d",
		"pgbackrest, barman: critical when the newest segment in the archive is older; set it where "
		"archive_timeout is"},
	{"lock_age", GAVEA_OPTION_DURATION, 0, "1d", "1s..400d",
		"A lock that is held for longer counts as stale"},
	{"copies", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Other places with the same backups: repositories, patterns or folders; judged like the "
		"first"},
	{"copies_min", GAVEA_OPTION_INT, 0, "0", "0..100",
		"Critical when fewer places than this, the first one included, hold a backup in time; those "
		"on "
		"one disk, machine or bucket count once (pgbackrest: its repositories)"},
	{"media", GAVEA_OPTION_INT, 0, "0", "0..5",
		"Warn when those in time lie on fewer kinds of media: disk, removable disk, share, server, "
		"object store"},
	{"offsite", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Warn when none of those in time is on another machine"},
	{"restore_every", GAVEA_OPTION_DURATION, 0, "0s", "0s..400d", "Test a restore this often; 0s: never"},
	{"restore_into", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Existing folder in which restore tests make, and remove, a folder of their own"},
	{"restore_paths", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Restore only these paths out of the backup; else all"},
	{"restore_max_size", GAVEA_OPTION_SIZE, 0, "10GiB", "1B..", "A restore that grows larger is stopped"},
	{"restore_assert", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"What must hold of what was restored: \"exists PATH\", \"sha256 MANIFEST\", \"query SQL\", "
		"\"run PROGRAM\""},
	{"work", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"Folder for caches of the tools; if not set, the check's own in the state directory"},
	{"write_paths", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"What else the tools must write, such as barman_home, where barman locks, for all checks"},
	{"read_paths", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"What else the tools must read, such as the path in pgbackrest's configuration, for all "
		"checks"},
};

static struct list read_list(struct gavea_check *check, const char *key)
{
	struct list list;

	list.items = gavea_option_strings(check, key, &list.count);
	return list;
}

static int64_t seconds(struct gavea_check *check, const char *key)
{
	return gavea_option_int(check, key) / NSEC_PER_SEC;
}

static void read_judge(struct gavea_check *check, struct settings *settings)
{
	settings->judge = (struct judge_settings){
		.interval = seconds(check, "interval"),
		.grace = seconds(check, "grace"),
		.max_age = seconds(check, "max_age"),
		.min_count = gavea_option_int(check, "min_count"),
		.min_size = gavea_option_int(check, "min_size"),
		.size_change = gavea_option_float(check, "size_change"),
	};
	settings->size_window = (size_t)gavea_option_int(check, "size_window");
	settings->copies = read_list(check, "copies");
	settings->copies_min = gavea_option_int(check, "copies_min");
	settings->media = gavea_option_int(check, "media");
	settings->offsite = gavea_option_bool(check, "offsite");
	settings->lock_age = seconds(check, "lock_age");
}

static void read_verification(struct gavea_check *check, struct settings *settings)
{
	settings->verify_every = seconds(check, "verify_every");
	settings->verify_data = gavea_option_bool(check, "verify_data");
	settings->verify_each = gavea_option_bool(check, "verify_each");
	settings->verify_parts = gavea_option_int(check, "verify_parts");
	settings->idle = gavea_option_bool(check, "idle");
	settings->window = gavea_option_string(check, "window");
	settings->trailer = gavea_option_string(check, "trailer");
	settings->content_min = gavea_option_int(check, "content_min");
	settings->content_max = gavea_option_int(check, "content_max");
	settings->wal = gavea_option_bool(check, "wal");
	settings->wal_segment_size = gavea_option_int(check, "wal_segment_size");
	settings->wal_grace = seconds(check, "wal_grace");
	settings->wal_max_age = seconds(check, "wal_max_age");
	settings->restore_every = seconds(check, "restore_every");
	settings->restore_into = gavea_option_string(check, "restore_into");
	settings->restore_paths = read_list(check, "restore_paths");
	settings->restore_max_size = gavea_option_int(check, "restore_max_size");
	settings->restore_assert = read_list(check, "restore_assert");
}

static int read_kind(struct gavea_check *check, const struct backup_kind *const *kinds,
	struct settings *settings, struct error *error)
{
	const char *name = gavea_option_string(check, "kind");

	for (; *kinds; kinds++)
		if (name && streq((*kinds)->name, name))
			settings->kind = *kinds;
	return settings->kind ? 0
			      : error_set(error, -EINVAL, "kind: there is no %s", name ? name : "default");
}

static int read_place(struct gavea_check *check, struct settings *settings, struct error *error)
{
	static const char *const keys[][2] = {{"restic", "repository"}, {"borg", "repository"},
		{"pgbackrest", "stanza"}, {"barman", "stanza"}, {"directory", "directory"}};

	settings->files = read_list(check, "files");
	settings->place = settings->files.count ? settings->files.items[0] : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!streq(settings->kind->name, keys[i][0]))
			continue;
		settings->place = gavea_option_string(check, keys[i][1]);
		if (str_empty(settings->place))
			return error_set(
				error, -EINVAL, "%s: wanted with kind = \"%s\"", keys[i][1], keys[i][0]);
		/* It becomes an argument of a program. */
		if (settings->place[0] == '-')
			return error_set(error, -EINVAL, "%s: must not begin with \"-\"", keys[i][1]);
	}
	if (streq(settings->kind->name, "dump") && !settings->files.count)
		return error_set(error, -EINVAL, "files: wanted with kind = \"dump\"");
	for (size_t i = 0; i < settings->files.count; i++)
		if (settings->files.items[i][0] != '/')
			return error_set(
				error, -EINVAL, "files: %s is not absolute", settings->files.items[i]);
	return 0;
}

static int read_program(struct gavea_check *check, struct settings *settings, struct error *error)
{
	const char *const *programs = settings->kind->programs;
	const char *user = gavea_option_string(check, "user");
	int r;

	settings->config = gavea_option_string(check, "config");
	settings->password_file = gavea_option_string(check, "password_file");
	settings->host = gavea_option_string(check, "host");
	settings->archives = gavea_option_string(check, "archives");
	settings->tags = read_list(check, "tags");
	settings->work = gavea_option_string(check, "work");
	settings->program = gavea_option_string(check, "program");
	if (settings->program && settings->program[0] != '/')
		return error_set(error, -EINVAL, "program: %s is not an absolute path", settings->program);
	for (; !settings->program && programs && *programs; programs++)
		if (access(*programs, X_OK) == 0 || !programs[1])
			settings->program = *programs;
	if (!user)
		return 0;
	r = program_find_user(user, &settings->user, error);
	if (r < 0) {
		error_prefix(error, "user");
		return r;
	}
	if (!program_can_change_user())
		return error_set(error, -EPERM,
			"user: the service may not change the user: it needs CAP_SETUID, "
			"CAP_SETGID and CAP_KILL");
	settings->has_user = true;
	return 0;
}

/* What would never be judged is refused, so that nobody relies on it. */
static int judge_copies(const struct settings *settings, struct error *error)
{
	const char *key = settings->copies.count ? "copies"
		: settings->offsite              ? "offsite"
		: settings->media                ? "media"
		: settings->copies_min           ? "copies_min"
						 : NULL;

	if (!key || settings->kind->has_places ||
		(streq(key, "copies_min") && settings->kind->has_repositories))
		return 0;
	return error_set(error, -EINVAL, "%s: not with kind = \"%s\": where its backups lie cannot be seen",
		key, settings->kind->name);
}

static int judge_restore(const struct settings *settings, struct error *error)
{
	static const char *const words[] = {"exists ", "sha256 ", "query ", "run /"};

	for (size_t i = 0; i < settings->restore_assert.count; i++) {
		const char *text = settings->restore_assert.items[i];
		bool known = false;

		for (size_t w = 0; w < ARRAY_SIZE(words); w++)
			known |= startswith(text, words[w]) != NULL;
		if (!known)
			return error_set(error, -EINVAL,
				"restore_assert: \"%s\" is not of the form \"exists PATH\", \"sha256 "
				"MANIFEST\", "
				"\"query SQL\" or \"run /PROGRAM\"",
				text);
	}
	if (!settings->restore_every)
		return 0;
	if (!settings->kind->restore)
		return error_set(error, -EINVAL,
			"restore_every: there is nothing to restore with kind = \"%s\"",
			settings->kind->name);
	if (!settings->restore_into || settings->restore_into[0] != '/')
		return error_set(
			error, -EINVAL, "restore_into: wanted with restore_every, as an absolute path");
	if (!settings->restore_assert.count)
		return error_set(error, -EINVAL,
			"restore_assert: wanted with restore_every: what must hold afterwards");
	for (size_t i = 0; i < settings->restore_paths.count; i++)
		if (settings->restore_paths.items[i][0] == '-')
			return error_set(error, -EINVAL, "restore_paths: must not begin with \"-\"");
	return 0;
}

int settings_read(struct gavea_check *check, const struct backup_kind *const *kinds,
	struct settings *settings, struct error *error)
{
	int r = read_kind(check, kinds, settings, error);

	if (r < 0)
		return r;
	read_judge(check, settings);
	read_verification(check, settings);
	r = read_place(check, settings, error);
	if (r == 0)
		r = read_program(check, settings, error);
	if (r == 0)
		r = judge_copies(settings, error);
	if (r == 0)
		r = judge_restore(settings, error);
	if (r == 0 && settings->window && window_contains(settings->window, 0) < 0)
		r = error_set(error, -EINVAL, "window: %s is not of the form 22:00-05:00", settings->window);
	if (r == 0 && (settings->wal_segment_size & (settings->wal_segment_size - 1)))
		r = error_set(error, -EINVAL, "wal_segment_size: wanted a power of two");
	return r;
}
