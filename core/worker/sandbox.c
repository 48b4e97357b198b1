/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/sandbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>

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

int sandbox_apply(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(error, -errno, "cannot set no_new_privs: %s", strerror(errno));
	sandbox_say(report, "no_new_privs");
	r = sandbox_limits(spec, report, error);
	/* Landlock's rules are made of open files: while there is still the right to reach them. */
	if (r == 0)
		r = sandbox_landlock(spec, report, error);
	if (r == 0)
		r = sandbox_capabilities(spec, report, error);
	/* Last: it may forbid what the others need. */
	return r < 0 ? r : sandbox_seccomp(spec, report, error);
}
