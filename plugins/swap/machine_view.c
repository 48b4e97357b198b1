/* SPDX-License-Identifier: Apache-2.0 */
/* What a situation says, and the simplest decisions. */
#include "machine_parts.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

#define QUIET NSEC_PER_SEC /* between the two looks that say that no session is left */

void decide(struct decision *decision, enum action action, const char *format, ...)
{
	va_list args;

	decision->action = action;
	va_start(args, format);
	vsnprintf(decision->text, sizeof decision->text, format, args);
	va_end(args);
}

void decide_colour(struct decision *decision, enum action action, enum colour colour)
{
	decision->colour = colour;
	decide(decision, action, "%s", colour_name(colour));
}

uint32_t machine_green(const struct swap *swap, uint32_t share)
{
	return swap->new == COLOUR_GREEN ? share : SHARE_ALL - share;
}

bool world_serves(const struct world *world, enum colour colour, char *text, size_t size)
{
	const struct traffic_side *side = &world->traffic.side[colour];

	if (!world->service_seen[colour])
		snprintf(text, size, "%s: %s", colour_name(colour), world->service_error);
	else if (world->service[colour].state != SERVICE_RUNNING)
		snprintf(text, size, "%s is %s", colour_name(colour),
			service_state_name(world->service[colour].state));
	else if (!world->traffic_seen)
		snprintf(text, size, "the proxy can't be seen: %s", world->traffic_error);
	else if (side->servers == 0)
		snprintf(text, size, "the proxy has no server for %s", colour_name(colour));
	else if (side->servers > 0 && side->draining > 0)
		snprintf(text, size, "%s is drained at the proxy", colour_name(colour));
	else if (side->servers > 0 && side->up < side->servers)
		snprintf(text, size, "the proxy sees %d of %d servers of %s up (%s)", side->up, side->servers,
			colour_name(colour), side->state);
	else
		return true;
	return false;
}

bool world_broken(const struct world *world, enum colour colour, uint32_t restarts, char *text, size_t size)
{
	const struct service_view *service = &world->service[colour];
	const struct traffic_side *side = &world->traffic.side[colour];

	if (world->service_seen[colour] &&
		(service->state == SERVICE_FAILED || service->state == SERVICE_STOPPED))
		snprintf(text, size, "%s has ended by itself: %s (%s)", colour_name(colour),
			service_state_name(service->state), service->text);
	else if (world->service_seen[colour] && restarts != UINT32_MAX && service->restarts > restarts)
		snprintf(text, size, "%s was restarted by its supervisor %u time%s", colour_name(colour),
			service->restarts - restarts, service->restarts - restarts == 1 ? "" : "s");
	else if (world->traffic_seen && side->servers > 0 && side->draining <= 0 &&
		side->up + side->wavering < side->servers)
		snprintf(text, size, "the proxy sees %d of %d servers of %s up (%s)", side->up, side->servers,
			colour_name(colour), side->state);
	else
		return false;
	return true;
}

bool world_has_share(const struct world *world, uint32_t share)
{
	return world->traffic_seen && world->traffic.share == share &&
		(world->traffic.share_stored == share || world->traffic.share_stored == SHARE_UNKNOWN);
}

bool swap_is_late(const struct swap *swap, int64_t now_boot)
{
	return swap->deadline_boot != INT64_MAX && now_boot >= swap->deadline_boot;
}

/* It does not serve: if that is the proxy's doing, it is asked to let it. */
void decide_unready(const struct world *world, enum colour colour, const char *why, struct decision *decision)
{
	const struct traffic_side *side = &world->traffic.side[colour];
	bool may_help = world->traffic_seen && side->servers > 0 && side->up < side->servers;

	decision->colour = colour;
	decide(decision, may_help ? ACTION_READY : ACTION_WAIT, "%s", why);
}

bool decide_drained(const struct swap *swap, const struct world *world, enum colour colour, int64_t now_boot,
	struct decision *decision)
{
	const struct traffic_side *side = &world->traffic.side[colour];

	/* Cut once, and then on: what was cut may come back as soon as the client does. */
	if (world->undrainable || (world->traffic_seen && side->servers == 0) || swap->part == PART_CUT)
		return true;
	if (swap_is_late(swap, now_boot))
		decide_colour(decision, ACTION_CUT, colour);
	else if (!world->traffic_seen)
		decide(decision, ACTION_WAIT, "%s", world->traffic_error);
	else if (side->servers > 0 && side->draining >= 0 && side->draining < side->servers)
		decide_colour(decision, ACTION_DRAIN, colour);
	else if (side->sessions < 0)
		decide(decision, ACTION_WAIT, "the proxy does not tell how many sessions %s has",
			colour_name(colour));
	else if (side->sessions > 0 || side->queued > 0)
		decide(decision, ACTION_WAIT, "%s has %lld sessions and %lld queued", colour_name(colour),
			(long long)side->sessions, (long long)side->queued);
	else if (world->quiet_boot == 0 || now_boot - world->quiet_boot < QUIET)
		decide(decision, ACTION_WAIT, "%s has no sessions; once more", colour_name(colour));
	else
		return true;
	return false;
}
