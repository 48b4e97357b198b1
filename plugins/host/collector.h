/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector is, and what it works with. A collector turns the text of one or more files under /proc
 * into samples; the plugin reads the files, each once a run whoever wants it, and hands over the samples
 * together.
 */
#ifndef HOST_COLLECTOR_H
#define HOST_COLLECTOR_H

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stddef.h>

/* What the run's one-line summary is made of, and what is judged; negative: not known. */
struct facts {
	double load1;
	double memory_total; /* bytes */
	double memory_available;
	long cpus;
	long filesystems;
	double fullest; /* per cent used */
	const char *fullest_mount_point; /* borrowed from the filesystem collector until its next run */
};

/* The samples of a run. */
struct collection {
	struct gavea_check *check;
	int *series;
	double *values;
	size_t count;
	size_t room;
	bool no_memory; /* a sample was lost */
	bool refused; /* a series was refused by the host; it is in the log */
	struct facts facts;
};

void collection_begin(struct collection *collection);
void collection_done(struct collection *collection);

/* Makes room for at least one more. */
int collection_grow(struct collection *collection);

/* Adds a sample. A series that is not positive is passed over. */
static inline void collect(struct collection *collection, int series, double value)
{
	if (series <= 0 || (collection->count == collection->room && collection_grow(collection) < 0))
		return;
	collection->series[collection->count] = series;
	collection->values[collection->count++] = value;
}

/* A metric, as it is declared. */
struct metric {
	const char *name;
	enum gavea_sample_type type;
	const char *unit; /* NULL: none */
	const char *help;
};

/* Declares a series. Label values may hold any bytes. Returns its number; not positive: the host refused,
 * which is logged once. */
int declare(struct collection *collection, const struct metric *metric, const struct gavea_pair *labels,
	size_t label_count);

/* Declares count metrics with the same label (NULL: none) into series. */
void declare_all(struct collection *collection, const struct metric *metrics, size_t count, const char *label,
	const char *value, int *series);

enum {
	COLLECTOR_FILES = 3,
};

struct collector {
	const char *name;
	const char *files[COLLECTOR_FILES]; /* below /proc; none: collect() is called with an empty text */
	size_t state_size; /* the state is zeroed, then opened */
	/* Reads options and declares what is known beforehand. 0, or a negative errno after gavea_fail(). May
	 * be NULL. */
	int (*open)(void *state, struct collection *collection);
	/* Takes the text of files[file]. 0 or a negative errno: the collector is then reported as failed. */
	int (*collect)(void *state, struct collection *collection, size_t file, const char *text);
	void (*close)(void *state); /* also after a failed open(); may be NULL */
};

extern const struct collector collector_cpu;
extern const struct collector collector_diskstats;
extern const struct collector collector_filesystem;
extern const struct collector collector_loadavg;
extern const struct collector collector_meminfo;
extern const struct collector collector_netdev;
extern const struct collector collector_pressure;
extern const struct collector collector_stat;
extern const struct collector collector_time;
extern const struct collector collector_uname;

#endif
