/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a check, read and judged once. Strings are borrowed from the host until close(). */
#ifndef BACKUP_SETTINGS_H
#define BACKUP_SETTINGS_H

#include "judge.h"

#include "base/error.h"
#include "kit/program.h"

#include <stdbool.h>
#include <stddef.h>

struct backup_kind;

struct list {
	const char *const *items;
	size_t count;
};

struct settings {
	const struct backup_kind *kind;
	const char *place; /* the repository, the pattern of files, the directory, the stanza or server */
	const char *program; /* absolute path; NULL: the kind runs none */
	const char *password_file;
	const char *config;
	const char *host;
	const char *archives;
	struct list tags;
	struct list files;
	struct list copies;
	struct list restore_paths;
	struct list restore_assert;
	struct judge_settings judge;
	size_t size_window;
	int64_t verify_every; /* seconds; 0: never */
	int64_t verify_parts;
	const char *window;
	const char *trailer;
	int64_t content_min;
	int64_t content_max;
	int64_t wal_segment_size;
	int64_t wal_grace; /* seconds */
	int64_t wal_max_age; /* seconds; 0: not judged */
	int64_t lock_age; /* seconds */
	int64_t copies_min;
	int64_t media;
	int64_t restore_every; /* seconds; 0: never */
	const char *restore_into;
	int64_t restore_max_size;
	const char *work;
	struct program_user user;
	bool has_user;
	bool verify_data;
	bool verify_each; /* one archive after the other */
	bool idle;
	bool wal;
	bool offsite;
};

#define SETTINGS_OPTION_COUNT 47
extern const struct gavea_option settings_options[SETTINGS_OPTION_COUNT];

/* kinds: those that there are, NULL at the end. 0, or -EINVAL with an error that names the option. May ask the name
 * service for a user. */
int settings_read(struct gavea_check *check, const struct backup_kind *const *kinds,
	struct settings *settings, struct error *error);

#endif
