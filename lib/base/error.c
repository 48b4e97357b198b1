/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void set_text(char **slot, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	free(*slot);
	*slot = text;
}

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	va_start(args, format);
	set_text(&error->message, format, args);
	va_end(args);
	return code;
}

int error_set_at(struct error *error, int code, const char *file, int line, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	va_start(args, format);
	set_text(&error->message, format, args);
	va_end(args);
	free(error->where);
	error->where = NULL;
	if (file && line > 0) {
		if (asprintf(&error->where, "%s:%d", file, line) < 0)
			error->where = NULL;
	} else if (file) {
		error->where = strdup(file);
	}
	return code;
}

void error_prefix(struct error *error, const char *format, ...)
{
	_cleanup_free_ char *prefix = NULL;
	char *joined = NULL;
	va_list args;

	if (!error || !error->message)
		return;
	va_start(args, format);
	set_text(&prefix, format, args);
	va_end(args);
	if (prefix && asprintf(&joined, "%s: %s", prefix, error->message) >= 0) {
		free(error->message);
		error->message = joined;
	}
}

const char *error_text(const struct error *error, int code)
{
	if (error && error->message)
		return error->message;
	return strerror(code < 0 ? -code : code);
}

void error_done(struct error *error)
{
	free(error->where);
	free(error->message);
	*error = (struct error)ERROR_INIT;
}
