/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines. By default they go to standard error, with the "<N>" prefix that the journal understands when it reads
 * them, and without it on a terminal. A program that calls log_open() writes to the journal itself where standard error
 * is the journal's, so that its fields can be searched for, or one JSON object a line. The writable globals of the
 * programs are the level and where lines go.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/util.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

enum log_format {
	LOG_FORMAT_AUTO, /* the journal with fields where standard error leads there, else text */
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
};

/* Lines above this level are not written. */
void log_set_level(int level);
int log_level(void);

/* "error", "warning", "notice", "info", "debug" to a level; -EINVAL for anything else. */
int log_level_from_name(const char *name);

/* "auto", "text", "json" to a format; -EINVAL for anything else. */
int log_format_from_name(const char *name);

/* Says how the program's lines are written from now on; at the start, before there are threads. program is its name and
 * stays the caller's. A journal that can't be reached is done without. */
void log_open(const char *program, enum log_format format);

/* The same with the journal's socket elsewhere; for tests. */
void log_open_at(const char *program, enum log_format format, const char *journal_socket);

/* Writes one line. Newlines and control characters inside it are written as spaces. */
void log_line(int level, const char *format, ...) _printf_(2, 3);

/* What a line is about. name is the journal's ("GAVEA_CHECK", "TRACE_ID"); in JSON it is in lower case and without
 * "GAVEA_". A value of NULL or "" is left out. In text fields are not shown: the line says it by itself. */
struct log_field {
	const char *name;
	const char *value;
};

#define LOG_FIELDS_MAX 8

void log_line_with(int level, const struct log_field *fields, size_t count, const char *format, ...)
	_printf_(4, 5);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
