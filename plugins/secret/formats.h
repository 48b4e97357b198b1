/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that hold secrets by their form: .netrc, .pgpass, shadow, kubeconfig, … What a format knows is told by the
 * name of the file; a form without a name is the environment, in which a name such as DB_PASSWORD tells.
 */
#ifndef SECRET_FORMATS_H
#define SECRET_FORMATS_H

#include "sighting.h"

struct format;

/* The format of a file by its path; NULL: none. */
const struct format *format_of(const char *path);

/* Environment variables: NAME=value lines, also those of Environment= in unit files. */
const struct format *format_environment(void);

/* Whether a variable or member of this name holds a secret: DB_PASSWORD, api_key, but not DB_PASSWORD_FILE. */
bool format_name_tells(const char *name, size_t size);

/* Sets rule and description to those of the format that bears this name. */
bool format_recall(const char *rule, struct sighting *what);

/* Whether a file of this format is the place where such secrets are kept: the finding is then no worse than a warning
 * as long as nobody else can read it. */
bool format_is_store(const struct format *format);

/* Looks at whole lines. line is the number of the first one, offset that of its first byte. */
int format_scan(const struct format *format, const struct fingerprint_key *key, const char *text, size_t size,
	uint64_t offset, uint64_t line, sighting_sink sink, void *userdata);

#endif
