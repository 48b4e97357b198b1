/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an archive of PostgreSQL's write-ahead log has all its segments: along each timeline, and where one leaves
 * the other. The tools' own checks do not see a segment that is missing. Pure.
 */
#ifndef BACKUP_WAL_H
#define BACKUP_WAL_H

#include "finding.h"

#include <stdint.h>

struct wal_segment {
	uint32_t timeline;
	uint64_t number; /* from the beginning of the log */
	int64_t time; /* of its file: seconds since 1970 */
};

/* A timeline on the way to the newest one: from this segment on it goes on there. */
struct wal_branch {
	uint32_t timeline;
	uint64_t from;
};

struct wal_archive {
	struct wal_segment *list;
	size_t count;
	size_t room;
	uint64_t segment_size; /* bytes, a power of two */
	struct wal_branch *line; /* from the oldest to the newest; empty: not known */
	size_t line_count;
	size_t line_room;
	uint32_t missing_history; /* the timeline whose history file is not there; 0: none is missing */
};

/* Reads a name of 24 hexadecimal digits, whatever follows. 0, or -EINVAL: not that of a segment (of this size). */
int wal_name_parse(const char *name, uint64_t segment_size, struct wal_segment *ret_segment);
char *wal_name_format(char buffer[static 25], const struct wal_segment *segment, uint64_t segment_size);

/* 0, -EINVAL (as above) or -ENOMEM. */
int wal_add(struct wal_archive *archive, const char *name, int64_t time);

/* The newest timeline that has a segment; 0: none. */
uint32_t wal_newest_timeline(const struct wal_archive *archive);

/* Reads the name of a history file, "00000002.history"; 0: it is none. */
uint32_t wal_history_name(const char *name);

/* Takes what the history file of the newest timeline says of its ancestors. 0, -EBADMSG (it is not of the form) or
 * -ENOMEM. */
int wal_take_history(struct wal_archive *archive, uint32_t timeline, const char *text);

/* A backup and the segments without which it cannot be restored. */
struct wal_need {
	const char *backup;
	struct wal_segment start;
	struct wal_segment stop;
};

/* Adds the finding "wal", and "wal history" when that is missing. A hole on the way to the newest timeline that the newest
 * backup needs is critical; without a history, timelines are taken to follow each other. A hole whose later side is younger than grace seconds may still be filled. needs are sorted
 * from the oldest. */
void wal_judge(struct wal_archive *archive, const struct wal_need *needs, size_t need_count, int64_t grace,
	int64_t now, struct findings *findings);

/* The same by the options, and the finding "wal age" where that is asked for. Nothing where there is neither a segment nor
 * a need. */
struct settings;
void wal_judge_archive(struct wal_archive *archive, const struct wal_need *needs, size_t need_count,
	const struct settings *settings, int64_t now, struct findings *findings);

void wal_done(struct wal_archive *archive);

#endif
