/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that a program says while a callback of it runs: told to the host by the calls of the SDK. */
#ifndef CORE_WORKER_PROGRAM_ANSWERS_H
#define CORE_WORKER_PROGRAM_ANSWERS_H

#include "base/error.h"

#include <gavea/plugin.h>

enum answer_wanted {
	ANSWER_OPENED, /* the callback is open() */
	ANSWER_DONE, /* run() or command() */
};

/*
 * Takes one line in. command is NULL unless one runs. 0: the callback goes on; 1: that was its end, with *ret_result
 * what it returns (a failure has been given to gavea_fail()); -EPROTO with error: the line is none of the protocol's, or
 * out of turn. Does not block.
 */
int answer_take(struct gavea_check *check, struct gavea_command *command, enum answer_wanted wanted,
	char *line, size_t size, int *ret_result, struct error *error);

#endif
