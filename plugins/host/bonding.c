/* SPDX-License-Identifier: Apache-2.0 */
/* Bonds of network links: how many links each has and how many of them are up, and an item each. Which bonds there are is
 * looked for once a minute; a host without any pays no more. */
#include "scanned.h"

#include "base/clock.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>

enum {
	TEXT_ROOM = 2048,
	WORD_ROOM = 32,
};

#define RESCAN (60 * NSEC_PER_SEC)

static const struct metric links_metric = {"node_bonding_slaves", GAVEA_GAUGE, NULL, "Links of the bond"};
static const struct metric active_metric = {
	"node_bonding_active", GAVEA_GAUGE, NULL, "Links of the bond that are up"};

struct bonding {
	char masters[TEXT_ROOM]; /* names, with blanks between them */
	int64_t next_scan;
};

/* Whether a link is up; the kernel's name for its folder changed once. */
static bool link_is_up(const char *bond, const char *link)
{
	static const char *const prefixes[] = {"lower_", "slave_"};
	char status[WORD_ROOM];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s%s/bonding_slave", bond, prefixes[i], link) < 0) {
			path = NULL;
			return false;
		}
		if (attr_read_text(path, "mii_status", status, sizeof(status)) == 0)
			return streq(status, "up");
	}
	return false;
}

static void bond_judge(
	struct collection *collection, const char *name, size_t links, size_t up, const char *down)
{
	enum gavea_status status = !up ? GAVEA_CRITICAL : up < links ? GAVEA_WARNING : GAVEA_OK;
	char item[64];

	snprintf(item, sizeof(item), "bond %.32s", name);
	if (status == GAVEA_OK)
		verdict(&collection->verdicts, collection->check, item, status, false, "%zu links", links);
	else
		verdict(&collection->verdicts, collection->check, item, status, false,
			"%zu of %zu links up%s%s; see its cable and the switch (/proc/net/bonding/%s)", up,
			links, *down ? ", down: " : "", down, name);
}

static int bond_collect(struct collection *collection, const char *name)
{
	struct gavea_pair label = {"master", name};
	_cleanup_free_ char *bond = NULL;
	char text[TEXT_ROOM], down[WORD_ROOM] = "", *rest = text, *link;
	size_t links = 0, up = 0;

	if (asprintf(&bond, "%s/class/net/%s", collection->sysfs, name) < 0) {
		bond = NULL;
		return -ENOMEM;
	}
	/* One that was removed since the last look is no news. */
	if (attr_read_text(bond, "bonding/slaves", text, sizeof(text)) < 0)
		return 0;
	while ((link = strsep(&rest, " \n"))) {
		bool is_up = *link && !strchr(link, '/') && link_is_up(bond, link);

		links += *link != '\0';
		up += is_up;
		if (*link && !is_up && !*down)
			snprintf(down, sizeof(down), "%.31s", link);
	}
	collect(collection, declare(collection, &links_metric, &label, 1), (double)links);
	collect(collection, declare(collection, &active_metric, &label, 1), (double)up);
	bond_judge(collection, name, links, up, down);
	return 0;
}

static int bonding_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct bonding *bonding = state;
	char masters[TEXT_ROOM], *rest = masters, *name;
	int r = 0;

	(void)file;
	(void)text;
	if (due(collection, &bonding->next_scan, RESCAN)) {
		_cleanup_free_ char *folder = path_join(collection->sysfs, "class/net", NULL);

		if (!folder)
			return -ENOMEM;
		if (attr_read_text(folder, "bonding_masters", bonding->masters, sizeof(bonding->masters)) < 0)
			bonding->masters[0] = '\0';
	}
	if (!bonding->masters[0])
		return 0;
	memcpy(masters, bonding->masters, sizeof(masters));
	while (r == 0 && (name = strsep(&rest, " \n")))
		if (*name && *name != '.' && !strchr(name, '/'))
			r = bond_collect(collection, name);
	return r;
}

const struct collector collector_bonding = {
	"bonding", {NULL}, sizeof(struct bonding), NULL, bonding_collect, NULL, NULL};
