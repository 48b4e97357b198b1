/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include "base/clock.h"
#include "base/parse.h"

static bool is_same(const struct facts *one, const struct facts *other)
{
	return memcmp(one->fingerprint, other->fingerprint, sizeof(one->fingerprint)) == 0;
}

static const struct visit *newest(const struct target *target)
{
	const struct visit *best = NULL;

	for (size_t i = 0; i < target->count; i++) {
		const struct visit *visit = &target->visits[i];

		if (visit->outcome.verdict.facts.present &&
			(!best ||
				visit->outcome.verdict.facts.not_before >
					best->outcome.verdict.facts.not_before))
			best = visit;
	}
	return best;
}

void compare_addresses(struct target *target)
{
	const struct visit *best = newest(target);
	char there[RESOLVE_TEXT_SIZE], mine[32], other[32];

	for (size_t i = 0; best && i < target->count; i++) {
		struct verdict *verdict = &target->visits[i].outcome.verdict;

		if (!verdict->facts.present || is_same(&verdict->facts, &best->outcome.verdict.facts))
			continue;
		findings_add(&verdict->findings, GAVEA_WARNING, 0,
			"bring the new certificate here too, or set same_certificate = false",
			"serves another certificate (until %s) than %s does (until %s)",
			facts_date(mine, verdict->facts.not_after), address_text(there, &best->address),
			facts_date(other, best->outcome.verdict.facts.not_after));
	}
}

static void differs(const struct compare_settings *settings, const char *where, const struct facts *served,
	struct file_entry *entry)
{
	const struct facts *disk = &entry->verdict.facts;
	int64_t age = MAX(settings->now - entry->modified, INT64_C(0));
	const char *remedy = settings->reload_hint ? settings->reload_hint : "reload the server that uses it";
	char ago[32], until[32];

	format_duration_rough(ago, age * NSEC_PER_SEC);
	facts_date(until, served->not_after);
	if (served->not_before > disk->not_before)
		findings_add(&entry->verdict.findings, GAVEA_WARNING, 0, "name the file that the server uses",
			"%s serves a newer certificate (until %s) than the file holds", where, until);
	else if (age <= settings->reload_grace)
		findings_add(&entry->verdict.findings, GAVEA_OK, 0, remedy,
			"renewed on disk %s ago; %s may still serve the old one for a while", ago, where);
	else
		findings_add(&entry->verdict.findings, GAVEA_WARNING, 0, remedy,
			"renewed on disk %s ago, %s still serves the old one (until %s)", ago, where, until);
}

void compare_served(
	const struct compare_settings *settings, const struct target *target, struct file_entry *entry)
{
	char address[RESOLVE_TEXT_SIZE];
	size_t seen = 0;

	if (!entry->verdict.facts.present)
		return; /* what is wrong with the file is said already */
	for (size_t i = 0; i < target->count; i++) {
		const struct facts *served = &target->visits[i].outcome.verdict.facts;
		_cleanup_buf_ struct buf where = BUF_INIT;

		if (!served->present)
			continue;
		seen++;
		if (is_same(served, &entry->verdict.facts))
			continue;
		buf_add_str(&where, target->endpoint->label);
		if (!target->endpoint->is_address)
			buf_printf(&where, " [%s]", address_text(address, &target->visits[i].address));
		differs(settings, buf_str(&where), served, entry);
	}
	if (seen < MAX(target->count, (size_t)1))
		findings_add(&entry->verdict.findings, GAVEA_UNKNOWN, 0,
			"see what is said about the endpoint", "cannot tell whether %s serves it",
			target->endpoint->label);
}
