/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/verdict.h"

#define FLAP_BEGIN 50.0
#define FLAP_END 25.0

static void remember(struct verdict *verdict, enum gavea_status status)
{
	verdict->history[verdict->history_next] = (uint8_t)status;
	verdict->history_next = (verdict->history_next + 1) % VERDICT_WINDOW;
	if (verdict->history_count < VERDICT_WINDOW)
		verdict->history_count++;
}

/* Percent of changes in the window. A window that is not full yet counts as steady before its first run. */
static double change_rate(const struct verdict *verdict)
{
	unsigned oldest = (verdict->history_next + VERDICT_WINDOW - verdict->history_count) % VERDICT_WINDOW;
	unsigned offset = VERDICT_WINDOW - verdict->history_count;
	double weighted = 0;

	for (unsigned i = 1; i < verdict->history_count; i++) {
		uint8_t before = verdict->history[(oldest + i - 1) % VERDICT_WINDOW];
		uint8_t after = verdict->history[(oldest + i) % VERDICT_WINDOW];
		double position = (double)(offset + i - 1) / (VERDICT_WINDOW - 2);

		if (before != after)
			weighted += 0.8 + 0.4 * position;
	}
	return 100.0 * weighted / (VERDICT_WINDOW - 1);
}

static bool update_flapping(struct verdict *verdict)
{
	double rate = change_rate(verdict);
	bool before = verdict->flapping;

	if (rate > FLAP_BEGIN)
		verdict->flapping = true;
	else if (rate < FLAP_END)
		verdict->flapping = false;
	return verdict->flapping != before;
}

static void enter(struct verdict *verdict, enum gavea_status status, int64_t now_ms)
{
	verdict->state = status;
	verdict->since_ms = now_ms;
	verdict->attempt = 0;
}

struct verdict_change verdict_take(
	struct verdict *verdict, enum gavea_status status, unsigned attempts, int64_t now_ms)
{
	struct verdict_change change = {.from = verdict->known ? verdict->state : GAVEA_UNKNOWN};

	remember(verdict, status);
	change.flapping = update_flapping(verdict);
	if (!verdict->known) {
		verdict->known = true;
		enter(verdict, status, now_ms);
		change.state = true;
		return change;
	}
	if (status == verdict->state) {
		verdict->attempt = 0;
		return change;
	}
	verdict->attempt++;
	if (verdict->state == GAVEA_OK && verdict->attempt < attempts)
		return change;
	enter(verdict, status, now_ms);
	change.state = true;
	return change;
}
