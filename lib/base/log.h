/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines to standard error, with the "<N>" prefix that the journal understands when it reads them, and
 * without it on a terminal. The one writable global of the programs is the level.
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

/* Lines above this level are not written. */
void log_set_level(int level);
int log_level(void);

/* "error", "warning", "notice", "info", "debug" to a level; -EINVAL for anything else. */
int log_level_from_name(const char *name);

/* Writes one line. Newlines and control characters inside it are written as spaces. */
void log_line(int level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
