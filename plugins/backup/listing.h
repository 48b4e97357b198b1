/* SPDX-License-Identifier: Apache-2.0 */
/* What the tools say there is, as JSON. Pure: what they wrote may be anything. */
#ifndef BACKUP_LISTING_H
#define BACKUP_LISTING_H

#include "facts.h"
#include "finding.h"
#include "judge.h"
#include "wal.h"

#include "base/buf.h"

#include <jansson.h>

/* All of these: 0, -EBADMSG when it is not of the form, or -ENOMEM. Facts may have been added even so. */

/* "restic snapshots --json" */
int listing_read_restic(const struct buf *text, struct facts *facts);
/* "restic stats --json": bytes, or SIZE_UNKNOWN. */
int64_t listing_read_restic_size(const struct buf *text);

/* "borg list --json" */
int listing_read_borg(const struct buf *text, struct facts *facts);
/* "borg info --json": bytes, or SIZE_UNKNOWN. */
int64_t listing_read_borg_size(const struct buf *text);

/* "pgbackrest info --output=json", of which stanza is the first element. Adds findings on the stanza's status and on
 * backups with errors. */
int listing_read_pgbackrest(
	json_t *stanza, const char *place, struct facts *facts, struct findings *findings);
/* The segments without which each backup cannot be restored, *ret_count of them; free it. Names lie in the stanza. NULL:
 * no memory. */
struct wal_need *listing_read_needs(json_t *stanza, uint64_t segment_size, size_t *ret_count);
/* The archive of the newest database version; earlier ones cannot be restored onto it. NULL: there is none. */
const char *listing_archive_id(json_t *stanza);
/* Each of the repositories is to hold a backup in time, and as many as wanted have to. */
void listing_judge_repositories(json_t *stanza, const struct judge_settings *settings, int64_t wanted,
	int64_t now, struct findings *findings);

/* "pgbackrest repo-ls --recurse --output=json" of an archive. *ret_history: the newest timeline with a history file. */
int listing_read_segments(
	const struct buf *text, const char *id, struct wal_archive *archive, uint32_t *ret_history);

/* "barman -f json list-backups" and "check" of a server. */
int listing_read_barman(json_t *root, const char *server, struct facts *facts, struct findings *findings);
void listing_judge_barman(json_t *root, const char *server, struct findings *findings);

#endif
