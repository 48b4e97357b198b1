/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a tool for a check: long work at idle priority, with no secret in its arguments. The password lies in a memory file that
 * is its standard input, at whose end it finds nothing more, so that it never waits for an answer.
 */
#ifndef BACKUP_TOOL_H
#define BACKUP_TOOL_H

#include "context.h"

#include "kit/program.h"

#define TOOL_ARGUMENTS 48

struct tool {
	struct context *context;
	const char *arguments[TOOL_ARGUMENTS + 1];
	size_t count; /* TOOL_ARGUMENTS + 1: there were too many */
	char *environment[TOOL_ARGUMENTS + 1]; /* owned */
	size_t variables;
	const char *directory;
	bool wants_password;
	bool as_self; /* not as the user that the options name */
	bool tidies; /* it cleans up: it goes on when the run is cancelled, for a while after the deadline */
	bool (*stop)(void *userdata); /* beside the host's wish; NULL: none */
	void *userdata;
	struct program_result result;
	struct error error;
	int failed; /* while it was prepared: a negative errno */
};

/* A tool at this path: NULL for the check's own program. */
void tool_init(struct tool *tool, struct context *context, const char *path);
/* Borrowed until it has run. */
void tool_add(struct tool *tool, const char *argument);
void tool_set(struct tool *tool, const char *format, ...) _printf_(2, 3);

/* Blocks until it ended. 0: it ended by itself, result has its exit status; else a negative errno, -ETIME when time
 * ran out, -ECANCELED, and error says why. */
int tool_run(struct tool *tool);

/* The line that says most of what it wrote to standard error. Valid until tool_done(). */
const char *tool_complaint(struct tool *tool);

void tool_done(struct tool *tool);
#define _cleanup_tool_ _cleanup_(tool_done)

#endif
