/* SPDX-License-Identifier: Apache-2.0 */
#include "scanned.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

#define RESCAN (60 * NSEC_PER_SEC)

void scanned_done(struct scanned *scanned)
{
	attrs_done(&scanned->attrs);
	free(scanned->infos);
}

int scanned_info(
	struct scanned *scanned, const struct metric *metric, const struct gavea_pair *labels, size_t count)
{
	if (GROW(scanned->infos, scanned->info_count, scanned->info_room) < 0)
		return -ENOMEM;
	scanned->infos[scanned->info_count++] = declare(scanned->collection, metric, labels, count);
	return 0;
}

void scanned_add(struct scanned *scanned, const struct metric *metric, const struct gavea_pair *labels,
	size_t count, const char *folder, const char *name, double factor, double divisor,
	enum attr_pace pace)
{
	double value;

	/* A series is not declared for what can't be read. */
	if (attr_read_number(folder, name, &value) < 0)
		return;
	attrs_add(&scanned->attrs, scanned->collection, folder, name,
		declare(scanned->collection, metric, labels, count), factor, divisor, pace);
}

int scanned_collect(struct scanned *scanned, struct collection *collection, const char *folder,
	const char *prefix, int (*take)(void *context, const char *folder, const char *name))
{
	if (scanned->attrs.stale)
		scanned->next_scan = 0;
	if (due(collection, &scanned->next_scan, RESCAN)) {
		_cleanup_free_ char *path = path_join(collection->sysfs, folder, NULL);
		int r;

		if (!path)
			return -ENOMEM;
		attrs_reset(&scanned->attrs);
		scanned->info_count = 0;
		scanned->collection = collection;
		r = attr_each(path, prefix, scanned, take);
		if (r < 0)
			return r;
	}
	attrs_collect(&scanned->attrs, collection);
	for (size_t i = 0; i < scanned->info_count; i++)
		collect(collection, scanned->infos[i], 1);
	return 0;
}

char *path_join(const char *folder, const char *name, const char *below)
{
	char *path;

	return asprintf(&path, "%s/%s%s%s", folder, name, below ? "/" : "", below ? below : "") < 0 ? NULL
												    : path;
}
