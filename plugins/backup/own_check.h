/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool says of its own repository, judged by its words and its exit status: neither alone is enough. */
#ifndef BACKUP_OWN_CHECK_H
#define BACKUP_OWN_CHECK_H

#include "tool.h"

struct own_check {
	const char *name; /* as the texts call it: "restic check" */
	const char *good; /* it says this when nothing is wrong; NULL: it says nothing then */
	const char *const *damage; /* it says one of these when the backups are to blame; NULL at the end */
	const char *remedy; /* for damage */
	const char *nothing; /* "snapshot": what there may be none of */
};

/* Runs the prepared tool. 0 with status and, if it is not ok, text of the record; -EAGAIN: time ran out, or the run was
 * cancelled. What is neither good nor damage is unknown: a network that failed says nothing on the backups. */
int own_check_run(struct tool *tool, const struct own_check *check, struct record *record);

#endif
