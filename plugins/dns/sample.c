/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "base/clock.h"

static void emit(struct gavea_check *check, const char *name, const char *unit, const char *help,
	const struct gavea_pair *labels, size_t label_count, double value)
{
	gavea_sample(check, gavea_series(check, name, GAVEA_GAUGE, unit, help, labels, label_count), value);
}

static void sample_answer(
	struct gavea_check *check, const struct probe *probe, const struct gavea_pair *server)
{
	const struct answer *answer = &probe->answer;
	const struct gavea_pair phase[] = {*server, {"phase", "request"}};
	const ldns_pkt *packet = answer->packet;

	emit(check, "probe_dns_duration_seconds", "seconds", "Time to the answer", phase, 2,
		(double)probe->query.latency / (double)NSEC_PER_SEC);
	emit(check, "probe_dns_answer_rrs", NULL, "Records in the answer section", server, 1,
		ldns_pkt_ancount(packet));
	emit(check, "probe_dns_authority_rrs", NULL, "Records in the authority section", server, 1,
		ldns_pkt_nscount(packet));
	emit(check, "probe_dns_additional_rrs", NULL, "Records in the additional section", server, 1,
		ldns_pkt_arcount(packet));
	emit(check, "gavea_dns_response_code", NULL,
		"Response code (0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED)", server, 1, answer->rcode);
	if (answer->kind == ANSWER_RECORDS)
		emit(check, "gavea_dns_ttl_seconds", "seconds", "Shortest TTL on the way to the records",
			server, 1, answer->ttl);
}

void sample_probes(struct gavea_check *check, const struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *probe = probes->list[i];
		const struct gavea_pair server = {"server", probe->endpoint->label};

		if (probe->aspect == ASPECT_RECORD) {
			emit(check, "probe_dns_query_succeeded", NULL, "Whether the server answered", &server,
				1, probe_answered(probe));
			if (probe_answered(probe))
				sample_answer(check, probe, &server);
		} else if (probe->aspect == ASPECT_SOA && probe_answered(probe) && probe->answer.soa) {
			emit(check, "probe_dns_serial", NULL, "Serial of the zone", &server, 1,
				answer_soa_serial(probe->answer.soa));
		}
	}
}

static void sample_cutover(struct gavea_check *check, const struct sample_totals *totals)
{
	const struct cutover_verdict *verdict = totals->cutover;
	int64_t left = verdict->state == CUTOVER_WAITING ? verdict->opens - totals->now_ms : 0;

	emit(check, "gavea_dns_cutover_open", NULL, "Whether the gate is open", NULL, 0,
		verdict->state == CUTOVER_OPEN);
	if (verdict->state == CUTOVER_WAITING || verdict->state == CUTOVER_OPEN)
		emit(check, "gavea_dns_cutover_wait_seconds", "seconds", "Time until the gate opens", NULL, 0,
			(double)left / 1000);
}

void sample_totals(struct gavea_check *check, const struct sample_totals *totals)
{
	const struct gavea_pair right = {"state", "right"}, wrong = {"state", "wrong"};

	emit(check, "probe_success", NULL, "Whether nothing worse than a warning was found", NULL, 0,
		totals->success);
	emit(check, "probe_duration_seconds", "seconds", "Time that the whole check took", NULL, 0,
		(double)totals->duration / (double)NSEC_PER_SEC);
	emit(check, "gavea_dns_servers", NULL, "Servers by whether they answer as they should", &right, 1,
		(double)totals->right);
	emit(check, "gavea_dns_servers", NULL, "Servers by whether they answer as they should", &wrong, 1,
		(double)totals->wrong);
	if (totals->signatures_left != INT64_MAX)
		emit(check, "gavea_dns_rrsig_left_seconds", "seconds",
			"Time until the first signature runs out", NULL, 0, (double)totals->signatures_left);
	if (totals->cutover)
		sample_cutover(check, totals);
}
