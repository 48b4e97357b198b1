/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>

#define WORST_SHOWN 3
#define FINDINGS_BYTES 1500

/* ---- Items ---- */

static void attribute(struct report *report, struct gavea_item *item, const char *name, const char *value)
{
	if (item && !str_empty(value))
		gavea_item_attribute(report->check, item, name, value);
}

static void attribute_time(struct report *report, struct gavea_item *item, const char *name, int64_t seconds)
{
	char text[32];

	if (seconds)
		attribute(report, item, name, clock_format_utc(text, seconds * 1000, 0));
}

static void add_facts(struct report *report, struct gavea_item *item, const struct facts *facts)
{
	char text[65];

	if (!facts->present)
		return;
	attribute(report, item, "subject", facts->subject);
	attribute(report, item, "issuer", facts->issuer);
	attribute(report, item, "serial", facts->serial);
	attribute(report, item, "names", facts->names);
	attribute_time(report, item, "not_before", facts->not_before);
	attribute_time(report, item, "not_after", facts->not_after);
	snprintf(text, sizeof(text), "%.1f", (double)(facts->not_after - report->now) / 86400);
	attribute(report, item, "days_left", text);
	attribute_time(report, item, "chain_not_after", facts->chain_not_after);
	attribute_time(report, item, "surplus_not_after", facts->surplus_not_after);
	attribute(report, item, "fingerprint_sha256", facts_hex(text, facts->fingerprint));
	attribute(report, item, "key", facts->key);
	attribute(report, item, "signature", facts->signature);
	attribute(report, item, "chain", facts->chain);
}

static void add_findings(struct report *report, struct gavea_item *item, const struct findings *findings)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	if (findings->count == 0)
		return;
	findings_all(findings, &all);
	if (all.size > FINDINGS_BYTES) {
		all.size = utf8_cut(all.data, all.size, FINDINGS_BYTES);
		all.data[all.size] = '\0';
	}
	attribute(report, item, "findings", buf_str(&all));
	attribute(report, item, "remedy", findings_remedy(findings));
}

/* Keeps the name of what is bad for the summary. */
static void note(struct report *report, const char *name, enum gavea_status status, const char *text)
{
	struct buf *out = status == GAVEA_CRITICAL ? &report->worst
		: status == GAVEA_UNKNOWN          ? &report->unknown
						   : &report->warning;

	if (status != GAVEA_OK && report->by_status[status] < WORST_SHOWN)
		buf_printf(out, "%s%s: %s", out->size ? "; " : "", name, text);
	report->by_status[status]++;
}

static void note_end(struct report *report, const char *name, const struct facts *facts)
{
	if (!facts->present)
		return;
	report->certificates++;
	if (report->next_end && facts->not_after >= report->next_end)
		return;
	report->next_end = facts->not_after;
	buf_reset(&report->next_name);
	buf_add_str(&report->next_name, name);
}

static struct gavea_item *add_item(
	struct report *report, const char *name, const struct findings *findings, const struct facts *facts)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	enum gavea_status status = findings_status(findings);
	struct gavea_item *item;
	char date[32], left[32];

	findings_worst(findings, &text);
	if (!text.size && facts && facts->present)
		buf_printf(&text, "valid until %s (%s)", facts_date(date, facts->not_after),
			format_duration_rough(
				left, MAX(facts->not_after - report->now, INT64_C(0)) * NSEC_PER_SEC));
	/* Nothing was said and nothing was seen: that is not good. */
	if (!text.size && status == GAVEA_OK) {
		status = GAVEA_UNKNOWN;
		buf_add_str(&text, "nothing was seen");
	}
	item = gavea_item(report->check, name, status, "%s", buf_str(&text));
	note(report, name, status, buf_str(&text));
	add_findings(report, item, findings);
	if (facts)
		add_facts(report, item, facts);
	return item;
}

/* ---- Samples ---- */

static void sample(struct report *report, const char *name, const char *unit, const char *help,
	const char *label, const char *value, double number)
{
	struct gavea_pair pair = {label, value};
	int series = gavea_series(report->check, name, GAVEA_GAUGE, unit, help, &pair, 1);

	gavea_sample(report->check, series, number);
}

/* Over all addresses: the earliest, and whether all is well. */
struct total {
	int64_t not_after;
	int64_t not_before; /* of that leaf */
	int64_t earliest;
	int64_t chain;
	bool success;
};

static void add_to(struct total *total, const struct verdict *verdict)
{
	const struct facts *facts = &verdict->facts;

	total->success &= !findings_break(&verdict->findings) && facts->present;
	if (!facts->present)
		return;
	if (!total->not_after || facts->not_after < total->not_after) {
		total->not_after = facts->not_after;
		total->not_before = facts->not_before;
	}
	if (!total->earliest || facts->earliest_not_after < total->earliest)
		total->earliest = facts->earliest_not_after;
	if (facts->chain_not_after && (!total->chain || facts->chain_not_after < total->chain))
		total->chain = facts->chain_not_after;
}

static void sample_target(struct report *report, const struct target *target, const struct total *total)
{
	const char *instance = target->endpoint->label;

	sample(report, "probe_success", NULL,
		"Whether every address answered with a certificate that clients accept", "instance", instance,
		total->success);
	if (target->begin)
		sample(report, "probe_duration_seconds", "seconds",
			"How long the visits to all addresses took", "instance", instance,
			(double)(target->end - target->begin) / 1e9);
	sample(report, "gavea_cert_addresses", NULL, "Addresses that were visited", "instance", instance,
		(double)target->count);
	if (!total->not_after)
		return;
	sample(report, "probe_ssl_earliest_cert_expiry", "seconds",
		"Earliest end of all certificates that were sent, in seconds since 1970", "instance",
		instance, (double)total->earliest);
	if (total->chain)
		sample(report, "probe_ssl_last_chain_expiry_timestamp_seconds", "seconds",
			"Earliest end within the verified chain, in seconds since 1970", "instance", instance,
			(double)total->chain);
	sample(report, "gavea_cert_not_after_timestamp_seconds", "seconds",
		"Earliest end of a leaf, in seconds since 1970", "instance", instance,
		(double)total->not_after);
	sample(report, "gavea_cert_not_before_timestamp_seconds", "seconds",
		"Begin of that leaf, in seconds since 1970", "instance", instance, (double)total->not_before);
}

/* ---- Endpoints ---- */

static void report_visit(
	struct report *report, const struct target *target, const struct visit *visit, int64_t since)
{
	const struct outcome *outcome = &visit->outcome;
	_cleanup_buf_ struct buf name = BUF_INIT;
	char address[RESOLVE_TEXT_SIZE], time[32];
	struct gavea_item *item;

	address_text(address, &visit->address);
	buf_add_str(&name, target->endpoint->label);
	if (!target->endpoint->is_address)
		buf_printf(&name, " [%s]", address);
	item = add_item(report, buf_str(&name), &outcome->verdict.findings, &outcome->verdict.facts);
	note_end(report, buf_str(&name), &outcome->verdict.facts);
	attribute(report, item, "address", address);
	if (target->endpoint->starttls != STARTTLS_NONE)
		attribute(report, item, "starttls", starttls_name(target->endpoint->starttls));
	attribute(report, item, "protocol", outcome->protocol);
	attribute(report, item, "cipher", outcome->cipher);
	attribute(report, item, "ocsp", outcome->verdict.ocsp);
	if (outcome->client_certificate_asked)
		attribute(report, item, "client_certificate", "asked for");
	if (outcome->handshake_time) {
		snprintf(time, sizeof(time), "%.1f", (double)outcome->handshake_time / 1e6);
		attribute(report, item, "handshake_ms", time);
	}
	if (since)
		attribute_time(report, item, "served_since", since);
}

/* The newest certificate of an endpoint is what it is remembered by. */
static int64_t remember(struct report *report, const struct target *target)
{
	const struct facts *newest = NULL;

	for (size_t i = 0; i < target->count; i++) {
		const struct facts *facts = &target->visits[i].outcome.verdict.facts;

		if (facts->present && (!newest || facts->not_before > newest->not_before))
			newest = facts;
	}
	if (!report->memory)
		return 0;
	if (newest)
		return memory_see(report->memory, target->endpoint->label, newest, report->now);
	memory_keep(report->memory, target->endpoint->label);
	return 0;
}

void report_target(struct report *report, const struct target *target)
{
	int64_t since = remember(report, target);
	struct total total = {.success = target->count > 0};

	if (target->findings.count || target->findings.lost || !target->count)
		add_item(report, target->endpoint->label, &target->findings, NULL);
	for (size_t i = 0; i < target->count; i++) {
		report_visit(report, target, &target->visits[i], target->count == 1 ? since : 0);
		add_to(&total, &target->visits[i].outcome.verdict);
	}
	sample_target(report, target, &total);
}

/* ---- Files ---- */

static void report_entry(struct report *report, const struct file_entry *entry)
{
	const struct verdict *verdict = &entry->verdict;
	struct gavea_item *item = add_item(report, entry->name, &verdict->findings, &verdict->facts);

	attribute(report, item, "form", entry->form);
	attribute(report, item, "private_key", verdict->key);
	attribute_time(report, item, "modified", entry->modified);
	note_end(report, entry->name, &verdict->facts);
	if (report->memory && verdict->facts.present)
		attribute_time(report, item, "seen_since",
			memory_see(report->memory, entry->name, &verdict->facts, report->now));
	else if (report->memory)
		memory_keep(report->memory, entry->name);
}

void report_files(struct report *report, const struct fileset *fileset)
{
	for (size_t i = 0; i < fileset->count;) {
		const char *path = fileset->list[i].path;
		struct total total = {.success = true};

		for (; i < fileset->count && streq(fileset->list[i].path, path); i++) {
			report_entry(report, &fileset->list[i]);
			add_to(&total, &fileset->list[i].verdict);
		}
		if (!total.not_after)
			continue;
		sample(report, "x509_cert_not_after", "seconds",
			"Earliest end of a certificate in the file, its issuers left out, in seconds since "
			"1970",
			"filepath", path, (double)total.not_after);
		sample(report, "x509_cert_not_before", "seconds",
			"Begin of that certificate, in seconds since 1970", "filepath", path,
			(double)total.not_before);
	}
}

/* ---- The summary ---- */

static void add_worst(struct buf *text, const struct buf *names, unsigned count)
{
	if (!count)
		return;
	buf_printf(
		text, "%s%s%s", text->size ? "; " : "", buf_str(names), count > WORST_SHOWN ? "; ..." : "");
}

static void say_counts(const struct report *report, struct buf *text)
{
	unsigned all = 0;

	for (int i = 0; i < 4; i++)
		all += report->by_status[i];
	if (all == 1)
		return;
	if (report->by_status[GAVEA_CRITICAL])
		buf_printf(text, "%u critical", report->by_status[GAVEA_CRITICAL]);
	if (report->by_status[GAVEA_UNKNOWN])
		buf_printf(text, "%s%u unknown", text->size ? ", " : "", report->by_status[GAVEA_UNKNOWN]);
	if (report->by_status[GAVEA_WARNING])
		buf_printf(text, "%s%u warning", text->size ? ", " : "", report->by_status[GAVEA_WARNING]);
	buf_printf(text, " of %u: ", all);
}

static void say_good(const struct report *report, struct buf *text)
{
	char date[32], left[32];

	facts_date(date, report->next_end);
	format_duration_rough(left, MAX(report->next_end - report->now, INT64_C(0)) * NSEC_PER_SEC);
	if (report->certificates == 1)
		buf_printf(text, "%s: valid until %s (%s)", buf_str(&report->next_name), date, left);
	else
		buf_printf(text, "%u certificates are good; the next to end is %s in %s (%s)",
			report->certificates, buf_str(&report->next_name), left, date);
}

void report_end(struct report *report)
{
	_cleanup_buf_ struct buf text = BUF_INIT, names = BUF_INIT;
	enum gavea_status status = report->by_status[GAVEA_CRITICAL] ? GAVEA_CRITICAL
		: report->by_status[GAVEA_UNKNOWN]                   ? GAVEA_UNKNOWN
		: report->by_status[GAVEA_WARNING]                   ? GAVEA_WARNING
								     : GAVEA_OK;

	if (status == GAVEA_OK && report->certificates) {
		say_good(report, &text);
	} else if (status == GAVEA_OK) {
		status = GAVEA_UNKNOWN;
		buf_add_str(&text, "no certificate was seen");
	} else {
		say_counts(report, &text);
		add_worst(&names, &report->worst, report->by_status[GAVEA_CRITICAL]);
		add_worst(&names, &report->unknown, report->by_status[GAVEA_UNKNOWN]);
		add_worst(&names, &report->warning, report->by_status[GAVEA_WARNING]);
		buf_add_str(&text, buf_str(&names));
	}
	gavea_result(report->check, status, "%s", buf_str(&text));
	buf_done(&report->next_name);
	buf_done(&report->worst);
	buf_done(&report->unknown);
	buf_done(&report->warning);
}
