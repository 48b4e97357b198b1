/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int current_level = LOG_LEVEL_INFO;

void log_set_level(int level)
{
	current_level = level;
}

int log_level(void)
{
	return current_level;
}

int log_level_from_name(const char *name)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return LOG_LEVEL_ERROR + (int)i;
	return -EINVAL;
}

void log_line(int level, const char *format, ...)
{
	char line[2048];
	size_t used = 0;
	va_list args;
	int written;

	if (level > current_level)
		return;
	if (!isatty(STDERR_FILENO))
		used = (size_t)snprintf(line, sizeof line, "<%d>", level);
	va_start(args, format);
	written = vsnprintf(line + used, sizeof line - used - 1, format, args);
	va_end(args);
	if (written < 0)
		return;
	written = (int)MIN((size_t)written, sizeof line - used - 2);
	for (char *c = line + used; c < line + used + written; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	used += (size_t)written;
	line[used++] = '\n';
	/* One write a line, so that lines of several processes do not mix. There is nobody to tell of a
	 * failure. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
