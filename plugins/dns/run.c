/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "gather.h"
#include "judge_cutover.h"
#include "judge_dnssec.h"
#include "judge_server.h"
#include "judge_zone.h"
#include "sample.h"
#include "summary.h"

#include "base/clock.h"

#include <errno.h>

enum {
	PARENTS_ASKED = 3, /* of the parent's servers, about DS */
};

#define MARGIN (500 * NSEC_PER_MSEC) /* before the deadline: for judging and telling */
#define LONGEST (60 * NSEC_PER_SEC) /* when there is no deadline */

struct run {
	struct gavea_check *check;
	const struct settings *settings;
	int64_t began;
	struct exchange_limits limits;
	int64_t end; /* limits.deadline is that of the step under way */
	struct gathered gathered;
	struct probes probes;
	struct findings findings;
	struct cutover_memory memory;
	struct cutover_verdict cutover;
	int64_t signatures_left;
};

static bool is_cancelled(void *userdata)
{
	return gavea_cancelled(userdata);
}

/* ---- Time ---- */

static void set_limits(struct run *run)
{
	int64_t deadline = gavea_deadline(run->check);

	run->began = clock_ns(CLOCK_MONOTONIC);
	/* A deadline that is near leaves half of the time, not less than nothing. */
	if (deadline > run->began + LONGEST)
		deadline = run->began + LONGEST + MARGIN;
	run->end = deadline - MIN(MARGIN, MAX(deadline - run->began, 0) / 2);
	run->limits = (struct exchange_limits){.deadline = run->end,
		.timeout = run->settings->query_timeout,
		.tries = run->settings->tries,
		.cancelled = is_cancelled,
		.userdata = run->check};
}

/* Gives the next step that part of the time that is left. */
static void give_time(struct run *run, int64_t percent)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	run->limits.deadline = now + MAX(run->end - now, 0) / 100 * percent;
}

/* ---- Questions ---- */

static int add(struct run *run, enum aspect aspect, const struct endpoint *endpoint, const ldns_rdf *name,
	ldns_rr_type type)
{
	struct probe *probe = probes_add(&run->probes, aspect, endpoint, name, type);

	if (!probe)
		return -ENOMEM;
	probe->query.dnssec = run->settings->dnssec != DNSSEC_OFF;
	probe->query.tcp = aspect == ASPECT_TCP || run->settings->tcp == TCP_ONLY;
	probe->query.checking_disabled = aspect == ASPECT_UNCHECKED;
	return 0;
}

static int ask_about_zone(struct run *run, const struct endpoint *endpoint)
{
	const struct settings *settings = run->settings;
	bool authority = endpoint->group == GROUP_AUTHORITY;
	const ldns_rdf *zone = run->gathered.has_zone ? run->gathered.zone.zone : settings->name;
	int r = 0;

	/* With signatures, SOA's expire has to be known: of every server that may be an authority. */
	if (settings->serials || (settings->dnssec != DNSSEC_OFF && endpoint->group != GROUP_RESOLV_CONF))
		r = add(run, ASPECT_SOA, endpoint, zone, LDNS_RR_TYPE_SOA);
	if (r == 0 && settings->dnssec != DNSSEC_OFF && authority)
		r = add(run, ASPECT_DNSKEY, endpoint, zone, LDNS_RR_TYPE_DNSKEY);
	return r;
}

static bool wants_ds(const struct run *run)
{
	return run->settings->dnssec != DNSSEC_OFF && run->gathered.has_zone && run->gathered.zone.parent;
}

static int first_round(struct run *run)
{
	const struct settings *settings = run->settings;
	const struct endpoints *endpoints = &run->gathered.endpoints;
	const struct endpoints *parents = &run->gathered.zone.parents;
	int r = 0;

	for (size_t i = 0; r == 0 && i < endpoints->count; i++) {
		r = add(run, ASPECT_RECORD, &endpoints->list[i], settings->name, settings->type);
		if (r == 0 && settings->tcp == TCP_CHECK)
			r = add(run, ASPECT_TCP, &endpoints->list[i], settings->name, settings->type);
		if (r == 0)
			r = ask_about_zone(run, &endpoints->list[i]);
	}
	for (size_t i = 0; r == 0 && wants_ds(run) && i < parents->count && i < PARENTS_ASKED; i++)
		r = add(run, ASPECT_DS, &parents->list[i], run->gathered.zone.zone, LDNS_RR_TYPE_DS);
	return r < 0 ? r : probes_ask(&run->probes, &run->limits);
}

/* A server that serves the zone; NULL: none does. */
static const struct endpoint *good_authority(const struct run *run)
{
	for (size_t i = 0; i < run->probes.count; i++) {
		const struct probe *probe = run->probes.list[i];

		if (probe->aspect == ASPECT_RECORD && probe->endpoint->group == GROUP_AUTHORITY &&
			probe_answered(probe) && probe->answer.authoritative)
			return probe->endpoint;
	}
	return NULL;
}

static int ask_about_glue(struct run *run)
{
	const struct walk_zone *zone = &run->gathered.zone;
	const struct endpoint *endpoint = good_authority(run);
	int r = 0;

	for (size_t i = 0; r == 0 && endpoint && i < zone->server_count; i++) {
		const struct walk_server *server = &zone->servers[i];

		if (!server->glue || !ldns_rr_list_rr_count(server->glue) || !needs_glue(zone, server))
			continue;
		r = add(run, ASPECT_GLUE, endpoint, server->name, LDNS_RR_TYPE_A);
		if (r == 0)
			r = add(run, ASPECT_GLUE, endpoint, server->name, LDNS_RR_TYPE_AAAA);
	}
	return r;
}

/* What only the answers of the first one tell to ask. */
static int second_round(struct run *run)
{
	size_t count = run->probes.count;
	int r = run->gathered.has_zone ? ask_about_glue(run) : 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct probe *probe = run->probes.list[i];

		if (probe->aspect == ASPECT_RECORD && probe->endpoint->group != GROUP_AUTHORITY &&
			probe_answered(probe) && probe->answer.rcode == LDNS_RCODE_SERVFAIL)
			r = add(run, ASPECT_UNCHECKED, probe->endpoint, probe->name, probe->type);
	}
	return r < 0 ? r : probes_ask(&run->probes, &run->limits);
}

/* ---- What lasts ---- */

static void keep(struct run *run, const char *key, const struct buf *value, const char *what)
{
	struct gavea_check *check = run->check;
	const void *old;
	size_t size;

	if (gavea_state_get(check, key, &old, &size) == 0 && size == value->size &&
		memcmp(old, value->data, size) == 0)
		return;
	if (gavea_state_set(check, key, value->data, value->size) < 0 || gavea_state_commit(check) < 0)
		finding_say(findings_add(&run->findings, "state"), GAVEA_UNKNOWN,
			"%s could not be written to disk: is the state directory full?", what);
}

static void judge_zone_serials(struct run *run)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct serial_history history = {0};
	const void *value;
	size_t size;

	if (!run->settings->serials)
		return;
	if (gavea_state_get(run->check, "serial", &value, &size) == 0 &&
		serial_history_parse(value, size, &history) < 0)
		gavea_log(run->check, GAVEA_LOG_WARNING,
			"what was remembered of the serials is damaged; it begins anew");
	judge_serials(run->settings, &run->probes, &history, clock_unix_ms(), &run->findings);
	serial_history_format(&history, &text);
	if (history.known)
		keep(run, "serial", &text, "the history of serials");
}

static void judge_gate(struct run *run)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint32_t fingerprint = judge_cutover_fingerprint(run->settings);
	const void *value;
	size_t size;

	if (!run->settings->cutover)
		return;
	run->memory = (struct cutover_memory)CUTOVER_MEMORY_INIT;
	if (gavea_state_get(run->check, "cutover", &value, &size) == 0 &&
		cutover_memory_parse(value, size, fingerprint, &run->memory) == -EINVAL)
		gavea_log(run->check, GAVEA_LOG_WARNING,
			"what was remembered of the cutover is damaged; it begins anew");
	judge_cutover(
		run->settings, &run->probes, &run->memory, clock_unix_ms(), &run->findings, &run->cutover);
	cutover_memory_format(&run->memory, fingerprint, &text);
	keep(run, "cutover", &text, "the history of the cutover");
}

/* ---- Judging ---- */

static void judge_security(struct run *run)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct validation validation;
	bool secure;
	int r;

	run->signatures_left = INT64_MAX;
	if (run->settings->dnssec == DNSSEC_OFF)
		return;
	r = validate(run->settings, run->end, is_cancelled, run->check, &validation, &error);
	judge_validation(run->settings, r, &error, &validation, &run->findings);
	secure = r == 0 && validation.state == VALIDATION_SECURE;
	validation_done(&validation);
	judge_signatures(run->settings, &run->probes, clock_unix_ms() / 1000, secure, &run->findings,
		&run->signatures_left);
	if (wants_ds(run))
		judge_ds(&run->probes, &run->findings);
}

static void judge(struct run *run)
{
	for (size_t i = 0; i < run->gathered.endpoints.count; i++)
		judge_server(run->settings, &run->probes, &run->gathered.endpoints.list[i], &run->findings);
	judge_agreement(run->settings, &run->probes, &run->findings);
	if (run->gathered.has_zone) {
		judge_delegation(&run->gathered.zone, &run->findings);
		judge_glue(&run->gathered.zone, &run->probes, &run->findings);
	}
	judge_zone_serials(run);
	judge_security(run);
	judge_gate(run);
}

/* ---- Telling ---- */

static void tell(struct run *run)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct summary summary = summary_make(run->settings, &run->findings, &text);

	sample_probes(run->check, &run->probes);
	sample_totals(run->check,
		&(struct sample_totals){
			.success = summary.status == GAVEA_OK || summary.status == GAVEA_WARNING,
			.right = summary.right,
			.wrong = summary.servers - summary.right,
			.duration = clock_ns(CLOCK_MONOTONIC) - run->began,
			.signatures_left = run->signatures_left,
			.cutover = run->settings->cutover ? &run->cutover : NULL,
			.now_ms = clock_unix_ms()});
	findings_report(&run->findings, run->check);
	gavea_result(run->check, summary.status, "%s", buf_str(&text));
}

static int work(struct run *run)
{
	int r;

	give_time(run, 60);
	r = gather(run->settings, &run->limits, &run->gathered, &run->findings);
	if (r == 0) {
		give_time(run, run->settings->dnssec == DNSSEC_OFF ? 80 : 50);
		r = first_round(run);
	}
	if (r == 0) {
		give_time(run, run->settings->dnssec == DNSSEC_OFF ? 100 : 50);
		r = second_round(run);
	}
	if (r < 0)
		return r;
	judge(run);
	return run->findings.no_memory ? -ENOMEM : 0;
}

int dns_run_check(struct gavea_check *check, const struct settings *settings)
{
	struct run *run = calloc(1, sizeof(*run));
	int r = -ENOMEM;

	if (run) {
		run->check = check;
		run->settings = settings;
		set_limits(run);
		r = work(run);
		if (r == 0)
			tell(run);
		findings_done(&run->findings);
		probes_done(&run->probes);
		gathered_done(&run->gathered);
		free(run);
	}
	return r < 0 ? gavea_fail(check, r, "%s", r == -ENOMEM ? "out of memory" : strerror(-r)) : 0;
}
