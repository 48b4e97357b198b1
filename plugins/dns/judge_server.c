/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_server.h"
#include "judge_cutover.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>

/* ---- No usable message ---- */

static void say_failure(const struct probe *probe, struct finding *finding, const char *prefix)
{
	int error = probe->query.error;

	switch (error) {
	case ECONNREFUSED:
		finding_say(finding, GAVEA_CRITICAL,
			"%sconnection refused: no name server listens there; start it, or correct its "
			"address",
			prefix);
		break;
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		finding_say(finding, GAVEA_UNKNOWN, "%sthis host has no route there%s", prefix,
			probe->query.server->any.sa_family == AF_INET6
				? ": without IPv6, set family = \"ipv4\""
				: "");
		break;
	case EACCES:
	case EPERM:
	case ENOMEM:
	case EMFILE:
		finding_say(finding, GAVEA_UNKNOWN, "%scould not be asked from here: %s", prefix,
			strerror(error));
		break;
	case ECONNRESET:
		finding_say(finding, GAVEA_CRITICAL, "%sthe server hung up without an answer", prefix);
		break;
	default:
		finding_say(finding, GAVEA_CRITICAL, "%snot reachable: %s", prefix, strerror(error));
	}
}

void judge_silence(const struct settings *settings, const struct probe *probe, struct finding *finding,
	const char *prefix)
{
	char timeout[32];

	switch (probe->query.outcome) {
	case EXCHANGE_UNASKED:
		finding_say(finding, GAVEA_UNKNOWN,
			"%snot asked to the end, time ran out: raise timeout, or ask fewer servers", prefix);
		break;
	case EXCHANGE_TIMEOUT:
		finding_say(finding, GAVEA_CRITICAL,
			"%stimeout: no answer in %u tr%s of %s; is the server up, and %s port %u open on the "
			"way?",
			prefix, probe->query.tries, probe->query.tries == 1 ? "y" : "ies",
			format_duration(timeout, settings->query_timeout), probe->query.tcp ? "TCP" : "UDP",
			ntohs(probe->query.server->v4.sin_port));
		break;
	case EXCHANGE_FAILED:
		say_failure(probe, finding, prefix);
		break;
	case EXCHANGE_STRANGE:
		finding_say(finding, GAVEA_CRITICAL,
			"%s%u messages came and none answers the question (other id, name or type): the "
			"server is broken, or somebody answers in its place",
			prefix, probe->query.strangers);
		break;
	case EXCHANGE_TRUNCATED:
		finding_say(finding, GAVEA_CRITICAL,
			"%struncated: the answer does not fit into UDP, and over TCP: %s; let TCP port %u "
			"through",
			prefix, strerror(probe->query.error), ntohs(probe->query.server->v4.sin_port));
		break;
	case EXCHANGE_ANSWERED:
		finding_say(finding, GAVEA_CRITICAL, "%sthe answer is not a DNS message", prefix);
		break;
	}
}

/* ---- Records ---- */

static void say_difference(
	const struct settings *settings, const struct rdata_set *got, struct finding *finding)
{
	_cleanup_buf_ struct buf missing = BUF_INIT, surplus = BUF_INIT;
	size_t missing_count = rdata_set_print(&settings->expect, got, &missing);
	size_t surplus_count = rdata_set_print(got, &settings->expect, &surplus);

	if (settings->match == RDATA_ANY)
		finding_say(finding, GAVEA_CRITICAL, "answers %s, none of what is expected: %s",
			buf_str(&surplus), buf_str(&missing));
	else if (missing_count && surplus_count && settings->match != RDATA_SUBSET)
		finding_say(finding, GAVEA_CRITICAL, "%s is missing, %s is there instead", buf_str(&missing),
			buf_str(&surplus));
	else if (missing_count && settings->match != RDATA_SUBSET)
		finding_say(finding, GAVEA_CRITICAL, "%s is missing", buf_str(&missing));
	else
		finding_say(finding, GAVEA_CRITICAL, "%s is there and not expected", buf_str(&surplus));
}

static void judge_ttl(const struct settings *settings, const struct answer *answer, struct finding *finding)
{
	/* A cache counts down: a short TTL says nothing there. */
	if (answer->authoritative && settings->min_ttl && answer->ttl < settings->min_ttl)
		finding_say(finding, GAVEA_WARNING,
			"TTL %" PRIu32 " s is below min_ttl, %" PRId64 " s: raise it in the zone",
			answer->ttl, settings->min_ttl);
	if (settings->max_ttl && answer->ttl > settings->max_ttl)
		finding_say(finding, GAVEA_WARNING,
			"TTL %" PRIu32 " s is above max_ttl, %" PRId64 " s: lower it in the zone",
			answer->ttl, settings->max_ttl);
}

static void judge_records(
	const struct settings *settings, const struct answer *answer, struct finding *finding)
{
	_cleanup_rdata_set_ struct rdata_set got = RDATA_SET_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (rdata_set_add_list(&got, answer->records) < 0) {
		finding_say(finding, GAVEA_UNKNOWN, "out of memory");
		return;
	}
	rdata_set_print(&got, NULL, &text);
	finding_attribute(finding, "answer", "%s", buf_str(&text));
	if (settings->expected != EXPECTED_RECORDS)
		finding_say(finding, GAVEA_CRITICAL, "answers %s where none is expected", buf_str(&text));
	else if (settings->expect.count && !rdata_set_matches(&got, &settings->expect, settings->match))
		say_difference(settings, &got, finding);
	else
		finding_say(finding, GAVEA_OK, "%s", buf_str(&text));
	judge_ttl(settings, answer, finding);
}

/* ---- Other kinds of answer ---- */

static bool is_expected(const struct settings *settings, const struct answer *answer)
{
	switch (settings->expected) {
	case EXPECTED_NODATA:
		return answer->kind == ANSWER_NODATA;
	case EXPECTED_NXDOMAIN:
		return answer->kind == ANSWER_NXDOMAIN;
	case EXPECTED_SERVFAIL:
		return answer->kind == ANSWER_ERROR && answer->rcode == LDNS_RCODE_SERVFAIL;
	case EXPECTED_REFUSED:
		return answer->kind == ANSWER_ERROR && answer->rcode == LDNS_RCODE_REFUSED;
	case EXPECTED_RECORDS:
		break;
	}
	return answer->kind == ANSWER_RECORDS;
}

/* A resolver that validates hides bogus data behind SERVFAIL, but hands it out when it shall not validate. */
static bool is_bogus(const struct probes *probes, const struct probe *probe)
{
	const struct probe *unchecked = probes_find(probes, ASPECT_UNCHECKED, probe->endpoint);

	return probe_answered(unchecked) && unchecked->answer.kind != ANSWER_ERROR &&
		unchecked->answer.kind != ANSWER_REFERRAL && probe->answer.rcode == LDNS_RCODE_SERVFAIL;
}

static void say_error(const struct probes *probes, const struct probe *probe, struct finding *finding)
{
	const struct answer *answer = &probe->answer;
	const char *colon = *answer->explanation ? ": " : "";
	char name[16];

	if (is_bogus(probes, probe))
		finding_say(finding, GAVEA_CRITICAL,
			"bogus%s%s: SERVFAIL, yet the answer is there without validation; the zone's "
			"signatures or keys are wrong, or this resolver's clock or trust anchor",
			colon, answer->explanation);
	else if (answer->rcode == LDNS_RCODE_SERVFAIL)
		finding_say(finding, GAVEA_CRITICAL, "SERVFAIL%s%s: %s", colon, answer->explanation,
			probe->endpoint->group == GROUP_AUTHORITY
				? "lame: the zone is not loaded or has expired there"
				: "the resolver gets no answer from the zone's servers; look at its log");
	else if (answer->rcode == LDNS_RCODE_REFUSED)
		finding_say(finding, GAVEA_CRITICAL, "REFUSED%s%s: %s", colon, answer->explanation,
			probe->endpoint->group == GROUP_AUTHORITY
				? "lame: the server does not serve this zone; load it there, or take the "
				  "server out of the NS records"
				: "the server does not serve this zone, nor this host as a client");
	else
		finding_say(finding, GAVEA_CRITICAL, "%s%s%s", answer_rcode_name(answer->rcode, name), colon,
			answer->explanation);
}

static void say_kind(const struct settings *settings, const struct probes *probes, const struct probe *probe,
	struct finding *finding)
{
	switch (probe->answer.kind) {
	case ANSWER_NXDOMAIN:
		finding_say(finding, GAVEA_CRITICAL, "NXDOMAIN: there is no name %s", settings->name_text);
		break;
	case ANSWER_NODATA:
		finding_say(
			finding, GAVEA_CRITICAL, "the name has no record of type %s", settings->type_name);
		break;
	case ANSWER_ALIAS:
		finding_say(finding, GAVEA_CRITICAL,
			"only an alias (CNAME) that leads elsewhere, without a record of type %s: ask for "
			"type CNAME here, or a resolver",
			settings->type_name);
		break;
	case ANSWER_REFERRAL:
		finding_say(finding, GAVEA_CRITICAL,
			"%sa referral to other servers: it does not serve this zone%s",
			probe->endpoint->group == GROUP_AUTHORITY ? "lame: " : "",
			probe->endpoint->group == GROUP_AUTHORITY ? "" : ", nor resolve for this host");
		break;
	case ANSWER_CIRCLE:
		finding_say(finding, GAVEA_CRITICAL,
			"aliases in a circle, or more than %d of them: correct the CNAME records",
			ANSWER_ALIASES_MAX);
		break;
	case ANSWER_ERROR:
		say_error(probes, probe, finding);
		break;
	case ANSWER_RECORDS:
	case ANSWER_GARBAGE:
		break;
	}
}

static void judge_kind(const struct settings *settings, const struct probes *probes,
	const struct probe *probe, struct finding *finding)
{
	static const char *const names[] = {"records", "no such record", "", "NXDOMAIN as expected"};
	const struct answer *answer = &probe->answer;
	char name[16];

	if (settings->cutover && judge_voice(settings, probe).side != CUTOVER_SILENT)
		judge_side(settings, probe, finding);
	else if (answer->kind == ANSWER_RECORDS && !settings->cutover)
		judge_records(settings, answer, finding);
	else if (!is_expected(settings, answer))
		say_kind(settings, probes, probe, finding);
	else if (answer->kind == ANSWER_ERROR)
		finding_say(finding, GAVEA_OK, "%s as expected", answer_rcode_name(answer->rcode, name));
	else
		finding_say(finding, GAVEA_OK, "%s", names[answer->kind]);
}

/* ---- Beside the answer ---- */

static void judge_latency(const struct settings *settings, const struct probe *probe, struct finding *finding)
{
	char took[32], bound[32];
	bool critical = settings->latency_critical && probe->query.latency > settings->latency_critical;
	bool warning = settings->latency_warning && probe->query.latency > settings->latency_warning;

	if (critical || warning)
		finding_say(finding, critical ? GAVEA_CRITICAL : GAVEA_WARNING, "slow: %s, above %s",
			format_duration_rough(took, probe->query.latency),
			format_duration(
				bound, critical ? settings->latency_critical : settings->latency_warning));
}

static void judge_transport(const struct settings *settings, const struct probes *probes,
	const struct probe *probe, struct finding *finding)
{
	const struct probe *tcp = probes_find(probes, ASPECT_TCP, probe->endpoint);

	if (probe->query.without_edns)
		finding_say(finding, GAVEA_WARNING,
			"answers only without EDNS: the server, or a firewall on the way, is too old for it");
	if (tcp && !probe_answered(tcp))
		judge_silence(settings, tcp, finding, "over TCP: ");
	else if (tcp && probe_answered(probe) && tcp->answer.rcode != probe->answer.rcode)
		finding_say(finding, GAVEA_CRITICAL, "over TCP the answer is another one than over UDP");
}

/* An answer about the name itself, not an error or a shrug. */
static bool is_word(const struct answer *answer)
{
	return answer->kind == ANSWER_RECORDS || answer->kind == ANSWER_NODATA ||
		answer->kind == ANSWER_NXDOMAIN || answer->kind == ANSWER_ALIAS;
}

/* An authority must know: what it says without authority is hearsay. */
static void judge_authority(const struct probe *probe, struct finding *finding)
{
	const struct answer *answer = &probe->answer;

	if (probe->endpoint->group == GROUP_AUTHORITY && is_word(answer) && !answer->authoritative)
		finding_say(finding, GAVEA_CRITICAL,
			"lame: answers without authority (from a cache?); load the zone there, or take the "
			"server out of the NS records");
}

static void describe(const struct probe *probe, struct finding *finding)
{
	static const char *const flags[] = {"", "aa", "ad", "aa ad", "ra", "aa ra", "ad ra", "aa ad ra"};
	const struct answer *answer = &probe->answer;
	char name[16];

	finding_attribute(finding, "rcode", "%s", answer_rcode_name(answer->rcode, name));
	if (answer->kind == ANSWER_RECORDS || answer->soa)
		finding_attribute(finding, "ttl", "%" PRIu32, answer->ttl);
	finding_attribute(
		finding, "latency_ms", "%.1f", (double)probe->query.latency / (double)NSEC_PER_MSEC);
	finding_attribute(finding, "flags", "%s",
		flags[answer->authoritative | answer->authenticated << 1 | answer->recursive << 2]);
	if (probe->query.tries > 1)
		finding_attribute(finding, "tries", "%u", probe->query.tries);
	finding_attribute(finding, "transport", "%s%s", probe->query.over_tcp ? "tcp" : "udp",
		probe->query.without_edns ? "" : "+edns");
	if (*answer->explanation)
		finding_attribute(finding, "extended_error", "%s", answer->explanation);
}

void judge_server(const struct settings *settings, const struct probes *probes,
	const struct endpoint *endpoint, struct findings *findings)
{
	const struct probe *probe = probes_find(probes, ASPECT_RECORD, endpoint);
	struct finding *finding = findings_add(findings, "%s", endpoint->label);

	if (!finding || !probe)
		return;
	finding->of_server = true;
	if (!probe_answered(probe)) {
		judge_silence(settings, probe, finding, "");
		return;
	}
	describe(probe, finding);
	judge_kind(settings, probes, probe, finding);
	judge_authority(probe, finding);
	if (is_word(&probe->answer) && probe->answer.stale)
		finding_say(finding, GAVEA_WARNING,
			"stale: the resolver gives what it kept, and can't reach the zone's servers");
	judge_latency(settings, probe, finding);
	judge_transport(settings, probes, probe, finding);
}

/* ---- Agreement ---- */

static bool same_answer(const struct answer *a, const struct answer *b)
{
	_cleanup_rdata_set_ struct rdata_set one = RDATA_SET_INIT, other = RDATA_SET_INIT;

	if (a->kind != b->kind || a->rcode != b->rcode)
		return false;
	return rdata_set_add_list(&one, a->records) == 0 && rdata_set_add_list(&other, b->records) == 0 &&
		rdata_set_equal(&one, &other);
}

void judge_agreement(const struct settings *settings, const struct probes *probes, struct findings *findings)
{
	const struct probe *first = NULL;

	if (!settings->agree || settings->expect.count || settings->cutover)
		return;
	for (size_t i = 0; i < probes->count; i++) {
		const struct probe *probe = probes->list[i];

		if (probe->aspect != ASPECT_RECORD || !probe_answered(probe) || !is_word(&probe->answer))
			continue;
		if (!first) {
			first = probe;
		} else if (!same_answer(&first->answer, &probe->answer)) {
			finding_say(findings_add(findings, "agreement"), GAVEA_WARNING,
				"%s and %s answer differently: a change is on its way, or one is stale; set "
				"expect to tell which, or agree = false",
				first->endpoint->label, probe->endpoint->label);
			return;
		}
	}
}
