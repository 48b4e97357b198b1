/* SPDX-License-Identifier: Apache-2.0 */
#include "ping.h"

#include "base/clock.h"
#include "base/parse.h"

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

static int read_words(
	const struct ping_words *words, int64_t *ret_size, int64_t *ret_seconds, const char **ret_problem)
{
	uint64_t bytes = 0;
	int64_t ns = 0;

	if (words->size && (parse_size(words->size, &bytes) < 0 || bytes > INT64_MAX)) {
		*ret_problem = "size: wanted bytes, or such as 10MiB";
		return -EINVAL;
	}
	if (words->duration && (parse_duration(words->duration, &ns) < 0 || ns < 0)) {
		*ret_problem = "duration: wanted such as 90s, or 1h 30min";
		return -EINVAL;
	}
	*ret_size = words->size ? (int64_t)bytes : -1;
	*ret_seconds = words->duration ? ns / NSEC_PER_SEC : -1;
	return 0;
}

int ping_take(struct ping *ping, const struct ping_words *words, int64_t now, const char **ret_problem)
{
	const char *state = words->state ? words->state : "success";
	int64_t size, seconds;
	int r = read_words(words, &size, &seconds, ret_problem);

	if (r < 0)
		return r;
	if (streq(state, "start")) {
		ping->started = now;
		return 0;
	}
	if (!streq(state, "success") && !streq(state, "fail")) {
		*ret_problem = "state: wanted start, success or fail";
		return -EINVAL;
	}
	if (seconds < 0 && ping->started && now >= ping->started)
		seconds = now - ping->started;
	ping->seconds = seconds;
	ping->started = 0;
	if (streq(state, "fail")) {
		ping->failed = now;
	} else {
		ping->succeeded = now;
		ping->failed = 0;
		ping->size = size;
	}
	return 0;
}
