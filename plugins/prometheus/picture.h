/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scrape shows: the newest sample of every series, the state of every check, and counts of what happened.
 * Bounded: what comes beyond is left out and counted. Everything here is guarded by picture_lock(); nothing blocks
 * but that.
 *
 * Times "born" are on CLOCK_BOOTTIME in nanoseconds: the moment of a sample or result as that clock shows it, so that
 * a step of the wall clock makes nothing older or younger.
 */
#ifndef PROMETHEUS_PICTURE_H
#define PROMETHEUS_PICTURE_H

#include "base/strmap.h"
#include "buckets.h"

#include <gavea/plugin.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PICTURE_SERIES_MAX 50000u
#define PICTURE_CHECKS_MAX 4096u
#define PICTURE_KINDS_MAX 64u
#define PICTURE_STATUSES 4

/* Why a series is not shown. */
enum left_out {
	LEFT_OUT_LIMIT, /* there are too many */
	LEFT_OUT_NAME, /* not a valid name or label, or one of the output's own */
	LEFT_OUT_CLASH, /* another check gives the name another type, or a histogram's parts are called so */
	LEFT_OUT_REASONS,
};

struct check {
	char *name; /* plugin/name */
	char *labels; /* of the configuration, as they are written; "" none */
	uint64_t every_ms;
	uint32_t number; /* for whoever walks through all */
	bool kept; /* from an earlier life, and not yet heard of in this one */
	bool gone; /* to be freed by picture_sweep() */
	bool judged; /* there was a result: what follows is of the last one */
	int state; /* enum gavea_status */
	bool flapping;
	int64_t started_ms, since_ms; /* wall clock */
	int64_t born;
	uint64_t duration_us;
	uint64_t items[PICTURE_STATUSES]; /* by status */
	uint64_t items_left_out;
	uint64_t changes; /* of state, that were seen */
	int64_t sampled_ms; /* the run that gave the last samples; INT64_MIN: none */
};

struct series {
	struct family *family;
	struct check *check;
	struct series *twin; /* the next one of this name and these labels, by another check */
	char *labels; /* as they are written: a="b",c="d" */
	int64_t time_ms; /* of the run; INT64_MIN: no sample yet */
	int64_t born;
	double value;
	struct buckets *buckets; /* of a histogram; NULL: none yet */
	bool dead; /* to be freed by picture_sweep() */
};

struct family {
	char *name, *unit, *help;
	int type; /* enum gavea_sample_type */
	struct series **series;
	size_t count, room;
	size_t collisions; /* pairs that only the check tells apart: all series bear its name then */
};

/* Counts by a word: kinds of events, reasons of losses. */
struct tally {
	char *word;
	uint64_t count;
};

struct picture {
	pthread_mutex_t mutex;
	uint64_t generation; /* another number after each change */
	int64_t staleness; /* nanoseconds; 0: by the check's interval */
	struct family **families; /* by name */
	size_t family_count, family_room;
	struct strmap by_name; /* name{labels} to the first of its twins */
	size_t series_count;
	uint64_t left_out[LEFT_OUT_REASONS];
	struct check **checks; /* by name */
	size_t check_count, check_room;
	struct tally kinds[PICTURE_KINDS_MAX + 1]; /* of events; the last is "other" */
	size_t kind_count;
	uint64_t dropped_samples, dropped_results, dropped_events;
	uint64_t damaged; /* records that could not be read */
	char *version; /* of the agent; NULL: not known yet */
	char *agent_name;
	char *agent_labels; /* as they are written */
};

void picture_init(struct picture *picture, int64_t staleness);
void picture_done(struct picture *picture);
void picture_lock(struct picture *picture);
void picture_unlock(struct picture *picture);

/* The check of this name, made when it is new; NULL: too many, or no memory. */
struct check *picture_check(struct picture *picture, const char *name);

/* Its series are freed by the next sweep. */
void picture_check_gone(struct picture *picture, struct check *check);

/* What a series is declared with. */
struct declaration {
	const char *name;
	int type;
	const char *unit;
	const char *help;
	struct gavea_pair *labels; /* sorted in place */
	size_t label_count;
};

/* The series, made when it is new. 0; -EINVAL: it is left out, and counted; -ENOMEM. */
int picture_series(struct picture *picture, struct check *check, struct declaration *declaration,
	struct series **ret_series);

void picture_event(struct picture *picture, const char *kind);

/* Whether it is shown: it was in the last run of its check that had samples, and that is not too long ago. */
bool picture_shows(const struct picture *picture, const struct series *series, int64_t now);

/* Whether the last result is too old to be believed. */
bool picture_is_stale(const struct picture *picture, const struct check *check, int64_t now);

/* Marks the series that were not seen for long, and those of checks that are gone. Returns how many are to be freed. */
size_t picture_mark(struct picture *picture, int64_t now);

/* Frees what is marked. Pointers to those series and checks must be gone. */
void picture_sweep(struct picture *picture);

#endif
