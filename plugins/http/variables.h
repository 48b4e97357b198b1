/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sequence has learnt, and the secrets that it was given: both are filled in where a text says {{name}}, and
 * taken out again of everything that is shown.
 */
#ifndef HTTP_VARIABLES_H
#define HTTP_VARIABLES_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

enum {
	VARIABLES_MAX = 64,
	VARIABLE_NAME_MAX = 32,
	VARIABLE_VALUE_MAX = 64 * 1024, /* bytes */
};

/* Whether a value may be seen in what is said. */
enum hiding {
	HIDE_NEVER,
	HIDE_LONG, /* from four bytes on: what was extracted; a "1" says nothing and stands everywhere */
	HIDE_ALWAYS, /* secrets */
};

struct variable {
	char name[VARIABLE_NAME_MAX + 1];
	char *value;
	char *encoded,
		*escaped; /* as in a URL and in JSON: a peer may send it back so. All zeroed before they are freed. */
	enum hiding hiding;
};

struct variables {
	struct variable list[VARIABLES_MAX];
	size_t count;
};

/* Where a text is going, which decides how a value is written into it. */
enum filling {
	FILL_PLAIN,
	FILL_URL, /* percent-encoded, but for a value that stands at the very start: that may be a whole URL */
	FILL_JSON, /* as inside a string of JSON, without the quotes */
	FILL_HEADER, /* control characters are an error */
};

void variables_done(struct variables *variables);
/* Sets or replaces one. 0, -ENOMEM, -E2BIG (too many, or too long). */
int variables_set(
	struct variables *variables, const char *name, const char *value, size_t size, enum hiding hiding);

bool variable_name_valid(const char *name, size_t size);

/* The length of the {{name}} that begins at text, its name in *ret_name and *ret_size; 0: none begins here. */
size_t template_reference(const char *text, const char **ret_name, size_t *ret_size);

/* Adds text with its references filled in. 0, or a negative errno with an error that names the reference. */
int template_fill(const char *text, const struct variables *variables, enum filling filling, struct buf *out,
	struct error *error);

/* Adds text of this size as one line of valid UTF-8 of at most limit bytes, without what must not be seen. */
void variables_show(
	const struct variables *variables, const char *text, size_t size, size_t limit, struct buf *out);

#endif
