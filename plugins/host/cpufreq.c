/* SPDX-License-Identifier: Apache-2.0 */
/* Frequencies of the CPUs, where the machine lets them be seen. */
#include "scanned.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>

static const struct {
	const char *file;
	enum attr_pace pace;
	struct metric metric;
} frequencies[] = {
	{"cpuinfo_cur_freq", ATTR_EACH_RUN,
		{"node_cpu_frequency_hertz", GAVEA_GAUGE, "hertz", "Frequency that the hardware tells"}},
	{"cpuinfo_min_freq", ATTR_SELDOM,
		{"node_cpu_frequency_min_hertz", GAVEA_GAUGE, "hertz", "Least frequency of the hardware"}},
	{"cpuinfo_max_freq", ATTR_SELDOM,
		{"node_cpu_frequency_max_hertz", GAVEA_GAUGE, "hertz", "Greatest frequency of the hardware"}},
	{"scaling_cur_freq", ATTR_EACH_RUN,
		{"node_cpu_scaling_frequency_hertz", GAVEA_GAUGE, "hertz",
			"Frequency that the kernel chose"}},
	{"scaling_min_freq", ATTR_SELDOM,
		{"node_cpu_scaling_frequency_min_hertz", GAVEA_GAUGE, "hertz",
			"Least frequency to choose from"}},
	{"scaling_max_freq", ATTR_SELDOM,
		{"node_cpu_scaling_frequency_max_hertz", GAVEA_GAUGE, "hertz",
			"Greatest frequency to choose from"}},
};

static void cpufreq_close(void *state)
{
	scanned_done(state);
}

static int cpu_add(void *context, const char *folder, const char *name)
{
	struct gavea_pair label = {"cpu", name + strlen("cpu")};
	_cleanup_free_ char *cpu = path_join(folder, name, "cpufreq");

	if (!cpu)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(frequencies) && isdigit((unsigned char)label.value[0]); i++)
		scanned_add(context, &frequencies[i].metric, &label, 1, cpu, frequencies[i].file, 1000, 1,
			frequencies[i].pace);
	return 0;
}

static int cpufreq_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	(void)file;
	(void)text;
	return scanned_collect(state, collection, "devices/system/cpu", "cpu", cpu_add);
}

const struct collector collector_cpufreq = {
	"cpufreq", {NULL}, sizeof(struct scanned), NULL, cpufreq_collect, cpufreq_close, NULL};
