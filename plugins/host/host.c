/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plugin: what the machine is doing, under node_exporter's names. This file has the options, reads
 * the files that the collectors want, each once a run, and sums up.
 */
#include "collector.h"
#include "source.h"

#include "base/buf.h"
#include "base/suggest.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

static const struct collector *const collectors[] = {
	&collector_cpu,
	&collector_diskstats,
	&collector_filesystem,
	&collector_loadavg,
	&collector_meminfo,
	&collector_netdev,
	&collector_pressure,
	&collector_stat,
	&collector_time,
	&collector_uname,
};

enum {
	COLLECTORS = ARRAY_SIZE(collectors),
	SOURCES_MAX = 16,
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
	struct {
		struct worker *worker;
		size_t file;
	} consumers[CONSUMERS_MAX];
	size_t consumer_count;
};

struct host {
	struct worker workers[COLLECTORS];
	size_t worker_count;
	struct feed feeds[SOURCES_MAX];
	size_t feed_count;
	struct text text;
	struct collection collection;
	struct buf summary;
	double memory_warning;
	double memory_critical;
};

static void host_free(struct host *host)
{
	if (!host)
		return;
	for (size_t i = 0; i < host->worker_count; i++) {
		if (host->workers[i].collector->close)
			host->workers[i].collector->close(host->workers[i].state);
		free(host->workers[i].state);
	}
	for (size_t i = 0; i < host->feed_count; i++)
		source_close(&host->feeds[i].source);
	text_done(&host->text);
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

/* Joins a collector to the feed of a file, which is opened when it is the first one. A file that isn't there
 * (a kernel without it) has no feed. */
static int feed_join(
	struct host *host, const char *procfs, const char *name, struct worker *worker, size_t file)
{
	struct feed *feed = NULL;

	for (size_t i = 0; name && !feed && i < host->feed_count; i++)
		if (host->feeds[i].name && streq(host->feeds[i].name, name))
			feed = &host->feeds[i];
	if (!feed) {
		struct source source = {.fd = -1, .short_records = true};
		int r = name ? source_open(&source, procfs, name) : 0;

		if (r < 0) {
			gavea_log(host->collection.check, r == -ENOENT ? GAVEA_LOG_INFO : GAVEA_LOG_WARNING,
				"%s/%s: %s; %s is left out", procfs, name, strerror(-r),
				worker->collector->name);
			return r;
		}
		feed = &host->feeds[host->feed_count++];
		*feed = (struct feed){.name = name, .source = source};
	}
	feed->consumers[feed->consumer_count].worker = worker;
	feed->consumers[feed->consumer_count++].file = file;
	return 0;
}

static int worker_add(struct host *host, const struct collector *collector)
{
	struct gavea_check *check = host->collection.check;
	const char *procfs = gavea_option_string(check, "procfs");
	struct worker *worker;
	int r;

	for (size_t i = 0; i < host->worker_count; i++)
		if (host->workers[i].collector == collector)
			return 0;
	worker = &host->workers[host->worker_count];
	worker->state = calloc(1, collector->state_size);
	if (!worker->state)
		return gavea_fail(check, -ENOMEM, "out of memory");
	worker->collector = collector;
	host->worker_count++;
	r = collector->open ? collector->open(worker->state, &host->collection) : 0;
	if (r < 0)
		return r;
	if (!collector->files[0])
		return feed_join(host, procfs, NULL, worker, 0);
	for (size_t i = 0; i < COLLECTOR_FILES && collector->files[i]; i++)
		(void)feed_join(host, procfs, collector->files[i], worker, i);
	return 0;
}

static int add_workers(struct host *host)
{
	struct gavea_check *check = host->collection.check;
	const char *const *names;
	size_t count;

	names = gavea_option_strings(check, "collectors", &count);
	if (!count)
		return gavea_fail(check, -EINVAL, "collectors: the list is empty");
	for (size_t i = 0; i < count; i++) {
		const struct collector *collector = collector_find(names[i]);
		int r = collector ? worker_add(host, collector) : unknown_collector(check, names[i]);

		if (r < 0)
			return r;
	}
	if (!host->feed_count)
		return gavea_fail(check, -ENOENT, "nothing to collect: none of the files is below %s",
			gavea_option_string(check, "procfs"));
	return 0;
}

static int host_open(struct gavea_check *check, void **ret_state)
{
	struct host *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return gavea_fail(check, -ENOMEM, "out of memory");
	host->collection.check = check;
	host->memory_warning = gavea_option_float(check, "memory_warning");
	host->memory_critical = gavea_option_float(check, "memory_critical");
	r = add_workers(host);
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

static void feed_run(struct host *host, struct feed *feed)
{
	int r = feed->name ? source_read(&feed->source, &host->text) : 0;

	for (size_t i = 0; i < feed->consumer_count; i++) {
		struct worker *worker = feed->consumers[i].worker;
		int one = r;

		if (one == 0)
			one = worker->collector->collect(worker->state, &host->collection,
				feed->consumers[i].file, feed->name ? host->text.data : "");
		/* A file of a feature that is turned off can be opened, but not read. */
		if (one < 0 && one != -EOPNOTSUPP)
			worker->error = one;
	}
}

static const char *reason(int error)
{
	return error == -EBADMSG ? "the text is not of the form that was expected" : strerror(-error);
}

/* The first collector that failed; each failure is logged when it begins. */
static const struct worker *failed_worker(struct host *host)
{
	const struct worker *failed = NULL;

	for (size_t i = 0; i < host->worker_count; i++) {
		struct worker *worker = &host->workers[i];

		if (worker->error && worker->error != worker->reported)
			gavea_log(host->collection.check, GAVEA_LOG_WARNING, "%s: %s",
				worker->collector->name, reason(worker->error));
		worker->reported = worker->error;
		if (worker->error && !failed)
			failed = worker;
		worker->error = 0;
	}
	return failed;
}

static void judge_memory(const struct host *host)
{
	const struct facts *facts = &host->collection.facts;
	enum gavea_status status = GAVEA_OK;
	double available;

	if (facts->memory_total <= 0 || facts->memory_available < 0)
		return;
	available = 100 * facts->memory_available / facts->memory_total;
	if (available < host->memory_critical)
		status = GAVEA_CRITICAL;
	else if (available < host->memory_warning)
		status = GAVEA_WARNING;
	gavea_item(host->collection.check, "memory", status, "%.0f %% available", available);
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
static void sum_up(const struct facts *facts, struct buf *summary)
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

static int host_run(struct gavea_check *check, void *state)
{
	struct host *host = state;
	struct collection *collection = &host->collection;
	const struct worker *failed;

	collection->check = check;
	collection_begin(collection);
	for (size_t i = 0; i < host->feed_count; i++)
		feed_run(host, &host->feeds[i]);
	gavea_samples(check, collection->series, collection->values, collection->count);
	if (collection->no_memory)
		return gavea_fail(check, -ENOMEM, "out of memory");
	judge_memory(host);
	buf_reset(&host->summary);
	sum_up(&collection->facts, &host->summary);
	failed = failed_worker(host);
	if (failed)
		gavea_result(check, GAVEA_UNKNOWN, "%s: %s; %s", failed->collector->name,
			reason(failed->reported), buf_str(&host->summary));
	else
		gavea_result(check, GAVEA_OK, "%s", buf_str(&host->summary));
	return 0;
}

static const struct gavea_option options[] = {
	{"collectors", GAVEA_OPTION_STRINGS, 0,
		"cpu,diskstats,filesystem,loadavg,meminfo,netdev,pressure,stat,time,uname", NULL,
		"What is collected"},
	{"disk_warning", GAVEA_OPTION_PERCENT, 0, "90%", "0%..100%",
		"A file system with more of its space or inodes used is a warning"},
	{"disk_critical", GAVEA_OPTION_PERCENT, 0, "97%", "0%..100%",
		"A file system with more of its space or inodes used is critical"},
	{"memory_warning", GAVEA_OPTION_PERCENT, 0, "5%", "0%..100%", "Less available memory is a warning"},
	{"memory_critical", GAVEA_OPTION_PERCENT, 0, "2%", "0%..100%", "Less available memory is critical"},
	{"remote", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"Ask file systems of other machines and of FUSE too; one that hangs makes the check overrun"},
	{"filesystem_fs_types_exclude", GAVEA_OPTION_STRING, 0,
		"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
		"iso9660|mqueue|"
		"nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$",
		NULL, "Types of file systems to leave out, as a POSIX extended expression"},
	{"filesystem_mount_points_exclude", GAVEA_OPTION_STRING, 0,
		"^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)", NULL,
		"Mount points to leave out, as a POSIX extended expression"},
	{"diskstats_device_exclude", GAVEA_OPTION_STRING, 0,
		"^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme[0-9]+n[0-9]+p)[0-9]+$", NULL,
		"Disks to leave out, as a POSIX extended expression"},
	{"netdev_device_exclude", GAVEA_OPTION_STRING, 0, "^lo$", NULL,
		"Network interfaces to leave out, as a POSIX extended expression"},
	{"procfs", GAVEA_OPTION_STRING, 0, "/proc", NULL, "Where the proc file system is mounted"},
	{"rootfs", GAVEA_OPTION_STRING, 0, "/", NULL, "Where the root of the host's file systems is mounted"},
};

static const char *const read_paths[] = {"${procfs}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.memory = 16u << 20,
	.open_files = 32,
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
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.option_size = sizeof(options[0]),
	.needs = &needs,
	.open = host_open,
	.run = host_run,
	.close = host_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
