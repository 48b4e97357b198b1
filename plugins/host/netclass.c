/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network interfaces as sysfs shows them. Interfaces come and go at any time, so the folder is looked through each run, and
 * so are the operational state and the count of the carrier's changes. The other attributes are read when one of these has
 * changed, and once in a while: they change hardly ever, and some take a lock that all of the kernel's networking shares.
 */
#include "attrs.h"
#include "filter.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	TEXT_ROOM = 256,
	DEVICES_MAX = 1024,
	WATCHED_MAX = 16, /* devices that are looked at each run; others once in a while */
	TELLS = 2,
	TELL_ROOM = 32,
};

#define REREAD (10 * NSEC_PER_SEC)

static const struct {
	const char *file;
	struct metric metric;
} attributes[] = {
	{"addr_assign_type",
		{"node_network_address_assign_type", GAVEA_GAUGE, NULL, "How the address was assigned"}},
	{"carrier", {"node_network_carrier", GAVEA_GAUGE, NULL, "Whether there is a carrier"}},
	{"carrier_changes",
		{"node_network_carrier_changes_total", GAVEA_COUNTER, NULL, "Changes of the carrier"}},
	{"carrier_down_count",
		{"node_network_carrier_down_changes_total", GAVEA_COUNTER, NULL, "Losses of the carrier"}},
	{"carrier_up_count",
		{"node_network_carrier_up_changes_total", GAVEA_COUNTER, NULL, "Returns of the carrier"}},
	{"dev_id", {"node_network_device_id", GAVEA_GAUGE, NULL, "Identifier of the device"}},
	{"dormant", {"node_network_dormant", GAVEA_GAUGE, NULL, "Whether it waits for something outside"}},
	{"flags", {"node_network_flags", GAVEA_GAUGE, NULL, "The flags, IFF_* of netdevice(7)"}},
	{"ifindex", {"node_network_iface_id", GAVEA_GAUGE, NULL, "Index of the interface"}},
	{"iflink", {"node_network_iface_link", GAVEA_GAUGE, NULL, "Index of the one beneath"}},
	{"link_mode", {"node_network_iface_link_mode", GAVEA_GAUGE, NULL, "Link mode"}},
	{"mtu", {"node_network_mtu_bytes", GAVEA_GAUGE, "bytes", "Largest packet"}},
	{"name_assign_type",
		{"node_network_name_assign_type", GAVEA_GAUGE, NULL, "How the name was assigned"}},
	{"netdev_group", {"node_network_net_dev_group", GAVEA_GAUGE, NULL, "Group of the interface"}},
	{"type", {"node_network_protocol_type", GAVEA_GAUGE, NULL, "Type, ARPHRD_*"}},
	{"tx_queue_len",
		{"node_network_transmit_queue_length", GAVEA_GAUGE, NULL,
			"Packets that the send queue holds"}},
};

static const struct metric speed_metric = {
	"node_network_speed_bytes", GAVEA_GAUGE, "bytes", "Bytes per second at most"};
static const struct metric up_metric = {
	"node_network_up", GAVEA_GAUGE, NULL, "Whether its operational state is up"};
static const struct metric info_metric = {
	"node_network_info", GAVEA_GAUGE, NULL, "Addresses and states of the interface, as labels"};

/* The labels of node_network_info that are files; device stands between them. */
enum { ADDRESS, BROADCAST, DUPLEX, IFALIAS, OPERSTATE, STATES };
static const char *const states[STATES] = {"address", "broadcast", "duplex", "ifalias", "operstate"};

struct device {
	char *name;
	char *folder;
	struct attrs attrs;
	char states[STATES][TEXT_ROOM];
	int info;
	int up;
	/* What is read each run, and what it said last. */
	struct {
		int fd;
		char last[TELL_ROOM];
	} tells[TELLS];
	int64_t next_reread;
	bool seen;
};

struct netclass {
	struct filter exclude;
	DIR *folder;
	struct device *devices;
	size_t count;
	size_t room;
	bool too_many;
};

static void device_done(struct device *device)
{
	free(device->name);
	free(device->folder);
	attrs_done(&device->attrs);
	for (size_t i = 0; i < TELLS; i++)
		fd_close(device->tells[i].fd);
}

static int netclass_open(void *state, struct collection *collection)
{
	struct netclass *netclass = state;

	return filter_open(&netclass->exclude, collection->check, "netclass_ignored_devices");
}

static void netclass_close(void *state)
{
	struct netclass *netclass = state;

	for (size_t i = 0; i < netclass->count; i++)
		device_done(&netclass->devices[i]);
	free(netclass->devices);
	if (netclass->folder)
		closedir(netclass->folder);
	filter_close(&netclass->exclude);
}

/* Whether all of a device is to be read again: it is time, or what tells of changes did. */
static bool device_changed(struct device *device, const struct collection *collection)
{
	bool changed = due(collection, &device->next_reread, REREAD);

	for (size_t i = 0; i < TELLS; i++) {
		char now[TELL_ROOM] = "";

		if (device->tells[i].fd < 0)
			continue;
		if (pread(device->tells[i].fd, now, sizeof(now) - 1, 0) < 0 && errno == ENODEV)
			device->attrs.stale = true;
		if (memcmp(now, device->tells[i].last, sizeof(now)) == 0)
			continue;
		memcpy(device->tells[i].last, now, sizeof(now));
		changed = true;
	}
	if (changed)
		device->attrs.next_seldom = 0;
	return changed;
}

/* Reads the words, and declares their series anew when one has changed. */
static void device_reread(struct device *device, struct collection *collection)
{
	bool changed = !device->info;
	struct gavea_pair labels[STATES + 1] = {{states[ADDRESS], device->states[ADDRESS]},
		{states[BROADCAST], device->states[BROADCAST]}, {"device", device->name},
		{states[DUPLEX], device->states[DUPLEX]}, {states[IFALIAS], device->states[IFALIAS]},
		{states[OPERSTATE], device->states[OPERSTATE]}};

	for (size_t i = 0; i < STATES; i++) {
		char now[TEXT_ROOM];

		if (attr_read_text(device->folder, states[i], now, sizeof(now)) < 0)
			now[0] = '\0';
		if (streq(now, device->states[i]))
			continue;
		memcpy(device->states[i], now, sizeof(now));
		changed = true;
	}
	if (changed)
		device->info = declare(collection, &info_metric, labels, STATES + 1);
}

static int device_add(struct netclass *netclass, struct collection *collection, const char *name)
{
	struct device device = {.seen = true};
	struct gavea_pair label = {"device", name};
	double value;

	if (GROW(netclass->devices, netclass->count, netclass->room) < 0)
		return -ENOMEM;
	device.name = strdup(name);
	if (!device.name || asprintf(&device.folder, "%s/class/net/%s", collection->sysfs, name) < 0) {
		free(device.name);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		attrs_add(&device.attrs, collection, device.folder, attributes[i].file,
			declare(collection, &attributes[i].metric, &label, 1), 1, 1, ATTR_SELDOM);
	/* In Mbit/s; an interface that is down may have none yet. */
	if (attr_read_number(device.folder, "speed", &value) != -ENOENT)
		attrs_add(&device.attrs, collection, device.folder, "speed",
			declare(collection, &speed_metric, &label, 1), 1e6, 8, ATTR_SELDOM);
	for (size_t i = 0; i < TELLS; i++) {
		_cleanup_free_ char *path = NULL;

		device.tells[i].fd = -EBADF;
		if (asprintf(&path, "%s/%s", device.folder, i ? "carrier_changes" : "operstate") < 0)
			path = NULL;
		else if (netclass->count < WATCHED_MAX)
			device.tells[i].fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	device.up = declare(collection, &up_metric, &label, 1);
	netclass->devices[netclass->count++] = device;
	return 0;
}

/* Takes away the devices that are gone; one that came back under the same name is found again by the next run. */
static void devices_sweep(struct netclass *netclass)
{
	size_t kept = 0;

	for (size_t i = 0; i < netclass->count; i++) {
		if (!netclass->devices[i].seen || netclass->devices[i].attrs.stale)
			device_done(&netclass->devices[i]);
		else
			netclass->devices[kept++] = netclass->devices[i];
	}
	netclass->count = kept;
}

static struct device *device_find(struct netclass *netclass, const char *name, size_t expected)
{
	if (expected < netclass->count && streq(netclass->devices[expected].name, name))
		return &netclass->devices[expected];
	for (size_t i = 0; i < netclass->count; i++)
		if (streq(netclass->devices[i].name, name))
			return &netclass->devices[i];
	return NULL;
}

static int devices_find(struct netclass *netclass, struct collection *collection)
{
	const struct dirent *entry;
	size_t expected = 0;

	for (size_t i = 0; i < netclass->count; i++)
		netclass->devices[i].seen = false;
	rewinddir(netclass->folder);
	while ((entry = readdir(netclass->folder))) {
		struct device *device = device_find(netclass, entry->d_name, expected);
		int r;

		if (device) {
			device->seen = true;
			expected = (size_t)(device - netclass->devices) + 1;
			continue;
		}
		/* Files, such as bonding_masters, are no links. */
		if (entry->d_name[0] == '.' || entry->d_type == DT_REG ||
			(netclass->exclude.set && filter_excludes(&netclass->exclude, entry->d_name)))
			continue;
		if (netclass->count == DEVICES_MAX) {
			if (!netclass->too_many)
				gavea_log(collection->check, GAVEA_LOG_WARNING,
					"netclass: more than %d interfaces; the others are left out",
					DEVICES_MAX);
			netclass->too_many = true;
			break;
		}
		r = device_add(netclass, collection, entry->d_name);
		if (r < 0)
			return r;
	}
	devices_sweep(netclass);
	return 0;
}

static int netclass_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct netclass *netclass = state;
	int r;

	(void)file;
	(void)text;
	if (!netclass->folder) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/class/net", collection->sysfs) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		netclass->folder = opendir(path);
		if (!netclass->folder)
			return 0;
	}
	r = devices_find(netclass, collection);
	for (size_t i = 0; i < netclass->count; i++) {
		struct device *device = &netclass->devices[i];

		if (device_changed(device, collection))
			device_reread(device, collection);
		attrs_collect(&device->attrs, collection);
		collect(collection, device->up, streq(device->states[OPERSTATE], "up"));
		collect(collection, device->info, 1);
	}
	return r;
}

const struct collector collector_netclass = {
	"netclass", {NULL}, sizeof(struct netclass), netclass_open, netclass_collect, netclass_close, NULL};
