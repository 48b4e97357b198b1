/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>

int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

int64_t clock_unix_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / NSEC_PER_MSEC;
}

char *clock_format_utc(char buffer[static 32], int64_t unix_ms, int milliseconds)
{
	int64_t rest = ((unix_ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
	struct tm tm;
	size_t n = 0;

	if (gmtime_r(&seconds, &tm))
		n = strftime(buffer, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	if (milliseconds)
		snprintf(buffer + n, 32 - n, ".%03dZ", (int)rest);
	else
		snprintf(buffer + n, 32 - n, "Z");
	return buffer;
}
