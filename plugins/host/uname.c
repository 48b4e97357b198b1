/* SPDX-License-Identifier: Apache-2.0 */
/* uname(2) as the labels of node_uname_info. */
#include "collector.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static const struct metric uname_metric = {
	"node_uname_info", GAVEA_GAUGE, NULL, "The names and versions that uname(2) gives, as labels"};
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

const struct collector collector_uname = {
	"uname", {NULL}, sizeof(struct uname_state), NULL, uname_collect, NULL, NULL};
