/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that a program gets; each is an object with one member, and ends in a newline. */
#ifndef CORE_WORKER_PROGRAM_REQUESTS_H
#define CORE_WORKER_PROGRAM_REQUESTS_H

#include "base/buf.h"

#include <gavea/plugin.h>

#define PROGRAM_PROTOCOL 1

/* All append to line. Memory that ran out is remembered by the buffer. */
void request_start(struct buf *line, const char *plugin, bool describe);

/* Holds the check's secrets: to be wiped after use. */
void request_open(struct buf *line, struct gavea_check *check);

/* Of the running job, with the time that is left for it. */
void request_run(struct buf *line, struct gavea_check *check);
void request_command(struct buf *line, struct gavea_check *check, struct gavea_command *command);
void request_cancel(struct buf *line, struct gavea_check *check);
void request_close(struct buf *line, struct gavea_check *check);

#endif
