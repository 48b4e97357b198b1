/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/metrics.h"

#include "base/clock.h"
#include "base/status.h"

static const double bounds[METRICS_COMMIT_BUCKETS] = {
	0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5};

static const char *const outcome_names[METRICS_LAST_OUTCOME] = {
	[METRICS_ACCEPTED] = "accepted",
	[METRICS_KNOWN] = "known",
	[METRICS_NEED_DECLARATIONS] = "need_declarations",
	[METRICS_MALFORMED] = "malformed",
	[METRICS_UNAUTHORISED] = "unauthorised",
	[METRICS_TOO_LARGE] = "too_large",
	[METRICS_BUSY] = "busy",
	[METRICS_LIMITED] = "limited",
	[METRICS_TOO_MANY_HOSTS] = "too_many_hosts",
	[METRICS_STORE_FAILED] = "store_failed",
};

void metrics_count_commit(struct metrics *metrics, int64_t ns)
{
	metrics->commits++;
	metrics->commit_ns += (unsigned long long)ns;
	for (size_t i = 0; i < METRICS_COMMIT_BUCKETS; i++)
		if ((double)ns <= bounds[i] * 1e9) {
			metrics->commit_buckets[i]++;
			return;
		}
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct buf *out, const char *name, const char *help, unsigned long long value)
{
	head(out, name, "counter", help);
	buf_printf(out, "%s %llu\n", name, value);
}

static void gauge(struct buf *out, const char *name, const char *help, unsigned long long value)
{
	head(out, name, "gauge", help);
	buf_printf(out, "%s %llu\n", name, value);
}

static void write_commits(const struct metrics *metrics, struct buf *out)
{
	unsigned long long sum = 0, count = metrics->commits;

	head(out, "gavea_fleet_commit_seconds", "histogram",
		"Time that a transaction of reports took, synced.");
	for (size_t i = 0; i < METRICS_COMMIT_BUCKETS; i++) {
		sum += metrics->commit_buckets[i];
		buf_printf(out, "gavea_fleet_commit_seconds_bucket{le=\"%g\"} %llu\n", bounds[i], sum);
	}
	count = MAX(count, sum); /* counted by another thread meanwhile */
	buf_printf(out,
		"gavea_fleet_commit_seconds_bucket{le=\"+Inf\"} %llu\ngavea_fleet_commit_seconds_sum %.9f\n"
		"gavea_fleet_commit_seconds_count %llu\n",
		count, (double)metrics->commit_ns / 1e9, count);
}

void metrics_write(const struct metrics *metrics, const struct model_counts *counts, uint64_t store_bytes,
	bool healthy, struct buf *out)
{
	head(out, "gavea_fleet_reports_total", "counter", "Reports received, by what became of them.");
	for (size_t i = 0; i < METRICS_LAST_OUTCOME; i++)
		buf_printf(out, "gavea_fleet_reports_total{outcome=\"%s\"} %llu\n", outcome_names[i],
			(unsigned long long)metrics->reports[i]);
	counter(out, "gavea_fleet_records_total", "Records in accepted reports.", metrics->records);
	counter(out, "gavea_fleet_report_bytes_total", "Bytes of report bodies as received.",
		metrics->body_bytes);
	counter(out, "gavea_fleet_events_total", "Events stored.", metrics->events);
	counter(out, "gavea_fleet_spans_total", "Spans of traces stored.", metrics->spans);
	counter(out, "gavea_fleet_http_requests_total", "HTTP requests of all kinds.", metrics->requests);
	write_commits(metrics, out);
	gauge(out, "gavea_fleet_queue_reports", "Reports that wait for a transaction.",
		metrics->queue_reports);
	gauge(out, "gavea_fleet_queue_bytes", "Memory of the reports that wait.", metrics->queue_bytes);
	gauge(out, "gavea_fleet_store_bytes", "Size of the store on the disk.", store_bytes);
	gauge(out, "gavea_fleet_store_up", "Whether the last transaction could be committed.", healthy);
	head(out, "gavea_fleet_hosts", "gauge", "Hosts by liveness.");
	buf_printf(out, "gavea_fleet_hosts{state=\"live\"} %zu\ngavea_fleet_hosts{state=\"lost\"} %zu\n",
		counts->hosts - counts->lost, counts->lost);
	gauge(out, "gavea_fleet_hosts_in_conflict", "Hosts whose id two machines use.", counts->conflicts);
	head(out, "gavea_fleet_checks", "gauge", "Checks of all hosts by status.");
	for (int i = GAVEA_OK; i <= GAVEA_UNKNOWN; i++)
		buf_printf(out, "gavea_fleet_checks{status=\"%s\"} %zu\n", status_name((enum gavea_status)i),
			counts->checks[i]);
	gauge(out, "gavea_fleet_checks_overdue", "Checks of live hosts without a result in time.",
		counts->overdue);
}
