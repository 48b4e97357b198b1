/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/schedule.h"

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return hash;
}

int64_t schedule_offset(const char *agent_id, const char *check, int64_t every)
{
	uint64_t hash = hash_text(UINT64_C(14695981039346656037), agent_id);

	hash = hash_text(hash ^ '/', check);
	/* FNV's high bits say little about the last letters; the finish of MurmurHash3 spreads them. */
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	return (int64_t)(hash % (uint64_t)every);
}

int64_t schedule_next(int64_t now, int64_t every, int64_t offset)
{
	if (now < offset)
		return offset - (offset - now - 1) / every * every;
	return now - (now - offset) % every + every;
}

int64_t schedule_after_first(int64_t now, int64_t every, int64_t offset)
{
	int64_t next = schedule_next(now, every, offset);

	return next - now < every / 2 ? next + every : next;
}
