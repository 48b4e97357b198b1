/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include "base/utf8.h"
#include "base/util.h"

#include <errno.h>

enum {
	LABELS_MAX = 8,
};

void collection_begin(struct collection *collection)
{
	collection->count = 0;
	collection->no_memory = false;
	collection->facts = (struct facts){-1, -1, -1, -1, -1, -1, NULL};
}

void collection_done(struct collection *collection)
{
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
