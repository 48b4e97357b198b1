/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/backup
/*
 * What the tools write as JSON: the first byte chooses restic's snapshots, borg's archives, pgbackrest's stanzas and
 * archive, barman's backups and check, or a lock. Whatever comes is judged or refused, and ends in findings with a text.
 */
#include "plugins/backup/copies.h"
#include "plugins/backup/listing.h"
#include "plugins/backup/locks.h"

#include <stdio.h>

#define NOW INT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct judge_settings settings = {
	.interval = 86400, .grace = 3600, .min_count = 1, .size_change = 50};

static void judge(const struct facts *facts, struct findings *findings)
{
	struct facts sorted = *facts;

	facts_sort(&sorted);
	judge_backups(&settings, "place", &sorted, NULL, 0, NOW, findings);
}

static void read_pgbackrest(const struct buf *text, struct facts *facts, struct findings *findings)
{
	json_t *root = json_loadb(buf_str(text), text->size, 0, NULL), *stanza = json_array_get(root, 0);
	struct wal_archive archive = {.segment_size = 16 << 20};
	size_t count = 0;
	struct wal_need *needs = listing_read_needs(stanza, archive.segment_size, &count);

	for (size_t i = 0; i < count; i++)
		if (!needs[i].backup)
			__builtin_trap();
	(void)listing_read_pgbackrest(stanza, "main", facts, findings);
	listing_judge_repositories(stanza, &settings, 2, NOW, findings);
	(void)listing_archive_id(stanza);
	wal_judge(&archive, needs, count, 600, NOW, findings);
	free(needs);
	json_decref(root);
}

static void read_segments(const struct buf *text, struct findings *findings)
{
	struct wal_archive archive = {.segment_size = 16 << 20};
	const struct wal_need need = {.backup = "B", .start = {1, 2, 0}, .stop = {1, 3, 0}};
	uint32_t history = 0;

	if (listing_read_segments(text, "15-1", &archive, &history) == 0) {
		archive.missing_history = history;
		wal_judge(&archive, &need, 1, 600, NOW, findings);
	}
	wal_done(&archive);
}

static void read_barman(const struct buf *text, struct facts *facts, struct findings *findings)
{
	json_t *root = json_loadb(buf_str(text), text->size, 0, NULL);

	(void)listing_read_barman(root, "main", facts, findings);
	listing_judge_barman(root, "main", findings);
	json_decref(root);
}

static void read_locks(const struct buf *text, struct findings *findings)
{
	struct locks locks = {0};
	char owner[256];
	bool exclusive;
	int64_t time;

	if (lock_read_restic(text, owner, &time, &exclusive) == 0)
		locks_add(&locks, 3600, NOW, owner, time, exclusive);
	if (lock_read_borg(text, owner, &exclusive))
		locks_add(&locks, 3600, NOW, owner, 0, exclusive);
	locks_judge(&locks, "x", "y", NOW, findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_facts_ struct facts facts = {0};
	_cleanup_findings_ struct findings findings = {0};
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (size == 0)
		return 0;
	buf_add(&text, data + 1, size - 1);
	switch (data[0]) {
	case 'r':
		(void)listing_read_restic(&text, &facts);
		(void)listing_read_restic_size(&text);
		break;
	case 'b':
		(void)listing_read_borg(&text, &facts);
		(void)listing_read_borg_size(&text);
		break;
	case 'p':
		read_pgbackrest(&text, &facts, &findings);
		break;
	case 's':
		read_segments(&text, &findings);
		break;
	case 'm':
		read_barman(&text, &facts, &findings);
		break;
	default:
		read_locks(&text, &findings);
	}
	judge(&facts, &findings);
	for (size_t i = 0; i < findings.count; i++)
		if (!*findings.list[i].text)
			__builtin_trap();
	return 0;
}
