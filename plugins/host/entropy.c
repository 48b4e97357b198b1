/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sys/kernel/random: what the kernel's generator has. */
#include "collector.h"
#include "scan.h"

#include <errno.h>

static const struct metric entropy_metrics[] = {
	{"node_entropy_available_bits", GAVEA_GAUGE, NULL, "Bits of entropy available"},
	{"node_entropy_pool_size_bits", GAVEA_GAUGE, NULL, "Bits of entropy that the pool can hold"},
};

struct entropy {
	int series[2];
};

static int entropy_open(void *state, struct collection *collection)
{
	struct entropy *entropy = state;

	declare_all(collection, entropy_metrics, 2, NULL, NULL, entropy->series);
	return 0;
}

static int entropy_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct entropy *entropy = state;
	uint64_t bits;

	if (!scan_u64(text, &bits))
		return -EBADMSG;
	collect(collection, entropy->series[file], (double)bits);
	return 0;
}

const struct collector collector_entropy = {"entropy",
	{"sys/kernel/random/entropy_avail", "sys/kernel/random/poolsize"}, sizeof(struct entropy),
	entropy_open, entropy_collect, NULL, NULL};
