/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/host
/*
 * The parsers of the host plugin: the first byte chooses a collector, the rest is the text of its file, which
 * a second run sees without its first half, so that things vanish and come back.
 */
#include "plugins/host/collector.h"
#include "plugins/host/mountinfo.h"
#include "plugins/host/scan.h"
#include "tests/support/fake_host.h"

static const struct collector *const collectors[] = {&collector_cpu, &collector_diskstats, &collector_loadavg,
	&collector_meminfo, &collector_netdev, &collector_pressure, &collector_stat};

enum {
	COLLECTORS = sizeof(collectors) / sizeof(collectors[0]),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names that a file repeats are sampled twice, which is no concern of the parsers. */
static void take_samples(struct gavea_check *check, const int *series, const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (series[i] <= 0 || (size_t)series[i] > fake_of(check)->series_count || values[i] < 0)
			abort();
}

static void try_collector(const struct collector *collector, size_t file, const char *text)
{
	struct collection collection = {0};
	struct fake_host fake;
	void *state = calloc(1, collector->state_size);

	fake_init(&fake, gavea_plugin());
	fake.series_limit = 500;
	collection.check = &fake.check;
	collection.procfs = collection.sysfs = "/nonexistent";
	if (!state || (collector->open && collector->open(state, &collection) < 0))
		abort();
	for (int i = 0; i < 3; i++) {
		collection_begin(&collection);
		(void)collector->collect(state, &collection, file, i == 1 ? text + strlen(text) / 2 : text);
		take_samples(&fake.check, collection.series, collection.values, collection.count);
	}
	if (collector->close)
		collector->close(state);
	free(state);
	collection_done(&collection);
	fake_done(&fake);
}

static void try_mountinfo(const char *text)
{
	struct mount mount;

	for (const char *line = text; line; line = scan_line(line))
		if (mount_parse(line, &mount) == 0)
			mount_done(&mount);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		return 0;
	if (data[0] % (COLLECTORS + 1) == COLLECTORS)
		try_mountinfo(text);
	else
		try_collector(collectors[data[0] % (COLLECTORS + 1)], data[0] / 32 % COLLECTOR_FILES, text);
	free(text);
	return 0;
}
