/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collectors at work: each file that any of them wants is read once a run and handed to all who want it. A file that is
 * not there is looked for again once a minute: a module that is loaded later brings its files with it.
 */
#ifndef HOST_FEEDS_H
#define HOST_FEEDS_H

#include "collector.h"
#include "source.h"

enum {
	WORKERS_MAX = 48,
	FEEDS_MAX = 96,
	CONSUMERS_MAX = 4,
};

/* A collector at work. */
struct worker {
	const struct collector *collector;
	void *state;
	int error; /* of this run */
	int reported; /* the error that was logged last */
};

/* A file, and who takes its text. Without a name: nothing is read. */
struct feed {
	const char *name;
	struct source source;
	int64_t next_try; /* while it is not there */
	struct {
		struct worker *worker;
		size_t file;
	} consumers[CONSUMERS_MAX];
	size_t consumer_count;
};

struct feeds {
	struct worker workers[WORKERS_MAX];
	size_t worker_count;
	struct feed feeds[FEEDS_MAX];
	size_t feed_count;
	struct text text;
};

void feeds_done(struct feeds *feeds);

/* Adds a collector that is not there yet. 0, or a negative errno after gavea_fail(). */
int feeds_add(struct feeds *feeds, struct collection *collection, const struct collector *collector);

/* Whether any of the files is there, or something needs none. Says in the log, once, which are missing. */
bool feeds_begin(struct feeds *feeds, struct collection *collection);

void feeds_run(struct feeds *feeds, struct collection *collection);
void feeds_save(struct feeds *feeds, struct collection *collection);

/* The first collector that failed in this run, or NULL; each failure is logged when it begins. */
const struct worker *feeds_failed(struct feeds *feeds, struct collection *collection);

/* What an error of a collector means. */
const char *feeds_reason(int error);

#endif
