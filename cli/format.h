/* SPDX-License-Identifier: Apache-2.0 */
/* Times and numbers for people. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "base/buf.h"
#include "cli/terminal.h"
#include "proto/worker.pb-c.h"

#define FORMAT_SIZE 48

/* How long ago, "3min 20s"; "-" for 0; "0s" for what has not come yet. Returns buffer. */
char *format_age(char buffer[static FORMAT_SIZE], int64_t then_ms, int64_t now_ms);

/* In how long, "in 12s"; "now" for what is due; "-" for 0. Returns buffer. */
char *format_wait(char buffer[static FORMAT_SIZE], int64_t then_ms, int64_t now_ms);

/* "2026-01-31 12:00:00" in local time; "-" for 0. Returns buffer. */
char *format_time(char buffer[static FORMAT_SIZE], int64_t unix_ms);

/* A duration of a run: "450 ms", "12.3 ms", "3.2 s". Returns buffer. */
char *format_run(char buffer[static FORMAT_SIZE], uint64_t us);

/* The shortest number that reads back as the same: "0.25", "17179869184". Returns buffer. */
char *format_number(char buffer[static FORMAT_SIZE], double value);

/* Appends what a worker may do, a line each with its indent: "network: may connect". */
void format_rights(const Gavea__Worker__V1__Rights *rights, const char *indent, struct buf *out);

/* Icon and name of the status, coloured: "✓ ok". */
void format_status(const struct terminal *terminal, enum gavea_status status, struct buf *out);

#endif
