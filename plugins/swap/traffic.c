/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic_internal.h"

static const struct {
	const char *kind;
	int (*open)(
		const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error);
} kinds[] = {
	{"haproxy", traffic_haproxy_open},
	{"haproxy-weights", traffic_haproxy_weights_open},
	{"nginx", traffic_nginx_open},
	{"symlink", traffic_symlink_open},
	{"exec", traffic_exec_open},
};

int traffic_open(const char *kind, const struct traffic_settings *settings, struct traffic **ret_traffic,
	struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].kind, kind))
			return kinds[i].open(settings, ret_traffic, error);
	return error_set(error, -EINVAL,
		"there is no traffic driver \"%s\": it is one of haproxy, haproxy-weights, nginx, symlink, "
		"exec",
		kind);
}

void traffic_close(struct traffic *traffic)
{
	if (traffic)
		traffic->driver->close(traffic);
}
