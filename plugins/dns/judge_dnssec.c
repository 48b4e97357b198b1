/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_dnssec.h"
#include "signatures.h"

#include "base/clock.h"
#include "base/parse.h"

#include <inttypes.h>

/* ---- Validation ---- */

/* Whether what was validated is an answer of the kind that the servers shall give. */
static bool is_about_the_same(const struct settings *settings, const struct validation *validation)
{
	if (settings->expected == EXPECTED_NXDOMAIN)
		return validation->no_name;
	if (settings->expected == EXPECTED_NODATA)
		return !validation->no_name && !validation->has_records;
	return validation->has_records;
}

static void judge_subject(
	const struct settings *settings, const struct validation *validation, struct finding *finding)
{
	bool answered = validation->state == VALIDATION_SECURE || validation->state == VALIDATION_INSECURE;

	if (answered && !is_about_the_same(settings, validation))
		finding_say(finding, GAVEA_UNKNOWN,
			"but what was validated is %s: the way down from the parents leads elsewhere than to "
			"these servers; set parent_servers or validate_through",
			validation->no_name               ? "that there is no such name"
				: validation->has_records ? "that there are records"
							  : "that there is no such record");
}

void judge_validation(const struct settings *settings, int r, const struct error *error,
	const struct validation *validation, struct findings *findings)
{
	static const char *const names[] = {"secure", "insecure", "bogus", "none"};
	struct finding *finding = findings_add(findings, "dnssec");
	char name[16];

	if (r < 0) {
		finding_say(finding, GAVEA_UNKNOWN, "%s", error_text(error, r));
		return;
	}
	finding_attribute(finding, "validation", "%s", names[validation->state]);
	switch (validation->state) {
	case VALIDATION_SECURE:
		finding_say(finding, GAVEA_OK, "secure");
		break;
	case VALIDATION_INSECURE:
		if (settings->dnssec == DNSSEC_REQUIRE)
			finding_say(finding, GAVEA_CRITICAL,
				"insecure: no chain of trust leads to %s; is the zone signed, and its DS at "
				"the parent?",
				settings->name_text);
		else
			finding_say(finding, GAVEA_OK,
				"insecure: the zone is not signed, or has no DS at its parent");
		break;
	case VALIDATION_BOGUS:
		finding_say(finding, GAVEA_CRITICAL,
			"bogus: %s: validating resolvers refuse the name; sign the zone anew, or correct the "
			"DS at the parent",
			validation->reason ? validation->reason : "no reason was given");
		break;
	case VALIDATION_FAILED:
		finding_say(finding, GAVEA_UNKNOWN,
			"could not be validated: %s: are the zone's servers reachable from here?",
			answer_rcode_name(validation->rcode, name));
		break;
	}
	judge_subject(settings, validation, finding);
}

/* ---- Signatures ---- */

static bool any_answer(const struct probes *probes, enum aspect aspect)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->list[i]->aspect == aspect && probe_answered(probes->list[i]) &&
			(probes->list[i]->answer.kind == ANSWER_RECORDS ||
				probes->list[i]->answer.kind == ANSWER_NODATA ||
				probes->list[i]->answer.kind == ANSWER_ALIAS ||
				probes->list[i]->answer.kind == ANSWER_NXDOMAIN))
			return true;
	return false;
}

static bool is_signed_aspect(const struct probe *probe)
{
	return (probe->aspect == ASPECT_RECORD || probe->aspect == ASPECT_SOA ||
		       probe->aspect == ASPECT_DNSKEY) &&
		probe_answered(probe);
}

static const char *type_name(ldns_rr_type type, char buffer[static 32])
{
	char *name = ldns_rr_type2str(type);

	snprintf(buffer, 32, "%s", name ? name : "?");
	free(name);
	return buffer;
}

static const char *for_people(int64_t seconds, char buffer[static 32])
{
	return format_duration_rough(buffer, seconds * NSEC_PER_SEC);
}

static void say_life(const struct settings *settings, const struct signature_life *life, const char *server,
	uint32_t expire, struct finding *finding)
{
	char left[32], other[32], type[32];

	type_name(life->covers, type);
	if (life->left < 0 && life->early)
		finding_say(finding, GAVEA_CRITICAL,
			"%s: a signature over %s is not valid yet: the signer's clock, or this host's, is "
			"wrong",
			server, type);
	else if (life->left < 0)
		finding_say(finding, GAVEA_CRITICAL,
			"%s: the signature over %s ran out %s ago: sign the zone, at once", server, type,
			for_people(-life->left, left));
	else if (life->left < settings->rrsig_critical || life->left < settings->rrsig_warning)
		finding_say(finding, life->left < settings->rrsig_critical ? GAVEA_CRITICAL : GAVEA_WARNING,
			"%s: the signature over %s runs out in %s: does the signer still work?", server, type,
			for_people(life->left, left));
	/* A secondary that lost its primary goes on serving until `expire`: with dead signatures, then. */
	if (life->left >= 0 && expire && life->left < (int64_t)expire)
		finding_say(finding, GAVEA_WARNING,
			"%s: the signature over %s holds for %s, less than the SOA's expire of %s: a "
			"secondary cut off from its primary would serve bogus data; sign earlier, or lower "
			"expire",
			server, type, for_people(life->left, left), for_people(expire, other));
}

/* A server that answers otherwise, but not this. */
static bool is_missing(const struct probes *probes, const struct probe *probe)
{
	return (probe->aspect == ASPECT_SOA || probe->aspect == ASPECT_DNSKEY) && !probe_answered(probe) &&
		probe_answered(probes_find(probes, ASPECT_RECORD, probe->endpoint));
}

/* All signatures that one server sent. */
static void judge_life(const struct settings *settings, const struct probes *probes,
	const struct endpoint *endpoint, int64_t now, struct finding *finding, struct signature_life *worst)
{
	const struct probe *soa = probes_find(probes, ASPECT_SOA, endpoint);
	struct signature_life life = {0};

	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *probe = probes->list[i];

		if (probe->endpoint != endpoint)
			continue;
		if (is_signed_aspect(probe))
			signature_life_take(&life, probe->answer.packet, now);
		else if (is_missing(probes, probe))
			finding_say(finding, GAVEA_UNKNOWN,
				"%s did not tell its %s, so its signatures are not known", endpoint->label,
				probe->aspect == ASPECT_SOA ? "SOA" : "DNSKEY");
	}
	if (!life.any)
		return;
	/* A resolver's signatures are those of the zone, but the zone's SOA is the authorities' business. */
	say_life(settings, &life, endpoint->label,
		soa && probe_answered(soa) && soa->answer.authoritative ? answer_soa_expire(soa->answer.soa)
									: 0,
		finding);
	if (!worst->any || life.left < worst->left)
		*worst = life;
}

void judge_signatures(const struct settings *settings, const struct probes *probes, int64_t now, bool secure,
	struct findings *findings, int64_t *ret_left)
{
	struct finding *finding = findings_add(findings, "signatures");
	struct signature_life worst = {0};
	char left[32], type[32];

	for (size_t i = 0; i < probes->count; i++)
		if (probes->list[i]->aspect == ASPECT_RECORD)
			judge_life(settings, probes, probes->list[i]->endpoint, now, finding, &worst);
	*ret_left = worst.any ? worst.left : INT64_MAX;
	if (!any_answer(probes, ASPECT_RECORD))
		finding_say(finding, GAVEA_UNKNOWN, "no server gave an answer with signatures to look at");
	else if (!worst.any && settings->dnssec == DNSSEC_REQUIRE)
		finding_say(finding, GAVEA_CRITICAL,
			"no server sent a signature: the zone is not signed, or EDNS is dropped on the way");
	else if (!worst.any && secure)
		finding_say(finding, GAVEA_WARNING,
			"the zone is signed, yet no server sent a signature: they, or something on the way, "
			"drop them");
	else if (!worst.any && finding && !finding->text.size)
		finding_say(finding, GAVEA_OK, "none: the zone is not signed");
	else if (finding && !finding->text.size)
		finding_say(finding, GAVEA_OK, "the first to run out, over %s, holds for %s",
			type_name(worst.covers, type), for_people(worst.left, left));
	if (worst.any)
		finding_attribute(finding, "left_seconds", "%" PRId64, worst.left);
}

/* ---- DS ---- */

static const struct probe *first_records(const struct probes *probes, enum aspect aspect)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->list[i]->aspect == aspect && probe_answered(probes->list[i]) &&
			probes->list[i]->answer.kind == ANSWER_RECORDS)
			return probes->list[i];
	return NULL;
}

void judge_ds(const struct probes *probes, struct findings *findings)
{
	const struct probe *ds = first_records(probes, ASPECT_DS);
	const struct probe *keys = first_records(probes, ASPECT_DNSKEY);
	struct finding *finding = findings_add(findings, "ds");
	size_t count = ds ? ldns_rr_list_rr_count(ds->answer.records) : 0;
	size_t matches = ds && keys ? signature_ds_matches(ds->answer.records, keys->answer.records) : 0;
	char text[64];

	if (!any_answer(probes, ASPECT_DS) || !any_answer(probes, ASPECT_DNSKEY))
		finding_say(finding, GAVEA_UNKNOWN,
			"%s did not answer, so DS and DNSKEY could not be compared",
			any_answer(probes, ASPECT_DS) ? "the zone's servers" : "the parent's servers");
	else if (ds && !keys)
		finding_say(finding, GAVEA_CRITICAL,
			"the parent has a DS, the zone has no DNSKEY: sign the zone, or have the DS removed");
	else if (ds && !matches)
		finding_say(finding, GAVEA_CRITICAL,
			"no DS at the parent fits a key of the zone (the first has %s): give the current key "
			"to the registrar",
			signature_ds_text(ldns_rr_list_rr(ds->answer.records, 0), text));
	else if (ds)
		finding_say(finding, GAVEA_OK, "%zu of %zu DS fit a key of the zone", matches, count);
	else if (keys)
		finding_say(finding, GAVEA_WARNING,
			"the zone has keys, its parent no DS: nobody validates it; give the DS to the "
			"registrar");
	else
		finding_say(finding, GAVEA_OK, "neither DS nor DNSKEY: the zone is not signed");
}
