/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plugin: what the machine is doing, under node_exporter's names, and whether all is well with it. This file picks
 * the collectors, runs them and those that judge, sums up, and saves what must last.
 */
#include "feeds.h"
#include "options.h"
#include "processes.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/suggest.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static const struct collector *const collectors[] = {
	&collector_arp,
	&collector_bonding,
	&collector_conntrack,
	&collector_cpu,
	&collector_cpufreq,
	&collector_diskstats,
	&collector_dmi,
	&collector_edac,
	&collector_entropy,
	&collector_filefd,
	&collector_filesystem,
	&collector_hwmon,
	&collector_loadavg,
	&collector_mdadm,
	&collector_meminfo,
	&collector_netclass,
	&collector_netdev,
	&collector_netstat,
	&collector_nfs,
	&collector_nfsd,
	&collector_nvme,
	&collector_os,
	&collector_pressure,
	&collector_schedstat,
	&collector_selinux,
	&collector_sockstat,
	&collector_softnet,
	&collector_stat,
	&collector_textfile,
	&collector_thermal_zone,
	&collector_time,
	&collector_timex,
	&collector_udp_queues,
	&collector_uname,
	&collector_vmstat,
	&collector_xfs,
	&collector_zfs,
};

static const struct collector *const judges[] = {
	&judge_memory,
	&judge_oom,
	&judge_pressure,
	&judge_steal,
	&judge_files,
	&judge_disks,
	&judge_clock,
	&judge_reboot,
};

enum {
	COLLECTORS = ARRAY_SIZE(collectors),
	JUDGES = ARRAY_SIZE(judges),
	BOOT_ID_SIZE = 36,
};

_Static_assert((int)COLLECTORS + (int)JUDGES <= (int)WORKERS_MAX, "feeds.h has room for all of them");
_Static_assert(2 * (int)WORKERS_MAX <= (int)FEEDS_MAX, "and for their files");

#define SAVE_EACH (600 * NSEC_PER_SEC)
/* Checks that run seldom have a new worker each time, which must not wait for the tenth minute. */
#define SAVE_FIRST (60 * NSEC_PER_SEC)

static const char boot_key[] = "boot";
static const char saved_key[] = "saved";

struct host {
	struct feeds feeds;
	struct processes *processes;
	struct collection collection;
	struct buf summary;
	char boot_id[BOOT_ID_SIZE + 1];
	int64_t last_save; /* on the monotonic clock */
	bool saved; /* by this worker */
};

static void host_free(struct host *host)
{
	if (!host)
		return;
	feeds_done(&host->feeds);
	processes_free(host->processes);
	collection_done(&host->collection);
	buf_done(&host->summary);
	free(host);
}

static const struct collector *collector_find(const char *name)
{
	for (size_t i = 0; i < COLLECTORS; i++)
		if (streq(collectors[i]->name, name))
			return collectors[i];
	return NULL;
}

static int unknown_collector(struct gavea_check *check, const char *name)
{
	const char *names[COLLECTORS];
	const char *meant;

	for (size_t i = 0; i < COLLECTORS; i++)
		names[i] = collectors[i]->name;
	meant = suggest(name, names, COLLECTORS);
	if (meant)
		return gavea_fail(
			check, -EINVAL, "collectors: there is no \"%s\"; did you mean \"%s\"?", name, meant);
	return gavea_fail(check, -EINVAL, "collectors: there is no \"%s\"", name);
}

/* Text files are read last: they must not repeat what the others have. */
static int add_collectors(struct host *host)
{
	struct gavea_check *check = host->collection.check;
	const struct collector *last = NULL;
	const char *const *names;
	size_t count;

	names = gavea_option_strings(check, "collectors", &count);
	if (!count)
		return gavea_fail(check, -EINVAL, "collectors: the list is empty");
	for (size_t i = 0; i < count; i++) {
		const struct collector *collector = collector_find(names[i]);
		int r;

		if (collector == &collector_textfile) {
			last = collector;
			continue;
		}
		r = collector ? feeds_add(&host->feeds, &host->collection, collector)
			      : unknown_collector(check, names[i]);
		if (r < 0)
			return r;
	}
	if (last) {
		int r = feeds_add(&host->feeds, &host->collection, last);

		if (r < 0)
			return r;
	}
	if (!feeds_begin(&host->feeds, &host->collection))
		return gavea_fail(check, -ENOENT, "nothing to collect: none of the files is below %s",
			host->collection.procfs);
	return 0;
}

/* Whether the state that was saved is of this boot, and how old it is. */
static void read_boot(struct host *host)
{
	struct collection *collection = &host->collection;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const void *value;
	int64_t saved;
	size_t size;

	host->last_save = collection->now - SAVE_EACH;
	if (gavea_state_get(collection->check, saved_key, &value, &size) == 0 && size == sizeof(saved)) {
		memcpy(&saved, value, sizeof(saved));
		saved -= collection->wall_offset;
		host->last_save = MIN(saved, collection->now);
	}
	if (asprintf(&path, "%s/sys/kernel/random/boot_id", collection->procfs) < 0) {
		path = NULL;
		return;
	}
	if (file_read(AT_FDCWD, path, 4096, &text) < 0 || text.size < BOOT_ID_SIZE)
		return;
	memcpy(host->boot_id, text.data, BOOT_ID_SIZE);
	collection->same_boot = gavea_state_get(collection->check, boot_key, &value, &size) == 0 &&
		size == BOOT_ID_SIZE && memcmp(value, host->boot_id, size) == 0;
}

static int host_open(struct gavea_check *check, void **ret_state)
{
	struct host *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = collection_open(&host->collection, check);
	if (r == 0) {
		read_boot(host);
		r = add_collectors(host);
	}
	for (size_t i = 0; r == 0 && i < JUDGES; i++)
		r = feeds_add(&host->feeds, &host->collection, judges[i]);
	if (r == 0)
		r = processes_new(&host->collection, &host->processes);
	if (r < 0) {
		host_free(host);
		return r;
	}
	*ret_state = host;
	return 0;
}

static void host_close(struct gavea_check *check, void *state)
{
	(void)check;
	host_free(state);
}

/* Saves what must last: each ten minutes, or at once when something happened. Without a state, as in a one-shot run, there
 * is nothing to save to. */
static void save(struct host *host)
{
	struct collection *collection = &host->collection;
	int64_t now = collection->now + collection->wall_offset;
	int64_t age = collection->now - host->last_save;

	if (!collection->save && age < (host->saved ? SAVE_EACH : SAVE_FIRST))
		return;
	collection->save = false;
	host->saved = true;
	host->last_save = collection->now;
	feeds_save(&host->feeds, collection);
	if (*host->boot_id)
		(void)gavea_state_set(collection->check, boot_key, host->boot_id, BOOT_ID_SIZE);
	if (gavea_state_set(collection->check, saved_key, &now, sizeof(now)) == 0)
		(void)gavea_state_commit(collection->check);
}

static void add_fact(struct buf *summary, const char *format, ...) _printf_(2, 3);
static void add_fact(struct buf *summary, const char *format, ...)
{
	va_list args;

	if (summary->size)
		buf_add_str(summary, ", ");
	va_start(args, format);
	buf_vprintf(summary, format, args);
	va_end(args);
}

/* "load 0.31, memory 23 % used, 4 filesystems, fullest / 37 %, 2 CPUs", as far as it is known. */
static void add_facts(const struct facts *facts, struct buf *summary)
{
	if (facts->load1 >= 0)
		add_fact(summary, "load %.2f", facts->load1);
	if (facts->memory_total > 0 && facts->memory_available >= 0)
		add_fact(summary, "memory %.0f %% used",
			100 - 100 * facts->memory_available / facts->memory_total);
	if (facts->filesystems >= 0)
		add_fact(summary, "%ld filesystem%s", facts->filesystems, facts->filesystems == 1 ? "" : "s");
	if (facts->fullest_mount_point)
		add_fact(summary, "fullest %s %.0f %%", facts->fullest_mount_point, facts->fullest);
	if (facts->cpus > 0)
		add_fact(summary, "%ld CPU%s", facts->cpus, facts->cpus == 1 ? "" : "s");
	if (!summary->size)
		add_fact(summary, "collected");
}

/* What is wrong comes first. */
static void sum_up(const struct collection *collection, const struct worker *failed, struct buf *summary)
{
	_cleanup_buf_ struct buf facts = BUF_INIT;

	verdicts_sum_up(&collection->verdicts, summary);
	if (failed)
		buf_printf(summary, "%s%s: %s", summary->size ? "; " : "", failed->collector->name,
			feeds_reason(failed->reported));
	add_facts(&collection->facts, &facts);
	buf_printf(summary, "%s%s", summary->size ? "; " : "", buf_str(&facts));
}

static int host_run(struct gavea_check *check, void *state)
{
	struct host *host = state;
	struct collection *collection = &host->collection;
	const struct worker *failed;

	collection->check = check;
	collection_begin(collection);
	feeds_run(&host->feeds, collection);
	gavea_samples(check, collection->series, collection->values, collection->count);
	if (collection->no_memory)
		return gavea_fail(check, -ENOMEM, "out of memory");
	processes_tell(host->processes, collection);
	failed = feeds_failed(&host->feeds, collection);
	buf_reset(&host->summary);
	sum_up(collection, failed, &host->summary);
	gavea_result(check, failed ? GAVEA_UNKNOWN : GAVEA_OK, "%s", buf_str(&host->summary));
	save(host);
	return 0;
}

static const char *const read_paths[] = {"${procfs}", "${sysfs}", "${textfile_directory}", "${rootfs}/etc",
	"${rootfs}/usr/lib", "${rootfs}/boot", "${rootfs}/run/udev/data", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.memory = 32u << 20,
	.open_files = 512,
	.read_paths = read_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(plugin),
	.name = "host",
	.version = GAVEA_VERSION,
	.summary = "CPU, memory, load, pressure, file systems, disks and network of this host",
	.options = host_options,
	.option_count = HOST_OPTIONS,
	.option_size = sizeof(host_options[0]),
	.needs = &needs,
	.open = host_open,
	.run = host_run,
	.close = host_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
