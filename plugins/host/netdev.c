/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/net/dev, two lines of headings and one an interface: node_network_receive_* and
 * node_network_transmit_*. */
#include "collector.h"
#include "filter.h"
#include "roster.h"
#include "scan.h"

#include <errno.h>

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

struct netdev {
	struct roster devices;
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
	filter_close(&netdev->exclude);
}

static struct roster_entry *device_add(
	struct netdev *netdev, struct collection *collection, const char *name, size_t size)
{
	struct roster_entry *entry = roster_add(&netdev->devices, name, size);

	if (!entry)
		return NULL;
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
	return r;
}

const struct collector collector_netdev = {
	"netdev", {"net/dev"}, sizeof(struct netdev), netdev_open, netdev_collect, netdev_close};
