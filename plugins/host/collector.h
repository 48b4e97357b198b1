/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a collector is, and what it works with. A collector turns the text of one or more files under /proc
 * into samples; the plugin reads the files, each once a run whoever wants it, and hands over the samples
 * together.
 */
#ifndef HOST_COLLECTOR_H
#define HOST_COLLECTOR_H

#include "verdict.h"

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stddef.h>

/* The files of /proc/pressure. */
enum { PRESSURE_CPU, PRESSURE_IO, PRESSURE_MEMORY, PRESSURES };

/* What the run's one-line summary is made of, and what is judged; negative: not known. */
struct facts {
	double load1;
	double memory_total; /* bytes */
	double memory_available;
	long cpus;
	long filesystems;
	double fullest; /* per cent used */
	const char *fullest_mount_point; /* borrowed from the filesystem collector until its next run */
	double cpu_ticks; /* of all CPUs, in all modes */
	double steal_ticks;
	double oom_kills; /* since boot */
	double files_allocated;
	double files_maximum;
	struct {
		double some; /* per cent of the time; the lesser of the last minute and the last 5 minutes */
		double full;
	} pressure[PRESSURES];
	double clock_error; /* seconds at most, as far as the kernel knows; negative: it was not asked */
	bool clock_synchronised;
	bool memory_seen; /* /proc/meminfo was read, whatever it said */
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
	int64_t now; /* nanoseconds on the monotonic clock, when the run began */
	int64_t wall_offset; /* what makes nanoseconds since 1970 of it; measured once, so steps do not show */
	const char *procfs; /* as configured; borrowed from the host */
	const char *sysfs;
	char *rootfs; /* owned; without a slash at its end: "" is the host's own root */
	size_t kept_files; /* of attrs.h */
	bool same_boot; /* the host has not booted since state was saved */
	bool save; /* something happened that must not be forgotten: save the state after this run */
	struct facts facts;
	struct verdicts verdicts;
};

/* Reads the folders from the options. 0, or a negative errno after gavea_fail(). */
int collection_open(struct collection *collection, struct gavea_check *check);

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

/* Whether it is time for work that is done only each period (nanoseconds); *next starts as 0. */
bool due(const struct collection *collection, int64_t *next, int64_t period);

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
	/* Sets what must outlast this worker in the key-value state; may be NULL. */
	void (*save)(void *state, struct collection *collection);
};

extern const struct collector collector_arp;
extern const struct collector collector_bonding;
extern const struct collector collector_conntrack;
extern const struct collector collector_cpu;
extern const struct collector collector_cpufreq;
extern const struct collector collector_diskstats;
extern const struct collector collector_dmi;
extern const struct collector collector_edac;
extern const struct collector collector_entropy;
extern const struct collector collector_filefd;
extern const struct collector collector_filesystem;
extern const struct collector collector_hwmon;
extern const struct collector collector_loadavg;
extern const struct collector collector_mdadm;
extern const struct collector collector_meminfo;
extern const struct collector collector_netclass;
extern const struct collector collector_netdev;
extern const struct collector collector_netstat;
extern const struct collector collector_nfs;
extern const struct collector collector_nfsd;
extern const struct collector collector_nvme;
extern const struct collector collector_os;
extern const struct collector collector_pressure;
extern const struct collector collector_schedstat;
extern const struct collector collector_selinux;
extern const struct collector collector_sockstat;
extern const struct collector collector_softnet;
extern const struct collector collector_stat;
extern const struct collector collector_textfile;
extern const struct collector collector_thermal_zone;
extern const struct collector collector_time;
extern const struct collector collector_timex;
extern const struct collector collector_udp_queues;
extern const struct collector collector_uname;
extern const struct collector collector_vmstat;
extern const struct collector collector_xfs;
extern const struct collector collector_zfs;

/* Those that judge what the others collected, and run after them. */
extern const struct collector judge_clock;
extern const struct collector judge_disks;
extern const struct collector judge_files;
extern const struct collector judge_memory;
extern const struct collector judge_oom;
extern const struct collector judge_pressure;
extern const struct collector judge_reboot;
extern const struct collector judge_steal;

#endif
