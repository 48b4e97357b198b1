/* SPDX-License-Identifier: Apache-2.0 */
/* Whether SELinux is on, and in which mode. */
#include "attrs.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

enum { ENABLED, CONFIGURED, CURRENT, METRICS };

#define RESCAN (60 * NSEC_PER_SEC)

static const struct metric selinux_metrics[METRICS] = {
	{"node_selinux_enabled", GAVEA_GAUGE, NULL, "Whether SELinux is on"},
	{"node_selinux_config_mode", GAVEA_GAUGE, NULL,
		"Its configured mode: 1 enforcing, 0 permissive, -1 disabled"},
	{"node_selinux_current_mode", GAVEA_GAUGE, NULL, "Its mode now: 1 enforcing, 0 permissive"},
};

struct selinux {
	int series[METRICS];
	double values[METRICS];
	size_t count; /* of values that are known, from the first */
	int64_t next_scan;
};

static double configured_mode(const struct collection *collection)
{
	char text[4096];
	const char *mode;

	if (attr_read_text(collection->rootfs, "etc/selinux/config", text, sizeof(text)) < 0)
		return -1;
	mode = strstr(text, "\nSELINUX=");
	mode = mode ? mode + strlen("\nSELINUX=") : startswith(text, "SELINUX=");
	if (!mode)
		return -1;
	return startswith(mode, "enforcing") ? 1 : startswith(mode, "permissive") ? 0 : -1;
}

static void selinux_scan(struct selinux *selinux, struct collection *collection)
{
	_cleanup_free_ char *folder = NULL;
	struct statfs fs;

	if (asprintf(&folder, "%s/fs/selinux", collection->sysfs) < 0) {
		folder = NULL;
		return;
	}
	selinux->values[ENABLED] = statfs(folder, &fs) == 0 && fs.f_type == SELINUX_MAGIC;
	selinux->count = 1;
	if (selinux->values[ENABLED] > 0) {
		selinux->values[CONFIGURED] = configured_mode(collection);
		selinux->count = 2;
		if (attr_read_number(folder, "enforce", &selinux->values[CURRENT]) == 0)
			selinux->count = METRICS;
	}
	for (size_t i = 0; i < selinux->count; i++)
		selinux->series[i] = declare(collection, &selinux_metrics[i], NULL, 0);
}

static int selinux_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct selinux *selinux = state;

	(void)file;
	(void)text;
	if (due(collection, &selinux->next_scan, RESCAN))
		selinux_scan(selinux, collection);
	for (size_t i = 0; i < selinux->count; i++)
		collect(collection, selinux->series[i], selinux->values[i]);
	return 0;
}

const struct collector collector_selinux = {
	"selinux", {NULL}, sizeof(struct selinux), NULL, selinux_collect, NULL, NULL};
