/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The item "oom kills": whether the kernel ended processes for want of memory. The count is kept over restarts of the
 * worker, so that what happened in between is seen; a host that has just been looked at for the first time is not blamed
 * for its past.
 */
#include "collector.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/util.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SAVED_VERSION = 1,
};

static const char saved_key[] = "oom";

/* As it is saved, in the host's own byte order. */
struct saved {
	uint32_t version;
	uint32_t recent; /* kills that the item still speaks of */
	double count; /* since boot */
	int64_t time; /* of the last one, nanoseconds since 1970 */
};

struct oom {
	int64_t remember; /* nanoseconds */
	bool known; /* count is one to compare with */
	double count;
	double recent;
	int64_t time; /* of the last kill, on the monotonic clock */
};

static int oom_open(void *state, struct collection *collection)
{
	struct oom *oom = state;
	struct saved saved;
	const void *value;
	size_t size;

	oom->remember = gavea_option_int(collection->check, "oom_remember");
	if (gavea_state_get(collection->check, saved_key, &value, &size) < 0 || size != sizeof(saved))
		return 0;
	memcpy(&saved, value, sizeof(saved));
	if (saved.version != SAVED_VERSION || !isfinite(saved.count))
		return 0;
	oom->known = true;
	/* The kernel counts from 0 again after a boot. */
	oom->count = collection->same_boot ? saved.count : 0;
	oom->recent = saved.recent;
	oom->time = MIN(saved.time - collection->wall_offset, collection->now);
	return 0;
}

static void oom_save(void *state, struct collection *collection)
{
	const struct oom *oom = state;
	struct saved saved = {.version = SAVED_VERSION,
		.recent = (uint32_t)MIN(oom->recent, 1e9),
		.count = oom->count,
		.time = oom->time + collection->wall_offset};

	if (oom->known)
		(void)gavea_state_set(collection->check, saved_key, &saved, sizeof(saved));
}

static void take_count(struct oom *oom, struct collection *collection, double count)
{
	if (oom->known && count > oom->count) {
		if (collection->now - oom->time > oom->remember)
			oom->recent = 0;
		oom->recent += count - oom->count;
		oom->time = collection->now;
		collection->save = true;
		gavea_event(collection->check, "oom-kill", GAVEA_WARNING,
			"the kernel ended a process for want of memory", NULL, 0);
	}
	oom->known = true;
	oom->count = count;
}

static int oom_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	struct oom *oom = state;
	double count = collection->facts.oom_kills;
	char ago[32], when[48] = "just now";

	(void)file;
	(void)text;
	if (count < 0) /* no vmstat, or a kernel that does not count */
		return 0;
	take_count(oom, collection, count);
	if (collection->now - oom->time >= NSEC_PER_SEC)
		snprintf(when, sizeof(when), "%s ago",
			format_duration_rough(ago, collection->now - oom->time));
	if (oom->recent > 0 && collection->now - oom->time <= oom->remember)
		verdict(&collection->verdicts, collection->check, "oom kills", GAVEA_WARNING, true,
			"%.0f process%s ended for want of memory, the last %s; the kernel's log names them "
			"(journalctl -k -g oom-kill)",
			oom->recent, oom->recent > 1 ? "es" : "", when);
	else
		verdict(&collection->verdicts, collection->check, "oom kills", GAVEA_OK, false,
			"%.0f since boot", count);
	return 0;
}

const struct collector judge_oom = {
	"oom kills", {NULL}, sizeof(struct oom), oom_open, oom_judge, NULL, oom_save};
