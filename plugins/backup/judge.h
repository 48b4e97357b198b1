/* SPDX-License-Identifier: Apache-2.0 */
/* Judges backups by what there is. Pure: the clock and the memory are given. */
#ifndef BACKUP_JUDGE_H
#define BACKUP_JUDGE_H

#include "facts.h"
#include "finding.h"

#include <stdbool.h>

struct judge_settings {
	int64_t interval; /* seconds between two backups; 0: age is not judged */
	int64_t grace; /* seconds by which one may be late */
	int64_t max_age; /* seconds: critical beyond; 0: two intervals and the grace */
	int64_t min_count;
	int64_t min_size; /* bytes of the newest */
	double size_change; /* percent from the median; 0: not judged */
};

/* Adds the findings age, count and size. place: what is looked at, for the texts. */
void judge_backups(const struct judge_settings *settings, const char *place, const struct facts *facts,
	const int64_t *earlier, size_t earlier_count, int64_t now, struct findings *findings);

/* Judges the age of one backup alone. */
void judge_age(const struct judge_settings *settings, const char *item, const char *name, int64_t time,
	int64_t now, struct findings *findings);

/* Seconds for people, as format_duration_rough(); below 0 counts as 0. Returns buffer. */
char *format_seconds(char buffer[static 32], int64_t seconds);

/* The median; values is sorted in place. count is not 0. */
int64_t median(int64_t *values, size_t count);

/* The last time something long was done: a verification, a restore test. */
struct record {
	int64_t time; /* of its end; 0: never */
	int64_t begun; /* of the one that was begun last; later than time: it has not ended yet */
	int64_t seconds; /* how long it took */
	enum gavea_status status;
	int64_t part; /* of parts: how far a verification in parts has got; 0: a whole one */
	int64_t running; /* 1: it was begun, and nothing was heard of it since */
	char text[512];
};

void record_write(const struct record *record, char buffer[static 1024]);
/* 0 or -EINVAL: not of the form. */
int record_read(const char *text, struct record *ret_record);

/* What is to be said of it. every: seconds, 0: it is not wanted. why_not: why it was not done now; NULL: it was. */
void judge_record(const struct record *record, const char *item, const char *what, int64_t every,
	const char *why_not, int64_t now, struct findings *findings);

/* Whether local time is within "HH:MM-HH:MM", which may go over midnight. -EINVAL: not of the form. */
int window_contains(const char *window, int64_t now);

#endif
