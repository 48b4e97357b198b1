/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"
#include <errno.h>
int service_open_systemd(
	const struct service_settings *settings, struct service **ret_service, struct error *error)
{
	(void)settings;
	(void)ret_service;
	return error_set(error, -EOPNOTSUPP, "not yet");
}
