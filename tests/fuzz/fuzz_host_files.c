/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/host
/*
 * More parsers of the host plugin: the first byte chooses a collector, and which of its files the rest is the text of; a
 * second run sees it without its first half, so that things vanish and come back. One more choice is a text file with
 * metrics.
 */
#include "plugins/host/collector.h"
#include "plugins/host/exposition.h"
#include "tests/support/fake_host.h"

#include <math.h>

static const struct collector *const collectors[] = {&collector_arp, &collector_conntrack, &collector_entropy,
	&collector_filefd, &collector_mdadm, &collector_netstat, &collector_nfs, &collector_nfsd,
	&collector_schedstat, &collector_sockstat, &collector_softnet, &collector_udp_queues,
	&collector_vmstat};

enum {
	COLLECTORS = sizeof(collectors) / sizeof(collectors[0]),
	CHOICES = COLLECTORS + 1,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_samples(const struct fake_host *fake, const struct collection *collection)
{
	for (size_t i = 0; i < collection->count; i++)
		if (collection->series[i] <= 0 || (size_t)collection->series[i] > fake->series_count ||
			!isfinite(collection->values[i]))
			abort();
}

static void try_collector(const struct collector *collector, size_t file, const char *text)
{
	struct collection collection = {0};
	struct fake_host fake;
	void *state = calloc(1, collector->state_size);

	while (file && !collector->files[file])
		file--;
	fake_init(&fake, gavea_plugin());
	fake.series_limit = 500;
	fake_set(&fake, "netstat_fields", "");
	fake_set(&fake, "vmstat_fields", "");
	collection.check = &fake.check;
	collection.procfs = collection.sysfs = "/nonexistent";
	if (!state || (collector->open && collector->open(state, &collection) < 0))
		abort();
	for (int i = 0; i < 3; i++) {
		fake_begin(&fake);
		collection_begin(&collection);
		(void)collector->collect(state, &collection, file, i == 1 ? text + strlen(text) / 2 : text);
		judge_samples(&fake, &collection);
	}
	if (collector->close)
		collector->close(state);
	free(state);
	collection_done(&collection);
	fake_done(&fake);
}

static void try_exposition(const char *text)
{
	struct exposition exposition;
	struct error error = ERROR_INIT;
	int r = exposition_parse(text, &exposition, &error);

	if (r < 0 && (exposition.count || !error.message))
		abort();
	for (size_t i = 0; i < exposition.count; i++)
		if (!*exposition.samples[i].name || exposition.samples[i].label_count > EXPOSITION_LABELS_MAX)
			abort();
	exposition_done(&exposition);
	error_done(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		return 0;
	if (data[0] % CHOICES == COLLECTORS)
		try_exposition(text);
	else
		try_collector(collectors[data[0] % CHOICES], data[0] / CHOICES % COLLECTOR_FILES, text);
	free(text);
	return 0;
}
