/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's unit files, as far as secrets come into them. Blocks on the disk. */
#ifndef SECRET_UNIT_H
#define SECRET_UNIT_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One setting: lines that go on with "\" are joined, comments left out. Returns 0, or what ends the parsing. The value is
 * gone afterwards. */
typedef int (*unit_sink)(void *userdata, const char *key, const char *value, unsigned line);

int unit_parse(const char *text, size_t size, unit_sink sink, void *userdata);

/* What a unit file puts into the environment of what it starts. */
struct unit_environment {
	struct buf text; /* the values of Environment=, each on the line on which it stands in the file */
	char **files; /* of EnvironmentFile=, which may be patterns */
	size_t count;
	size_t room;
	bool is_setting_credentials; /* SetCredential=, whose value everybody may ask systemd for */
	unsigned credential_line;
};

int unit_environment(const char *text, size_t size, struct unit_environment *ret_environment);
void unit_environment_done(struct unit_environment *environment);

enum credential_kind {
	CREDENTIAL_LOAD,
	CREDENTIAL_LOAD_ENCRYPTED,
	CREDENTIAL_SET, /* its value stands in the unit file */
	CREDENTIAL_SET_ENCRYPTED,
};

struct credential {
	char *id;
	enum credential_kind kind;
	char *path; /* where it is loaded from; NULL: by its name from the credential stores */
	char *file; /* the unit file, and the line in it */
	unsigned line;
};

struct unit {
	char **files; /* the unit file and its drop-ins, in the order in which they count */
	size_t file_count;
	size_t file_room;
	struct credential *credentials;
	size_t count;
	size_t room;
	bool found; /* there is a unit file, not only drop-ins */
	bool masked;
};

/* Reads a unit with its drop-ins from these folders, of which the first counts most. An error names the file. */
int unit_load(const char *name, const char *const *folders, size_t folder_count, struct unit *ret_unit,
	struct error *error);
void unit_done(struct unit *unit);

/* The credential of that name, as the last line about it has it; NULL: there is none. */
const struct credential *unit_credential(const struct unit *unit, const char *id);

#endif
