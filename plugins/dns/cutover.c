/* SPDX-License-Identifier: Apache-2.0 */
#include "cutover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void count(const struct cutover_voice *voices, size_t voice_count, struct cutover_verdict *verdict)
{
	for (size_t i = 0; i < voice_count; i++) {
		const struct cutover_voice *voice = &voices[i];

		verdict->authorities += voice->authority;
		verdict->authorities_new += voice->authority && voice->side == CUTOVER_NEW;
		verdict->old += voice->side == CUTOVER_OLD;
		verdict->neither += voice->side == CUTOVER_NEITHER;
		verdict->silent += voice->side == CUTOVER_SILENT;
	}
}

static void remember(struct cutover_memory *memory, const struct cutover_voice *voices, size_t voice_count,
	const struct cutover_verdict *verdict, int64_t now_ms)
{
	bool all_new = verdict->authorities && verdict->authorities_new == verdict->authorities;

	for (size_t i = 0; i < voice_count; i++) {
		const struct cutover_voice *voice = &voices[i];

		if (voice->side != CUTOVER_OLD)
			continue;
		if (voice->authority)
			memory->old_ttl = MAX(memory->old_ttl, voice->ttl_ms);
		else
			memory->kept_until = MAX(memory->kept_until, now_ms + voice->ttl_ms);
	}
	/* Any cache may have asked up to this very moment. A clock that went back begins the wait anew. */
	if (!all_new)
		memory->new_since = 0;
	else if (memory->new_since == 0 || memory->new_since > now_ms)
		memory->new_since = now_ms;
}

void cutover_take(struct cutover_memory *memory, const struct cutover_voice *voices, size_t voice_count,
	int64_t configured_ttl, int64_t now_ms, struct cutover_verdict *ret)
{
	struct cutover_verdict verdict = {0};
	int64_t ttl;

	count(voices, voice_count, &verdict);
	remember(memory, voices, voice_count, &verdict, now_ms);
	ttl = MAX(memory->old_ttl, configured_ttl > 0 ? configured_ttl : -1);
	if (verdict.neither)
		verdict.state = CUTOVER_WRONG;
	else if (verdict.silent || !verdict.authorities)
		verdict.state = CUTOVER_UNSURE;
	else if (verdict.old)
		verdict.state = CUTOVER_BEHIND;
	else if (ttl < 0)
		verdict.state = CUTOVER_UNTIMED;
	else {
		verdict.opens = MAX(memory->new_since + ttl, memory->kept_until);
		verdict.state = now_ms >= verdict.opens ? CUTOVER_OPEN : CUTOVER_WAITING;
	}
	*ret = verdict;
}

void cutover_memory_format(const struct cutover_memory *memory, uint32_t fingerprint, struct buf *out)
{
	buf_printf(out, "%08" PRIx32 " %" PRId64 " %" PRId64 " %" PRId64, fingerprint, memory->old_ttl,
		memory->new_since, memory->kept_until);
}

int cutover_memory_parse(const char *text, size_t size, uint32_t fingerprint, struct cutover_memory *ret)
{
	struct cutover_memory memory;
	uint32_t owner;
	char line[128];
	int end = 0;

	if (size >= sizeof(line))
		return -EINVAL;
	memcpy(line, text, size);
	line[size] = '\0';
	if (sscanf(line, "%" SCNx32 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &owner, &memory.old_ttl,
		    &memory.new_since, &memory.kept_until, &end) != 4 ||
		(size_t)end != size || memory.old_ttl < -1 || memory.new_since < 0 || memory.kept_until < 0)
		return -EINVAL;
	if (owner != fingerprint)
		return -ESTALE;
	*ret = memory;
	return 0;
}
