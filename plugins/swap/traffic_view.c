/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic_internal.h"

void traffic_view_init(struct traffic_view *view)
{
	memset(view, 0, sizeof *view);
	view->share = view->share_stored = SHARE_UNKNOWN;
	for (unsigned c = 0; c < COLOURS; c++) {
		view->side[c].servers = view->side[c].up = view->side[c].draining = -1;
		view->side[c].sessions = view->side[c].queued = -1;
		view->side[c].requests = view->side[c].errors = -1;
	}
}

int traffic_missing(const char *kind, const char *setting, const char *what, struct error *error)
{
	return error_set(error, -EINVAL, "the traffic driver %s needs %s: %s", kind, setting, what);
}
