/* SPDX-License-Identifier: Apache-2.0 */
#include "ping.h"

#include "base/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void ping_write(const struct ping *ping, char buffer[static 256])
{
	snprintf(buffer, 256, "1 %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, ping->started,
		ping->succeeded, ping->failed, ping->seconds, ping->size);
}

int ping_read(const char *text, struct ping *ret_ping)
{
	struct ping ping = {0};
	int used = 0;

	if (sscanf(text, "1 %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &ping.started,
		    &ping.succeeded, &ping.failed, &ping.seconds, &ping.size, &used) != 5 ||
		text[used])
		return -EINVAL;
	*ret_ping = ping;
	return 0;
}

void ping_start(struct ping *ping, int64_t now)
{
	ping->started = now;
}

static void end(struct ping *ping, int64_t now)
{
	ping->seconds = ping->started && now >= ping->started ? now - ping->started : -1;
	ping->started = 0;
}

void ping_success(struct ping *ping, int64_t size, int64_t now)
{
	end(ping, now);
	ping->succeeded = now;
	ping->size = size;
}

void ping_failure(struct ping *ping, int64_t now)
{
	end(ping, now);
	ping->failed = now;
}
