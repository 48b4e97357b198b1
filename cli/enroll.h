/* SPDX-License-Identifier: Apache-2.0 */
/* What `gavea enroll` reads and writes beside the identity itself. */
#ifndef CLI_ENROLL_H
#define CLI_ENROLL_H

#include "base/buf.h"
#include "base/error.h"

/* Reads a token from a file ("-": standard input), or asks at the terminal when path is NULL. 0 or -errno with error; the
 * buffer is the caller's to zero. Blocks. */
int enroll_read_token(const char *path, struct buf *token, struct error *error);

/* Appends the fleet section for a server; ca_file, and the folder of the identity where it is not the usual one, may be
 * NULL. */
void enroll_add_config(
	const char *name, const char *url, const char *ca_file, const char *folder, struct buf *out);

/* Appends the section to conf.d/fleet.conf below that folder, which must have no more than comments. 0 or -errno with
 * error. */
int enroll_write_config(const char *folder, const struct buf *section, struct error *error);

#endif
