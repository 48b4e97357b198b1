/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier runs have read of files that grow, and what they found there: a secret in a log stays a finding for as long
 * as it lies there, though its line is read only once. Kept in the check's key-value state, as fingerprints.
 */
#ifndef SECRET_MEMORY_H
#define SECRET_MEMORY_H

#include "scan_internal.h"

#include "base/buf.h"

struct memory {
	struct gavea_check *check;
	struct buf before; /* the names of all that was known, with a space behind each */
	struct buf now;
	char rules[FINGERPRINT_SIZE]; /* changes whenever a rule, or the key, does */
};

int memory_init(struct memory *memory, struct gavea_check *check, const struct scan *scan);

/*
 * Searches a file from where the last run stopped, unless it is another one by now: known are device, inode, and a
 * fingerprint of how it begins. What cannot be continued, such as packed files, is searched again when it changed.
 */
int memory_scan_file(struct memory *memory, struct target *target, int fd, const struct stat *st);

/* Forgets what was not met in this run, if it came to its end, and makes the rest durable. */
void memory_commit(struct memory *memory, bool whole);
void memory_done(struct memory *memory);

/* Findings as text, one a line, and back. The sighting's rule must still be known, or it is -ENOENT. */
void memory_write_finding(struct buf *out, const struct sighting *what);
int memory_read_finding(const struct engine *engine, const char *line, struct sighting *ret_what);

#endif
