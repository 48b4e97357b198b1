/* SPDX-License-Identifier: Apache-2.0 */
/* The sign of life that the dead-man's switch looks at. */
#include "app.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void app_heartbeat(struct app *app)
{
	const struct swap *swap = &app->swap;
	char path[600], text[128];
	int size;

	if (!app_path(app, "heartbeat", path, sizeof path))
		return;
	if (!app_swaps(app) || *app->damage || !state_is_exposed(swap->state)) {
		(void)unlink(path);
		return;
	}
	size = snprintf(text, sizeof text, "%lld %s %s\n", (long long)clock_ns(CLOCK_BOOTTIME), swap->id,
		colour_name((enum colour)swap->new));
	(void)file_write_atomic(AT_FDCWD, path, text, (size_t)size, 0600);
}
