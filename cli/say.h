/* SPDX-License-Identifier: Apache-2.0 */
/* How the command line speaks: results to standard output, complaints to standard error. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "base/buf.h"
#include "base/error.h"

/* Writes the buffer to standard output at once. 0, or CLI_FAILED with a complaint. */
int say(const struct buf *text);

/* "gavea: TEXT" to standard error. Returns code, for `return complain(CLI_FAILED, …)`. */
int complain(int code, const char *format, ...) _printf_(2, 3);

/* The same with an error's text (several lines stay lines). */
int complain_error(int code, const struct error *error, int r);

#endif
