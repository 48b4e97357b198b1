/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <errno.h>

int service_open(const struct service_settings *settings, struct service **ret_service, struct error *error)
{
	if (streq(settings->kind, "exec"))
		return service_open_exec(settings, ret_service, error);
	return service_open_systemd(settings, ret_service, error);
}

void service_close(struct service *service)
{
	if (service)
		service->driver->close(service);
}

const char *service_state_name(enum service_state state)
{
	static const char *const names[] = {"stopped", "starting", "running", "stopping", "failed"};

	return names[state];
}
