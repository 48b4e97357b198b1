/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of what was restored. */
#ifndef BACKUP_ASSERTION_H
#define BACKUP_ASSERTION_H

#include "scratch.h"

/*
 * Judges one assertion ("exists PATH", "sha256 MANIFEST", "query SQL", "run PROGRAM ARGUMENTS"). Blocks. 0: it holds.
 * -EBADMSG: it does not; any other: it could not be tried. Both with an error that says what.
 */
int assertion_judge(struct scratch *scratch, const char *assertion, struct error *error);

/* The path in a line of a manifest as sha256sum(1) writes it, "HEX  PATH" or "HEX *PATH"; NULL: it is not of the form, or
 * leads out of the backup. Pure. */
const char *manifest_read_line(const char *line);

#endif
