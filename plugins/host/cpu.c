/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/stat, one line a CPU: node_cpu_seconds_total and node_cpu_guest_seconds_total; and how often the hardware slowed
 * CPUs down for their heat, where it tells.
 */
#include "collector.h"
#include "roster.h"
#include "scan.h"
#include "throttle.h"

#include <errno.h>

enum {
	MODES = 10, /* the last two are those of guests */
	MODE_IDLE = 3,
	MODE_STEAL = 7,
	USER_HZ = 100, /* of the kernel's interface, whatever its own frequency */
	JUMP_BACK = 3 * USER_HZ,
};

static const char *const modes[MODES] = {
	"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "user", "nice"};

static const struct metric cpu_metric = {
	"node_cpu_seconds_total", GAVEA_COUNTER, "seconds", "Seconds the CPU spent in each mode"};
static const struct metric guest_metric = {"node_cpu_guest_seconds_total", GAVEA_COUNTER, "seconds",
	"Seconds the CPU spent in guests of this host, in each mode"};

struct cpu {
	struct roster cpus;
	struct throttle throttle;
};

static int cpu_open(void *state, struct collection *collection)
{
	struct cpu *cpu = state;

	(void)collection;
	roster_init(&cpu->cpus, MODES);
	return 0;
}

static void cpu_close(void *state)
{
	struct cpu *cpu = state;

	roster_done(&cpu->cpus);
	throttle_done(&cpu->throttle);
}

static struct roster_entry *cpu_add(
	struct cpu *cpu, struct collection *collection, const char *name, size_t size)
{
	struct roster_entry *entry = roster_add(&cpu->cpus, name, size);

	if (!entry)
		return NULL;
	for (size_t i = 0; i < MODES; i++) {
		struct gavea_pair labels[] = {{"cpu", entry->name}, {"mode", modes[i]}};

		entry->series[i] = declare(collection, i < 8 ? &cpu_metric : &guest_metric, labels, 2);
	}
	return entry;
}

/* The kernel's idle and iowait times step back a little now and then, which would look like a restart to a
 * reader of counters: the last value is kept. A long step back is a CPU that was taken out and put in again.
 */
static void keep_monotonic(struct roster_entry *entry, const uint64_t *ticks)
{
	if (entry->last[MODE_IDLE] >= JUMP_BACK && entry->last[MODE_IDLE] - JUMP_BACK >= ticks[MODE_IDLE])
		memset(entry->last, 0, MODES * sizeof(*entry->last));
	for (size_t i = 0; i < MODES; i++)
		if (ticks[i] > entry->last[i])
			entry->last[i] = ticks[i];
}

/* The line of all CPUs: what is judged by it. Guests' times are in those of user and nice already. */
static void remember_sum(struct collection *collection, const char *numbers)
{
	uint64_t ticks[MODE_STEAL + 1] = {0};
	double sum = 0;

	if (scan_numbers(numbers, ticks, MODE_STEAL + 1) != MODE_STEAL + 1)
		return;
	for (size_t i = 0; i <= MODE_STEAL; i++)
		sum += (double)ticks[i];
	collection->facts.cpu_ticks = sum;
	collection->facts.steal_ticks = (double)ticks[MODE_STEAL];
}

static int cpu_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct cpu *cpu = state;

	(void)file;
	roster_begin(&cpu->cpus);
	collection->facts.cpus = 0;
	for (const char *line = text; line && strncmp(line, "cpu", 3) == 0; line = scan_line(line)) {
		uint64_t ticks[MODES] = {0};
		const char *name = line + 3;
		size_t size = strspn(name, "0123456789");
		struct roster_entry *entry;

		if (!size) {
			remember_sum(collection, name);
			continue;
		}
		if (!scan_numbers(name + size, ticks, MODES))
			return -EBADMSG;
		entry = roster_find(&cpu->cpus, name, size);
		if (!entry && !(entry = cpu_add(cpu, collection, name, size)))
			return -ENOMEM;
		keep_monotonic(entry, ticks);
		for (size_t i = 0; i < MODES; i++)
			collect(collection, entry->series[i], (double)entry->last[i] / USER_HZ);
		collection->facts.cpus++;
	}
	roster_end(&cpu->cpus);
	if (!collection->facts.cpus)
		return -EBADMSG;
	return throttle_collect(&cpu->throttle, collection);
}

const struct collector collector_cpu = {
	"cpu", {"stat"}, sizeof(struct cpu), cpu_open, cpu_collect, cpu_close, NULL};
