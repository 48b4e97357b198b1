/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/sandbox.h"

#include <stdarg.h>
#include <stdio.h>

void sandbox_report_done(struct sandbox_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->lines[i]);
	free(report->lines);
	*report = (struct sandbox_report){.lines = NULL};
}

void sandbox_say(struct sandbox_report *report, const char *format, ...)
{
	char *line;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0)
		return;
	if (GROW(report->lines, report->count, report->room) < 0)
		free(line);
	else
		report->lines[report->count++] = line;
}
