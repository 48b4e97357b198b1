/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_zone.h"
#include "dname.h"
#include "referral.h"

#include "base/clock.h"
#include "base/parse.h"

#include <inttypes.h>

/* ---- Delegation ---- */

static void list_servers(const struct walk_zone *zone, bool parent, bool other, struct buf *out)
{
	char name[DNAME_TEXT_SIZE];

	for (size_t i = 0; i < zone->server_count; i++) {
		const struct walk_server *server = &zone->servers[i];

		if ((parent ? server->in_parent : server->in_zone) &&
			(!other || !(parent ? server->in_zone : server->in_parent)))
			buf_printf(out, "%s%s", out->size ? ", " : "", dname_text(server->name, name));
	}
}

static bool any_address(const struct walk_zone *zone)
{
	for (size_t i = 0; i < zone->server_count; i++)
		if (zone->servers[i].addresses.count)
			return true;
	return false;
}

/* One server without an address is a flaw, all of them are the end. */
static void judge_addresses(const struct walk_zone *zone, struct finding *finding)
{
	enum gavea_status status = any_address(zone) ? GAVEA_WARNING : GAVEA_CRITICAL;
	char name[DNAME_TEXT_SIZE];

	for (size_t i = 0; i < zone->server_count; i++) {
		const struct walk_server *server = &zone->servers[i];

		if (!server->addresses.count)
			finding_say(finding, status,
				"the name server %s has no address that could be found: correct its name, or "
				"its A and AAAA records, or family",
				dname_text(server->name, name));
		else if (zone->parent && server->in_parent && needs_glue(zone, server) && server->glue &&
			!ldns_rr_list_rr_count(server->glue))
			finding_say(finding, GAVEA_CRITICAL,
				"the parent has no glue for %s, which lies in the zone itself: give its "
				"addresses to the registrar",
				dname_text(server->name, name));
	}
}

void judge_delegation(const struct walk_zone *zone, struct findings *findings)
{
	_cleanup_buf_ struct buf parent_only = BUF_INIT, zone_only = BUF_INIT, all = BUF_INIT;
	struct finding *finding = findings_add(findings, "delegation");
	char name[DNAME_TEXT_SIZE], parent[DNAME_TEXT_SIZE];

	list_servers(zone, true, true, &parent_only);
	list_servers(zone, false, true, &zone_only);
	list_servers(zone, zone->parent != NULL, false, &all);
	dname_text(zone->zone, name);
	finding_attribute(finding, "zone", "%s", name);
	finding_attribute(finding, "name_servers", "%s", buf_str(&all));
	if (!zone->confirmed)
		finding_say(finding, GAVEA_CRITICAL,
			"none of its servers (%s) serves the zone %s that is delegated to them",
			buf_str(&all), name);
	else if (!zone->parent)
		finding_say(finding, GAVEA_OK,
			"%s: the parent's servers serve it too, nobody needs its delegation", name);
	else {
		if (parent_only.size)
			finding_say(finding, GAVEA_WARNING,
				"%s delegates to %s, which the zone %s does not list: correct the NS records "
				"there, or at the registrar",
				dname_text(zone->parent, parent), buf_str(&parent_only), name);
		if (zone_only.size)
			finding_say(finding, GAVEA_WARNING,
				"the zone %s lists %s, to which %s does not delegate: add it at the "
				"registrar, or remove it",
				name, buf_str(&zone_only), dname_text(zone->parent, parent));
		if (!parent_only.size && !zone_only.size)
			finding_say(finding, GAVEA_OK, "%s: %s", name, buf_str(&all));
	}
	judge_addresses(zone, finding);
	if (zone->left_out)
		finding_say(finding, GAVEA_UNKNOWN, "%zu name servers beyond the first %d were not looked at",
			zone->left_out, WALK_NAMES_MAX);
}

/* ---- Glue ---- */

bool needs_glue(const struct walk_zone *zone, const struct walk_server *server)
{
	return referral_within(server->name, zone->zone);
}

static const struct probe *glue_probe(
	const struct probes *probes, const struct walk_server *server, ldns_rr_type type)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->list[i]->aspect == ASPECT_GLUE && probes->list[i]->type == type &&
			probes->list[i]->name == server->name)
			return probes->list[i];
	return NULL;
}

static int glue_set(const struct walk_server *server, ldns_rr_type type, struct rdata_set *set)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ldns_rr_list_rr_count(server->glue); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(server->glue, i)) == type)
			r = rdata_set_add(set, ldns_rr_list_rr(server->glue, i));
	return r;
}

static void compare_glue(const struct probes *probes, const struct walk_server *server, ldns_rr_type type,
	struct finding *finding)
{
	_cleanup_rdata_set_ struct rdata_set glue = RDATA_SET_INIT, own = RDATA_SET_INIT;
	_cleanup_buf_ struct buf stale = BUF_INIT, right = BUF_INIT;
	const struct probe *probe = glue_probe(probes, server, type);
	char name[DNAME_TEXT_SIZE];

	if (glue_set(server, type, &glue) == 0 && !glue.count)
		return;
	dname_text(server->name, name);
	if (!probe_answered(probe) || !probe->answer.authoritative ||
		rdata_set_add_list(&own, probe->answer.records) < 0) {
		finding_say(
			finding, GAVEA_UNKNOWN, "the zone's servers did not tell the addresses of %s", name);
		return;
	}
	if (!rdata_set_print(&glue, &own, &stale))
		return;
	rdata_set_print(&own, NULL, &right);
	finding_say(finding, GAVEA_WARNING,
		"the parent sends resolvers to %s for %s, the zone says %s: correct the address at the "
		"registrar",
		buf_str(&stale), name, own.count ? buf_str(&right) : "there is none");
}

void judge_glue(const struct walk_zone *zone, const struct probes *probes, struct findings *findings)
{
	struct finding *finding = NULL;
	size_t judged = 0;

	for (size_t i = 0; zone->parent && zone->confirmed && i < zone->server_count; i++) {
		const struct walk_server *server = &zone->servers[i];

		if (!server->glue || !ldns_rr_list_rr_count(server->glue) || !needs_glue(zone, server))
			continue;
		if (!finding)
			finding = findings_add(findings, "glue");
		judged++;
		compare_glue(probes, server, LDNS_RR_TYPE_A, finding);
		compare_glue(probes, server, LDNS_RR_TYPE_AAAA, finding);
	}
	if (finding && !finding->text.size)
		finding_say(finding, GAVEA_OK, "the glue of %zu server%s is what the zone says", judged,
			judged == 1 ? "" : "s");
}

/* ---- Serials ---- */

static bool has_serial(const struct probe *probe)
{
	return probe->aspect == ASPECT_SOA && probe_answered(probe) && probe->answer.soa &&
		probe->answer.rcode == LDNS_RCODE_NOERROR &&
		(probe->answer.authoritative || probe->endpoint->group != GROUP_AUTHORITY);
}

static size_t newest_serial(const struct probes *probes, uint32_t *ret_newest)
{
	size_t count = 0;
	uint32_t newest = 0;

	for (size_t i = 0; i < probes->count; i++) {
		uint32_t serial;

		if (!has_serial(probes->list[i]))
			continue;
		serial = answer_soa_serial(probes->list[i]->answer.soa);
		if (count++ == 0 || serial_older(newest, serial))
			newest = serial;
	}
	*ret_newest = newest;
	return count;
}

static void judge_serial(const struct settings *settings, const struct probe *probe,
	const struct serial_history *history, int64_t now_ms, struct finding *finding)
{
	uint32_t serial = answer_soa_serial(probe->answer.soa);
	uint32_t behind = serial_behind(serial, history->newest);
	char grace[32];

	if (behind <= settings->serial_lag)
		return;
	if (serial_in_grace(history, settings->serial_grace / NSEC_PER_MSEC, now_ms))
		finding_say(finding, GAVEA_OK,
			"%s is at %" PRIu32 ", %" PRIu32 " behind; it has %s for the transfer",
			probe->endpoint->label, serial, behind,
			format_duration(grace, settings->serial_grace));
	else
		finding_say(finding, GAVEA_CRITICAL,
			"%s is at serial %" PRIu32 ", %" PRIu32
			" behind: it serves old data; look at its transfers (NOTIFY, allow-transfer, keys)",
			probe->endpoint->label, serial, behind);
}

/* A server that answers otherwise, but not this. */
static bool hides_serial(const struct probes *probes, const struct probe *probe)
{
	const struct probe *record = probes_find(probes, ASPECT_RECORD, probe->endpoint);

	return probe->aspect == ASPECT_SOA && !has_serial(probe) && probe_answered(record) &&
		(record->answer.rcode == LDNS_RCODE_NOERROR || record->answer.rcode == LDNS_RCODE_NXDOMAIN);
}

void judge_serials(const struct settings *settings, const struct probes *probes,
	struct serial_history *history, int64_t now_ms, struct findings *findings)
{
	struct finding *finding = findings_add(findings, "serials");
	uint32_t newest, before = history->newest;
	size_t count = newest_serial(probes, &newest);

	if (!count) {
		finding_say(finding, GAVEA_UNKNOWN, "no server told its serial");
		return;
	}
	if (serial_history_take(history, newest, now_ms) == SERIAL_BACKWARD)
		finding_say(finding, GAVEA_WARNING,
			"the newest serial went back from %" PRIu32 " to %" PRIu32
			": secondaries will not take the zone; raise the serial",
			before, newest);
	finding_attribute(finding, "newest", "%" PRIu32, newest);
	for (size_t i = 0; i < probes->count; i++)
		if (has_serial(probes->list[i]))
			judge_serial(settings, probes->list[i], history, now_ms, finding);
		else if (hides_serial(probes, probes->list[i]))
			finding_say(finding, GAVEA_UNKNOWN, "%s did not tell its serial",
				probes->list[i]->endpoint->label);
	if (finding && !finding->text.size)
		finding_say(finding, GAVEA_OK, "%zu server%s at serial %" PRIu32, count,
			count == 1 ? "" : "s", newest);
}
