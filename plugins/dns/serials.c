/* SPDX-License-Identifier: Apache-2.0 */
#include "serials.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

bool serial_older(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(b - a) < UINT32_C(1) << 31;
}

uint32_t serial_behind(uint32_t a, uint32_t b)
{
	return serial_older(a, b) ? b - a : 0;
}

enum serial_step serial_history_take(struct serial_history *history, uint32_t newest, int64_t now_ms)
{
	enum serial_step step = SERIAL_SAME;

	if (!history->known)
		*history = (struct serial_history){true, newest, 0};
	else if (newest != history->newest)
		step = serial_older(newest, history->newest) ? SERIAL_BACKWARD : SERIAL_FORWARD;
	if (step != SERIAL_SAME)
		*history = (struct serial_history){true, newest, now_ms};
	return step;
}

bool serial_in_grace(const struct serial_history *history, int64_t grace_ms, int64_t now_ms)
{
	/* A clock that went back knows nothing of ages. */
	return history->since > 0 && now_ms >= history->since && now_ms - history->since < grace_ms;
}

void serial_history_format(const struct serial_history *history, struct buf *out)
{
	buf_printf(out, "%" PRIu32 " %" PRId64, history->newest, history->since);
}

int serial_history_parse(const char *text, size_t size, struct serial_history *ret)
{
	struct serial_history history = {.known = true};
	char line[64];
	int end = 0;

	if (size >= sizeof(line))
		return -EINVAL;
	memcpy(line, text, size);
	line[size] = '\0';
	if (sscanf(line, "%" SCNu32 " %" SCNd64 "%n", &history.newest, &history.since, &end) != 2 ||
		(size_t)end != size || history.since < 0)
		return -EINVAL;
	*ret = history;
	return 0;
}
