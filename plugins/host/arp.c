/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/arp: neighbours known, by interface. */
#include "collector.h"
#include "roster.h"
#include "scan.h"

#include <errno.h>

static const struct metric arp_metric = {
	"node_arp_entries", GAVEA_GAUGE, NULL, "Neighbours in the ARP table, by interface"};

struct arp {
	struct roster devices;
};

static int arp_open(void *state, struct collection *collection)
{
	struct arp *arp = state;

	(void)collection;
	roster_init(&arp->devices, 1);
	return 0;
}

static void arp_close(void *state)
{
	struct arp *arp = state;

	roster_done(&arp->devices);
}

/* The sixth word of a line names the interface. */
static const char *device_of(const char *line, size_t *ret_size)
{
	for (int i = 0;; i++) {
		line = scan_word(line, ret_size);
		if (!line || i == 5)
			return line;
		line += *ret_size;
	}
}

static int arp_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct arp *arp = state;
	const char *line = strncmp(text, "IP address", strlen("IP address")) == 0 ? text : NULL;

	(void)file;
	if (!line)
		return -EBADMSG;
	roster_begin(&arp->devices);
	for (size_t i = 0; i < arp->devices.count; i++)
		arp->devices.entries[i].last[0] = 0;
	while ((line = scan_line(line))) {
		size_t size;
		const char *device = device_of(line, &size);
		struct roster_entry *entry = device ? roster_find(&arp->devices, device, size) : NULL;

		if (!device)
			return -EBADMSG;
		/* The lines of several interfaces lie in any order. */
		if (!entry && !(entry = roster_add(&arp->devices, device, size)))
			return -ENOMEM;
		if (!entry->series[0])
			declare_all(collection, &arp_metric, 1, "device", entry->name, entry->series);
		entry->last[0]++;
	}
	roster_end(&arp->devices);
	for (size_t i = 0; i < arp->devices.count; i++)
		collect(collection, arp->devices.entries[i].series[0],
			(double)arp->devices.entries[i].last[0]);
	return 0;
}

const struct collector collector_arp = {
	"arp", {"net/arp"}, sizeof(struct arp), arp_open, arp_collect, arp_close, NULL};
