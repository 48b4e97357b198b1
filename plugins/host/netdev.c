/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/net/dev, two lines of headings and one an interface: node_network_receive_* and node_network_transmit_*; and the
 * one counter that is not among its columns, from sysfs.
 */
#include "attrs.h"
#include "collector.h"
#include "filter.h"
#include "roster.h"
#include "scan.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	COLUMNS = 16,
	HEADINGS = 2,
};

static const struct metric net_metrics[COLUMNS] = {
	{"node_network_receive_bytes_total", GAVEA_COUNTER, "bytes", "Bytes received"},
	{"node_network_receive_packets_total", GAVEA_COUNTER, NULL, "Packets received"},
	{"node_network_receive_errs_total", GAVEA_COUNTER, NULL, "Errors of receiving"},
	{"node_network_receive_drop_total", GAVEA_COUNTER, NULL, "Packets received and dropped, or missed"},
	{"node_network_receive_fifo_total", GAVEA_COUNTER, NULL, "Overruns of the receive queue"},
	{"node_network_receive_frame_total", GAVEA_COUNTER, NULL, "Frames received with errors"},
	{"node_network_receive_compressed_total", GAVEA_COUNTER, NULL, "Compressed packets received"},
	{"node_network_receive_multicast_total", GAVEA_COUNTER, NULL, "Multicast packets received"},
	{"node_network_transmit_bytes_total", GAVEA_COUNTER, "bytes", "Bytes sent"},
	{"node_network_transmit_packets_total", GAVEA_COUNTER, NULL, "Packets sent"},
	{"node_network_transmit_errs_total", GAVEA_COUNTER, NULL, "Errors of sending"},
	{"node_network_transmit_drop_total", GAVEA_COUNTER, NULL, "Packets dropped instead of sent"},
	{"node_network_transmit_fifo_total", GAVEA_COUNTER, NULL, "Underruns of the send queue"},
	{"node_network_transmit_colls_total", GAVEA_COUNTER, NULL, "Collisions"},
	{"node_network_transmit_carrier_total", GAVEA_COUNTER, NULL, "Losses of the carrier while sending"},
	{"node_network_transmit_compressed_total", GAVEA_COUNTER, NULL, "Compressed packets sent"},
};

static const struct metric nohandler_metric = {"node_network_receive_nohandler_total", GAVEA_COUNTER, NULL,
	"Packets received that nothing in the kernel takes"};

#define RESCAN (60 * NSEC_PER_SEC)

struct netdev {
	struct roster devices;
	struct attrs nohandler;
	int64_t next_scan;
	size_t scanned; /* interfaces at the last scan */
	struct filter exclude;
};

static int netdev_open(void *state, struct collection *collection)
{
	struct netdev *netdev = state;

	roster_init(&netdev->devices, COLUMNS);
	return filter_open(&netdev->exclude, collection->check, "netdev_device_exclude");
}

static void netdev_close(void *state)
{
	struct netdev *netdev = state;

	roster_done(&netdev->devices);
	attrs_done(&netdev->nohandler);
	filter_close(&netdev->exclude);
}

static struct roster_entry *device_add(
	struct netdev *netdev, struct collection *collection, const char *name, size_t size)
{
	struct roster_entry *entry = roster_add(&netdev->devices, name, size);

	if (!entry)
		return NULL;
	netdev->next_scan = 0;
	entry->ignored = filter_excludes(&netdev->exclude, entry->name);
	if (!entry->ignored)
		declare_all(collection, net_metrics, COLUMNS, "device", entry->name, entry->series);
	return entry;
}

static int device_line(struct netdev *netdev, struct collection *collection, const char *line)
{
	const char *name = scan_blanks(line);
	const char *colon = memrchr(name, ':', strcspn(name, "\n"));
	struct roster_entry *entry;
	uint64_t numbers[COLUMNS];
	size_t size;

	if (!colon || colon == name)
		return -EBADMSG;
	size = (size_t)(colon - name);
	entry = roster_find(&netdev->devices, name, size);
	if (entry && entry->ignored)
		return 0;
	if (scan_numbers(colon + 1, numbers, COLUMNS) != COLUMNS)
		return -EBADMSG;
	if (!entry && !(entry = device_add(netdev, collection, name, size)))
		return -ENOMEM;
	if (entry->ignored)
		return 0;
	for (size_t i = 0; i < COLUMNS; i++)
		collect(collection, entry->series[i], (double)numbers[i]);
	return 0;
}

static int nohandler_scan(struct netdev *netdev, struct collection *collection)
{
	attrs_reset(&netdev->nohandler);
	netdev->scanned = netdev->devices.count;
	for (size_t i = 0; i < netdev->devices.count; i++) {
		const struct roster_entry *entry = &netdev->devices.entries[i];
		struct gavea_pair label = {"device", entry->name};
		_cleanup_free_ char *folder = NULL;

		/* A name that is none would lead elsewhere. */
		if (entry->ignored || strchr(entry->name, '/') || entry->name[0] == '.')
			continue;
		if (asprintf(&folder, "%s/class/net/%s/statistics", collection->sysfs, entry->name) < 0) {
			folder = NULL;
			return -ENOMEM;
		}
		attrs_add(&netdev->nohandler, collection, folder, "rx_nohandler",
			declare(collection, &nohandler_metric, &label, 1), 1, 1, ATTR_SELDOM);
	}
	return 0;
}

static int nohandler_collect(struct netdev *netdev, struct collection *collection)
{
	if (netdev->nohandler.stale || netdev->scanned != netdev->devices.count)
		netdev->next_scan = 0;
	if (due(collection, &netdev->next_scan, RESCAN) && nohandler_scan(netdev, collection) < 0)
		return -ENOMEM;
	attrs_collect(&netdev->nohandler, collection);
	return 0;
}

static int netdev_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct netdev *netdev = state;
	const char *line = text;
	int r = 0;

	(void)file;
	for (int i = 0; i < HEADINGS; i++)
		if (!line || !memchr(line, '|', strcspn(line, "\n")))
			return -EBADMSG;
		else
			line = scan_line(line);
	roster_begin(&netdev->devices);
	for (; line; line = scan_line(line)) {
		int one = device_line(netdev, collection, line);

		if (one < 0)
			r = one;
	}
	roster_end(&netdev->devices);
	return r < 0 ? r : nohandler_collect(netdev, collection);
}

const struct collector collector_netdev = {
	"netdev", {"net/dev"}, sizeof(struct netdev), netdev_open, netdev_collect, netdev_close, NULL};
