/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_cutover.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/parse.h"

#include <inttypes.h>

/* Without an old answer to look for, whatever is not the new one is old: also that there was none. */
static enum cutover_side side_of(const struct settings *settings, const struct answer *answer)
{
	_cleanup_rdata_set_ struct rdata_set got = RDATA_SET_INIT;
	bool absent = answer->kind == ANSWER_NODATA || answer->kind == ANSWER_NXDOMAIN;

	if (answer->kind != ANSWER_RECORDS && !absent)
		return answer->kind == ANSWER_ALIAS || answer->kind == ANSWER_CIRCLE ? CUTOVER_NEITHER
										     : CUTOVER_SILENT;
	if (absent)
		return settings->expect_old.count ? CUTOVER_NEITHER : CUTOVER_OLD;
	if (rdata_set_add_list(&got, answer->records) < 0)
		return CUTOVER_SILENT;
	/* The old one first: where both can be seen, the change is not done. */
	if (settings->expect_old.count && rdata_set_matches(&got, &settings->expect_old, settings->match))
		return CUTOVER_OLD;
	if (rdata_set_matches(&got, &settings->expect_new, settings->match))
		return CUTOVER_NEW;
	return settings->expect_old.count ? CUTOVER_NEITHER : CUTOVER_OLD;
}

struct cutover_voice judge_voice(const struct settings *settings, const struct probe *probe)
{
	struct cutover_voice voice = {
		.side = CUTOVER_SILENT, .authority = probe->endpoint->group == GROUP_AUTHORITY};

	if (!probe_answered(probe))
		return voice;
	voice.side = side_of(settings, &probe->answer);
	/* An authority that answers from hearsay is none. */
	if (voice.authority && !probe->answer.authoritative)
		voice.side = CUTOVER_SILENT;
	voice.authority |= probe->answer.authoritative;
	voice.ttl_ms = (int64_t)probe->answer.ttl * 1000;
	return voice;
}

void judge_side(const struct settings *settings, const struct probe *probe, struct finding *finding)
{
	_cleanup_rdata_set_ struct rdata_set got = RDATA_SET_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct answer *answer = &probe->answer;

	if (rdata_set_add_list(&got, answer->records) < 0)
		return;
	rdata_set_print(&got, NULL, &text);
	if (!got.count)
		buf_add_str(&text, answer->kind == ANSWER_NXDOMAIN ? "NXDOMAIN" : "no record");
	finding_attribute(finding, "answer", "%s", buf_str(&text));
	switch (judge_voice(settings, probe).side) {
	case CUTOVER_NEW:
		finding_say(finding, GAVEA_OK, "new: %s", buf_str(&text));
		break;
	case CUTOVER_OLD:
		finding_say(finding, GAVEA_WARNING, "still old: %s, for %" PRIu32 " s more%s", buf_str(&text),
			answer->ttl, answer->authoritative ? " after it is changed here" : "");
		break;
	case CUTOVER_NEITHER:
		finding_say(
			finding, GAVEA_CRITICAL, "neither the old nor the new answer: %s", buf_str(&text));
		break;
	case CUTOVER_SILENT:
		break;
	}
}

static void say_unsure(const struct cutover_verdict *verdict, struct finding *finding)
{
	if (verdict->silent)
		finding_say(finding, GAVEA_UNKNOWN, "shut: %zu of the servers gave no answer that counts",
			verdict->silent);
	else
		finding_say(finding, GAVEA_UNKNOWN,
			"shut: no authority is among the servers that were asked; add \"authorities\" to "
			"ask");
}

static void say_gate(const struct cutover_verdict *verdict, int64_t now_ms, struct finding *finding)
{
	char at[32], in[32];

	switch (verdict->state) {
	case CUTOVER_OPEN:
		finding_say(finding, GAVEA_OK,
			"open: all %zu authorities have the new answer, and the old one ran out everywhere "
			"at %s",
			verdict->authorities, clock_format_utc(at, verdict->opens, 0));
		break;
	case CUTOVER_WAITING:
		finding_say(finding, GAVEA_WARNING,
			"shut: everybody who was asked has the new answer, but caches elsewhere may keep the "
			"old one until %s (%s)",
			clock_format_utc(at, verdict->opens, 0),
			format_duration_rough(in, (verdict->opens - now_ms) * NSEC_PER_MSEC));
		break;
	case CUTOVER_BEHIND:
		finding_say(finding, GAVEA_WARNING,
			"shut: %zu server%s still give%s the old answer; %zu of %zu authorities have the new "
			"one",
			verdict->old, verdict->old == 1 ? "" : "s", verdict->old == 1 ? "s" : "",
			verdict->authorities_new, verdict->authorities);
		break;
	case CUTOVER_WRONG:
		finding_say(finding, GAVEA_CRITICAL,
			"shut: %zu server%s give%s neither the old nor the new answer", verdict->neither,
			verdict->neither == 1 ? "" : "s", verdict->neither == 1 ? "s" : "");
		break;
	case CUTOVER_UNSURE:
		say_unsure(verdict, finding);
		break;
	case CUTOVER_UNTIMED:
		finding_say(finding, GAVEA_UNKNOWN,
			"shut: the old answer was never seen, so nobody knows for how long caches keep it: "
			"set old_ttl, or start this check before the change");
		break;
	}
}

void judge_cutover(const struct settings *settings, const struct probes *probes,
	struct cutover_memory *memory, int64_t now_ms, struct findings *findings, struct cutover_verdict *ret)
{
	struct cutover_voice voices[ENDPOINTS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < probes->count && count < ENDPOINTS_MAX; i++)
		if (probes->list[i]->aspect == ASPECT_RECORD)
			voices[count++] = judge_voice(settings, probes->list[i]);
	cutover_take(memory, voices, count, settings->old_ttl * 1000, now_ms, ret);
	say_gate(ret, now_ms, findings_add(findings, "cutover"));
}

static uint32_t add_set(uint32_t crc, const struct rdata_set *set)
{
	crc = crc32c(crc, &set->count, sizeof(set->count));
	for (size_t i = 0; i < set->count; i++) {
		crc = crc32c(crc, &set->list[i].size, sizeof(set->list[i].size));
		crc = crc32c(crc, set->list[i].bytes, set->list[i].size);
	}
	return crc;
}

uint32_t judge_cutover_fingerprint(const struct settings *settings)
{
	uint32_t crc = crc32c(0, settings->name_text, strlen(settings->name_text));

	crc = crc32c(crc, &settings->type, sizeof(settings->type));
	crc = crc32c(crc, &settings->match, sizeof(settings->match));
	return add_set(add_set(crc, &settings->expect_new), &settings->expect_old);
}
