/* SPDX-License-Identifier: Apache-2.0 */
/* uname(2) as the labels of node_uname_info, and the clock as node_time_seconds. */
#include "collector.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static const struct metric uname_metric = {
	"node_uname_info", GAVEA_GAUGE, NULL, "The names and versions that uname(2) gives, as labels"};
static const struct metric time_metric = {
	"node_time_seconds", GAVEA_GAUGE, "seconds", "The host's clock, as seconds since 1970"};

struct uname_state {
	struct utsname names; /* that the series was declared with: the host's name may change */
	int series;
};

static int uname_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	struct uname_state *uts = state;
	struct utsname now;

	(void)file;
	(void)text;
	memset(&now, 0, sizeof(now));
	if (uname(&now) < 0)
		return -errno;
	if (!uts->series || memcmp(&now, &uts->names, sizeof(now)) != 0) {
		const struct gavea_pair labels[] = {{"domainname", now.domainname}, {"machine", now.machine},
			{"nodename", now.nodename}, {"release", now.release}, {"sysname", now.sysname},
			{"version", now.version}};

		uts->names = now;
		uts->series = declare(collection, &uname_metric, labels, 6);
	}
	collect(collection, uts->series, 1);
	return 0;
}

struct time_state {
	int series;
};

static int time_open(void *state, struct collection *collection)
{
	struct time_state *clock = state;

	clock->series = declare(collection, &time_metric, NULL, 0);
	return 0;
}

static int time_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct time_state *clock = state;

	(void)file;
	(void)text;
	collect(collection, clock->series, (double)clock_ns(CLOCK_REALTIME) / 1e9);
	return 0;
}

const struct collector collector_uname = {
	"uname", {NULL}, sizeof(struct uname_state), NULL, uname_collect, NULL};
const struct collector collector_time = {
	"time", {NULL}, sizeof(struct time_state), time_open, time_collect, NULL};
