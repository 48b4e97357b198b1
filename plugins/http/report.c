/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/parse.h"

#include <stdio.h>
#include <time.h>

#define NAMED_MAX 3 /* in the summary */

/* ---- Samples ---- */

struct labels {
	struct gavea_pair list[3];
	size_t count;
};

static int gauge(struct gavea_check *check, const struct labels *labels, const char *name, const char *unit,
	const char *help)
{
	return gavea_series(check, name, GAVEA_GAUGE, unit, help, labels->list, labels->count);
}

static void declare(struct gavea_check *check, struct series_set *set, struct labels *labels)
{
	set->success = gauge(check, labels, "probe_success", "", "Whether the request was as expected");
	set->duration = gauge(check, labels, "probe_duration_seconds", "seconds",
		"Time of the request, redirects included");
	set->status =
		gauge(check, labels, "probe_http_status_code", "", "Status of the answer; 0: there was none");
	set->redirects = gauge(check, labels, "probe_http_redirects", "", "Redirects that were followed");
	set->length =
		gauge(check, labels, "probe_http_uncompressed_body_length", "bytes", "Size of the body");
	set->version = gauge(check, labels, "probe_http_version", "", "Version of HTTP of the answer");
	set->expiry = gauge(check, labels, "probe_ssl_earliest_cert_expiry", "seconds",
		"Unix time at which the first of the sent certificates expires");
	labels->count++;
	for (int i = 0; i < PHASES; i++) {
		labels->list[labels->count - 1] = (struct gavea_pair){"phase", phase_name((enum phase)i)};
		set->phases[i] =
			gauge(check, labels, "probe_http_duration_seconds", "seconds", "Time of each phase");
	}
}

static struct series_set *find_set(struct report *report, struct step *step, const char *address)
{
	struct labels labels = {0};
	struct series_set *set;

	for (size_t i = 0; i < step->series_count; i++)
		if (streq(step->series[i].address, address))
			return &step->series[i];
	if (step->series_count == STEP_SERIES_SETS_MAX ||
		GROW(step->series, step->series_count, step->series_room) < 0)
		return NULL;
	set = &step->series[step->series_count++];
	snprintf(set->address, sizeof set->address, "%s", address);
	if (step->name[0])
		labels.list[labels.count++] = (struct gavea_pair){"step", step->name};
	if (*address)
		labels.list[labels.count++] = (struct gavea_pair){"address", set->address};
	declare(report->check, set, &labels);
	return set;
}

static void add_samples(struct report *report, struct step *step, const struct outcome *outcome)
{
	const struct response *response = outcome->response;
	struct series_set *set = find_set(report, step, outcome->address);
	double version = 0;

	if (!set)
		return;
	gavea_sample(
		report->check, set->success, outcome->status == GAVEA_OK || outcome->status == GAVEA_WARNING);
	gavea_sample(report->check, set->duration, (double)response->total / 1e9);
	gavea_sample(report->check, set->status, response->status);
	gavea_sample(report->check, set->redirects, response->redirects);
	gavea_sample(report->check, set->length, (double)response->body.size);
	(void)parse_double(response->version, &version);
	gavea_sample(report->check, set->version, version);
	for (int i = 0; i < PHASES; i++)
		gavea_sample(report->check, set->phases[i], (double)response->phases[i] / 1e9);
	if (response->chain_expiry)
		gavea_sample(report->check, set->expiry, (double)response->chain_expiry);
}

/* ---- Items ---- */

static void attribute(struct report *report, struct gavea_item *item, const char *name, const char *format,
	...) _printf_(4, 5);

static void attribute(
	struct report *report, struct gavea_item *item, const char *name, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gavea_item_attribute(report->check, item, name, text);
}

static void add_attributes(struct report *report, struct gavea_item *item, const struct response *response)
{
	if (response->status)
		attribute(report, item, "status", "%d", response->status);
	if (response->version[0])
		attribute(report, item, "version", "%s", response->version);
	if (response->address[0])
		attribute(report, item, "address", "%s", response->address);
	attribute(report, item, "size", "%zu", response->body.size);
	for (int i = 0; i < PHASES; i++)
		attribute(report, item, phase_name((enum phase)i), "%.6f", (double)response->phases[i] / 1e9);
	attribute(report, item, "total", "%.6f", (double)response->total / 1e9);
	if (response->redirects)
		attribute(report, item, "redirects", "%d", response->redirects);
	if (response->leaf_expiry)
		attribute(report, item, "certificate_days", "%.1f",
			(double)(response->leaf_expiry - time(NULL)) / 86400);
	if (response->attempts > 1)
		attribute(report, item, "attempts", "%u", response->attempts);
}

static void name_item(const struct report *report, const struct outcome *outcome, char name[static 160])
{
	const char *step = outcome->step->name[0] ? outcome->step->name : report->shown_url;

	snprintf(name, 160, *outcome->address ? "%.90s @ %s" : "%.150s", step, outcome->address);
}

static unsigned rank(enum gavea_status status)
{
	static const unsigned ranks[] = {
		[GAVEA_OK] = 0, [GAVEA_WARNING] = 1, [GAVEA_UNKNOWN] = 2, [GAVEA_CRITICAL] = 3};

	return ranks[status];
}

/* The summary names the first few of the worst kind. */
static void note_worst(struct report *report, const struct outcome *outcome, const char *name)
{
	if (outcome->status == GAVEA_OK || rank(outcome->status) < rank(report->worst_status))
		return;
	if (rank(outcome->status) > rank(report->worst_status)) {
		report->worst_status = outcome->status;
		report->named = 0;
		buf_reset(&report->worst);
	}
	if (report->named++ < NAMED_MAX)
		buf_printf(
			&report->worst, "%s%s: %.240s", report->named > 1 ? "; " : "", name, outcome->text);
}

void report_add(struct report *report, struct step *step, const struct outcome *outcome)
{
	char name[160];
	struct gavea_item *item;

	name_item(report, outcome, name);
	item = gavea_item(report->check, name, outcome->status, "%s", outcome->text);
	report->counts[outcome->status]++;
	note_worst(report, outcome, name);
	if (!outcome->response)
		return;
	report->total += outcome->response->total;
	add_attributes(report, item, outcome->response);
	add_samples(report, step, outcome);
}

static void add_count(struct buf *out, size_t count, const char *what)
{
	if (count)
		buf_printf(out, "%s%zu %s", out->size ? ", " : "", count, what);
}

void report_end(struct report *report)
{
	const char *insecure = report->insecure ? " (insecure: certificates are not verified)" : "";
	size_t all = 0;
	_cleanup_buf_ struct buf counts = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(report->counts); i++)
		all += report->counts[i];
	if (report->worst_status == GAVEA_OK) {
		gavea_result(report->check, GAVEA_OK, "%s: %zu request%s as expected in %.0f ms%s",
			report->shown_url, all, all == 1 ? "" : "s", (double)report->total / 1e6, insecure);
		return;
	}
	if (all == 1) {
		gavea_result(report->check, report->worst_status, "%s%s", buf_str(&report->worst), insecure);
		return;
	}
	add_count(&counts, report->counts[GAVEA_CRITICAL], "failed");
	add_count(&counts, report->counts[GAVEA_UNKNOWN], "unknown");
	add_count(&counts, report->counts[GAVEA_WARNING], "with a warning");
	gavea_result(report->check, report->worst_status, "%s: of %zu requests %s: %s%s%s", report->shown_url,
		all, buf_str(&counts), buf_str(&report->worst),
		report->named > NAMED_MAX ? "; \xe2\x80\xa6" : "", insecure);
}
