/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of backup that there are. */
#ifndef BACKUP_KINDS_H
#define BACKUP_KINDS_H

#include "context.h"

extern const struct backup_kind kind_restic;
extern const struct backup_kind kind_borg;
extern const struct backup_kind kind_pgbackrest;
extern const struct backup_kind kind_barman;
extern const struct backup_kind kind_dump;
extern const struct backup_kind kind_directory;
extern const struct backup_kind kind_ping;

#endif
