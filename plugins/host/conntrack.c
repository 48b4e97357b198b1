/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that netfilter tracks: how many, how many there may be, and what became of packets. */
#include "collector.h"
#include "scan.h"

#include "base/util.h"

#include <errno.h>

static const struct metric conntrack_metrics[] = {
	{"node_nf_conntrack_entries", GAVEA_GAUGE, NULL, "Connections that are tracked"},
	{"node_nf_conntrack_entries_limit", GAVEA_GAUGE, NULL, "Connections that may be tracked"},
};

/* By the heading of their column. The exporter has them as gauges, though they grow. */
static const struct {
	const char *column;
	struct metric metric;
} stats[] = {
	{"found", {"node_nf_conntrack_stat_found", GAVEA_GAUGE, NULL, "Searches that found their entry"}},
	{"invalid", {"node_nf_conntrack_stat_invalid", GAVEA_GAUGE, NULL, "Packets that can't be tracked"}},
	{"ignore",
		{"node_nf_conntrack_stat_ignore", GAVEA_GAUGE, NULL,
			"Packets of connections tracked already"}},
	{"insert", {"node_nf_conntrack_stat_insert", GAVEA_GAUGE, NULL, "Entries inserted"}},
	{"insert_failed",
		{"node_nf_conntrack_stat_insert_failed", GAVEA_GAUGE, NULL,
			"Entries that could not be inserted"}},
	{"drop",
		{"node_nf_conntrack_stat_drop", GAVEA_GAUGE, NULL,
			"Packets dropped for want of a new entry"}},
	{"early_drop",
		{"node_nf_conntrack_stat_early_drop", GAVEA_GAUGE, NULL,
			"Entries dropped to make room for new ones"}},
	{"search_restart",
		{"node_nf_conntrack_stat_search_restart", GAVEA_GAUGE, NULL,
			"Searches begun anew because the table was resized"}},
};

struct conntrack {
	int series[ARRAY_SIZE(conntrack_metrics)];
	int stats[ARRAY_SIZE(stats)];
};

static int conntrack_open(void *state, struct collection *collection)
{
	struct conntrack *conntrack = state;

	declare_all(
		collection, conntrack_metrics, ARRAY_SIZE(conntrack_metrics), NULL, NULL, conntrack->series);
	for (size_t i = 0; i < ARRAY_SIZE(stats); i++)
		conntrack->stats[i] = declare(collection, &stats[i].metric, NULL, 0);
	return 0;
}

/* Which of stats the column with this heading is; ARRAY_SIZE(stats): none. */
static size_t stat_of(const char *heading, size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stats); i++)
		if (strlen(stats[i].column) == size && memcmp(stats[i].column, heading, size) == 0)
			break;
	return i;
}

/* A line of headings, then a line a CPU in hexadecimal. */
static int stats_collect(const struct conntrack *conntrack, struct collection *collection, const char *text)
{
	double sums[ARRAY_SIZE(stats) + 1] = {0};
	bool seen[ARRAY_SIZE(stats) + 1] = {false};

	for (const char *line = scan_line(text); line; line = scan_line(line)) {
		const char *heading = text, *p = line;
		size_t size;

		while ((heading = scan_word(heading, &size))) {
			uint64_t value;
			size_t stat = stat_of(heading, size);

			p = scan_hex(scan_blanks(p), &value);
			if (!p)
				return -EBADMSG;
			sums[stat] += (double)value;
			seen[stat] = true;
			heading += size;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(stats); i++)
		if (seen[i])
			collect(collection, conntrack->stats[i], sums[i]);
	return 0;
}

static int conntrack_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct conntrack *conntrack = state;
	uint64_t value;

	if (file == 2)
		return stats_collect(conntrack, collection, text);
	if (!scan_u64(text, &value))
		return -EBADMSG;
	collect(collection, conntrack->series[file], (double)value);
	return 0;
}

const struct collector collector_conntrack = {"conntrack",
	{"sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max",
		"net/stat/nf_conntrack"},
	sizeof(struct conntrack), conntrack_open, conntrack_collect, NULL, NULL};
