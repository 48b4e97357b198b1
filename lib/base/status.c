/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"
#include "base/util.h"

#include <errno.h>

static const char *const names[] = {
	[GAVEA_OK] = "ok",
	[GAVEA_WARNING] = "warning",
	[GAVEA_CRITICAL] = "critical",
	[GAVEA_UNKNOWN] = "unknown",
};

const char *status_name(enum gavea_status status)
{
	return (size_t)status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

int status_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return (int)i;
	return -EINVAL;
}

int status_severity(int status)
{
	switch (status) {
	case GAVEA_OK:
		return 0;
	case GAVEA_WARNING:
		return 1;
	case GAVEA_CRITICAL:
		return 3;
	default:
		return 2;
	}
}

enum gavea_status status_worst(enum gavea_status a, enum gavea_status b)
{
	return status_severity((int)a) >= status_severity((int)b) ? a : b;
}
