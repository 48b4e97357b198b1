/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "base/util.h"

#include <errno.h>

enum {
	LABELS_MAX = 32,
};

int collection_open(struct collection *collection, struct gavea_check *check)
{
	const char *rootfs = gavea_option_string(check, "rootfs");
	size_t length = strlen(rootfs);

	collection->check = check;
	collection->now = gavea_now(check);
	collection->wall_offset = clock_ns(CLOCK_REALTIME) - collection->now;
	collection->procfs = gavea_option_string(check, "procfs");
	collection->sysfs = gavea_option_string(check, "sysfs");
	while (length && rootfs[length - 1] == '/')
		length--;
	collection->rootfs = strndup(rootfs, length);
	return collection->rootfs ? 0 : gavea_fail(check, -ENOMEM, "out of memory");
}

void collection_begin(struct collection *collection)
{
	collection->count = 0;
	collection->no_memory = false;
	collection->now = gavea_now(collection->check);
	collection->facts = (struct facts){.load1 = -1,
		.memory_total = -1,
		.memory_available = -1,
		.cpus = -1,
		.filesystems = -1,
		.fullest = -1,
		.cpu_ticks = -1,
		.steal_ticks = -1,
		.oom_kills = -1,
		.files_allocated = -1,
		.files_maximum = -1,
		.pressure = {{-1, -1}, {-1, -1}, {-1, -1}},
		.clock_error = -1};
	verdicts_begin(&collection->verdicts);
}

bool due(const struct collection *collection, int64_t *next, int64_t period)
{
	if (*next && collection->now < *next)
		return false;
	*next = collection->now + period;
	return true;
}

void collection_done(struct collection *collection)
{
	free(collection->rootfs);
	verdicts_done(&collection->verdicts);
	free(collection->series);
	free(collection->values);
}

int collection_grow(struct collection *collection)
{
	size_t room = collection->room ? collection->room * 2 : 256;
	int *series = realloc(collection->series, room * sizeof(*series));
	double *values;

	if (!series) {
		collection->no_memory = true;
		return -ENOMEM;
	}
	collection->series = series;
	values = realloc(collection->values, room * sizeof(*values));
	if (!values) {
		collection->no_memory = true;
		return -ENOMEM;
	}
	collection->values = values;
	collection->room = room;
	return 0;
}

int declare(struct collection *collection, const struct metric *metric, const struct gavea_pair *labels,
	size_t label_count)
{
	struct gavea_pair clean[LABELS_MAX];
	char *values[LABELS_MAX] = {NULL};
	int series = -ENOMEM;
	size_t i;

	for (i = 0; i < label_count && i < LABELS_MAX; i++) {
		values[i] = strdup(labels[i].value);
		if (!values[i])
			goto out;
		utf8_repair(values[i], strlen(values[i]));
		clean[i] = (struct gavea_pair){labels[i].name, values[i]};
	}
	series = gavea_series(
		collection->check, metric->name, metric->type, metric->unit, metric->help, clean, i);
out:
	for (i = 0; i < LABELS_MAX; i++)
		free(values[i]);
	if (series < 0 && !collection->refused) {
		collection->refused = true;
		gavea_log(collection->check, GAVEA_LOG_WARNING,
			"series %s was refused (%s); it and others may be missing", metric->name,
			strerror(-series));
	}
	return series;
}

void declare_all(struct collection *collection, const struct metric *metrics, size_t count, const char *label,
	const char *value, int *series)
{
	struct gavea_pair pair = {label, value};

	for (size_t i = 0; i < count; i++)
		series[i] = declare(collection, &metrics[i], &pair, label ? 1 : 0);
}
