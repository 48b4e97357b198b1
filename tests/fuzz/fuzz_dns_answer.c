/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/dns
/*
 * Answers of a hostile server: the first byte chooses the type and what is expected, the rest is the message. Whatever
 * comes, the judging ends, what it says is printable, and only an answer that has records, or that was to have none, is ok.
 */
#include "plugins/dns/judge_cutover.h"
#include "plugins/dns/judge_dnssec.h"
#include "plugins/dns/judge_server.h"
#include "plugins/dns/referral.h"
#include "plugins/dns/signatures.h"
#include "plugins/dns/summary.h"

#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct settings *settings, struct probes *probes, struct findings *findings)
{
	const struct probe *probe = probes->list[0];
	int64_t left;

	judge_server(settings, probes, probe->endpoint, findings);
	for (size_t i = 0; i < findings->count; i++)
		if (!utf8_valid(buf_str(&findings->list[i]->text), findings->list[i]->text.size))
			__builtin_trap();
	if (!settings->cutover && findings->list[0]->status == GAVEA_OK &&
		settings->expected == EXPECTED_RECORDS && probe->answer.kind != ANSWER_RECORDS)
		__builtin_trap();
	if (settings->dnssec != DNSSEC_OFF) {
		judge_signatures(settings, probes, 1767225600, false, findings, &left);
		judge_ds(probes, findings);
	}
}

static void look_for_referrals(const struct answer *answer, const ldns_rdf *name)
{
	ldns_rdf *root = ldns_dname_new_frm_str(".");
	const ldns_rdf *zone = NULL;
	ldns_rr_list *glue = NULL;

	if (referral_read(answer, name, root, &zone) == REFERRAL_DOWN) {
		if (!ldns_dname_is_subdomain(zone, root) || !referral_within(name, zone))
			__builtin_trap();
		glue = referral_glue(answer, zone);
	}
	ldns_rr_list_deep_free(glue);
	ldns_rdf_deep_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ldns_rr_type types[] = {LDNS_RR_TYPE_A, LDNS_RR_TYPE_MX, LDNS_RR_TYPE_TXT,
		LDNS_RR_TYPE_SOA, LDNS_RR_TYPE_HTTPS, LDNS_RR_TYPE_DNSKEY, LDNS_RR_TYPE_DS, LDNS_RR_TYPE_CAA};
	struct endpoint endpoint = {.group = GROUP_SERVER, .label = (char *)"192.0.2.1"};
	struct settings settings = {.name_text = "a.example", .type_name = "A", .max_ttl = 60};
	struct findings findings = FINDINGS_INIT;
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct probes probes = {.count = 0};
	struct probe *probe;

	if (!size)
		return 0;
	settings.type = types[data[0] & 7];
	settings.expected = data[0] & 8 ? EXPECTED_NXDOMAIN : EXPECTED_RECORDS;
	settings.cutover = data[0] & 16;
	settings.dnssec = data[0] & 32 ? DNSSEC_REQUIRE : DNSSEC_OFF;
	settings.name = ldns_dname_new_frm_str("a.example.");
	endpoint.address.v4.sin_family = AF_INET;
	probe = probes_add(&probes, ASPECT_RECORD, &endpoint, settings.name, settings.type);
	probe->query.outcome = EXCHANGE_ANSWERED;
	if (answer_read(&probe->answer, data + 1, size - 1, settings.name, settings.type) < 0)
		__builtin_trap();
	if (probe->answer.packet)
		look_for_referrals(&probe->answer, settings.name);
	judge(&settings, &probes, &findings);
	(void)summary_make(&settings, &findings, &line);
	findings_done(&findings);
	probes_done(&probes);
	settings_done(&settings);
	return 0;
}
