/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that a person will read: where (file and line, or a peer) and what. Parsers and loaders fill one
 * beside their negative errno.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/util.h"

struct error {
	char *where; /* "file:line", a path or a peer; NULL: nowhere in particular. Owned. */
	char *message; /* Owned; NULL: none was set. */
};

#define ERROR_INIT \
	{ \
		NULL, NULL \
	}

/* Sets the message, replacing any earlier one, and returns code, so that one can write
 * `return error_set(error, -EINVAL, "…")`. error may be NULL. */
int error_set(struct error *error, int code, const char *format, ...) _printf_(3, 4);

/* The same with a place: "file:line" when line is positive, else file alone. */
int error_set_at(struct error *error, int code, const char *file, int line, const char *format, ...)
	_printf_(5, 6);

/* Puts "text: " before the message. */
void error_prefix(struct error *error, const char *format, ...) _printf_(2, 3);

/* The message, or the text of code when there is none. Borrowed. */
const char *error_text(const struct error *error, int code);

void error_done(struct error *error);
#define _cleanup_error_ _cleanup_(error_done)

#endif
