/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The item "steal": the share of CPU time that the hypervisor gave to others, over the last 5 minutes; until so much has
 * been seen, since boot.
 */
#include "collector.h"

#include "base/clock.h"
#include "base/util.h"

enum {
	POINTS = 11,
};

#define SPACING (30 * NSEC_PER_SEC)

struct point {
	int64_t time;
	double steal;
	double all;
};

struct steal {
	double warning; /* per cent */
	double critical;
	struct point
		points[POINTS]; /* the oldest first; at first there is that of the boot, where all is 0 */
	size_t count;
};

static int steal_open(void *state, struct collection *collection)
{
	struct steal *steal = state;

	steal->warning = gavea_option_float(collection->check, "steal_warning");
	steal->critical = gavea_option_float(collection->check, "steal_critical");
	steal->count = 1;
	return 0;
}

/* What is compared with: the oldest point there is room for. */
static const struct point *base_of(struct steal *steal, int64_t now, double stolen, double all)
{
	struct point *last = &steal->points[steal->count - 1];

	/* A count that goes back is another machine's, after a migration: begin anew. */
	if (all < last->all || stolen < last->steal) {
		steal->count = 1;
		steal->points[0] = (struct point){now, stolen, all};
	} else if (steal->count == 1 || now - last->time >= SPACING) {
		if (steal->count == POINTS) {
			memmove(steal->points, steal->points + 1, (POINTS - 1) * sizeof(steal->points[0]));
			steal->count--;
		}
		steal->points[steal->count++] = (struct point){now, stolen, all};
	}
	return &steal->points[0];
}

static int steal_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	struct steal *steal = state;
	const struct facts *facts = &collection->facts;
	enum gavea_status status = GAVEA_OK;
	const struct point *base;
	double percent;

	(void)file;
	(void)text;
	if (facts->cpu_ticks < 0)
		return 0;
	base = base_of(steal, collection->now, facts->steal_ticks, facts->cpu_ticks);
	percent = facts->cpu_ticks > base->all
		? 100 * (facts->steal_ticks - base->steal) / (facts->cpu_ticks - base->all)
		: 0;
	if (percent > steal->critical)
		status = GAVEA_CRITICAL;
	else if (percent > steal->warning)
		status = GAVEA_WARNING;
	verdict(&collection->verdicts, collection->check, "steal", status, false,
		"the hypervisor gave %.1f %% of the CPU time to others%s", percent,
		status == GAVEA_OK ? "" : "; move this VM, or its neighbours, to a host with room");
	return 0;
}

const struct collector judge_steal = {
	"steal", {NULL}, sizeof(struct steal), steal_open, steal_judge, NULL, NULL};
