/* SPDX-License-Identifier: Apache-2.0 */
/* The WAL that barman keeps, in its own folders: its check does not see a segment that is missing. */
#ifndef BACKUP_BARMAN_WAL_H
#define BACKUP_BARMAN_WAL_H

#include "context.h"

/* home: barman_home. facts: the backups that are done, sorted from the oldest. Adds the findings of wal_judge(), or "wal" as
 * unknown. Blocks on the disk. */
void barman_wal_look(
	struct context *context, const char *home, const char *server, const struct facts *facts);

#endif
