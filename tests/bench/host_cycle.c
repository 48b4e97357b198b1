/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one run of the host plugin costs by itself: loads the plugin's file, runs it COUNT times after a
 *warm-up and prints the processor time a run, samples, and the same with a part of the collectors.
 *
 *	host_cycle PLUGIN.so [COUNT [COLLECTORS]]
 */
#include "tests/support/fake_host.h"

#include <dlfcn.h>
#include <time.h>

/* Samples are counted, not kept: the host's side is measured elsewhere. */
static void count_samples(struct gavea_check *check, const int *series, const double *values, size_t count)
{
	(void)series;
	(void)values;
	fake_of(check)->sample_count += count;
}

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	const struct gavea_plugin *(*describe)(void);
	long count = argc > 2 ? atol(argv[2]) : 200;
	struct fake_host fake;
	void *library, *state = NULL;
	double start;

	library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!library || count <= 0) {
		fprintf(stderr, "usage: host_cycle PLUGIN.so [COUNT [COLLECTORS]]\n");
		return 2;
	}
	*(void **)&describe = dlsym(library, "gavea_plugin");
	if (!describe)
		return 2;
	fake_init(&fake, describe());
	fake.table.samples = count_samples;
	if (argc > 3)
		fake_set(&fake, "collectors", argv[3]);
	if (fake_open(&fake, &state) < 0 || fake_run(&fake, state) < 0) {
		fprintf(stderr, "host_cycle: %s\n", fake.failure);
		return 1;
	}
	start = cpu_us();
	for (long i = 0; i < count; i++)
		if (fake_run(&fake, state) < 0)
			return 1;
	printf("%.1f us a run, %zu samples, %zu items: %s\n", (cpu_us() - start) / (double)count,
		fake.sample_count, fake.item_count, fake.summary);
	fake.plugin->close(&fake.check, state);
	fake_done(&fake);
	return 0;
}
