/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/spool_report.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>

#define CALM (600 * NSEC_PER_SEC) /* without drops: the next one is news again */
#define SAMPLES_EVERY (60 * NSEC_PER_SEC)
#define GAUGES 3
#define COUNTERS (DROP_CLASSES * DROP_CAUSES)

void spool_describe(const struct spool *spool, struct spool_description *ret_description)
{
	Gavea__Control__V1__SpoolStatus *status = &ret_description->status;
	struct spool_status now;

	spool_get_status(spool, &now);
	gavea__control__v1__spool_status__init(status);
	status->first_seq = now.first_seq;
	status->last_seq = now.last_seq;
	status->bytes = now.bytes;
	status->oldest_ms = now.oldest_ms;
	status->dropped_since_ms = now.dropped_since_ms;
	for (int cause = 0; cause < DROP_CAUSES; cause++) {
		status->dropped_samples += now.dropped[DROP_SAMPLES][cause];
		status->dropped_results += now.dropped[DROP_RESULTS][cause];
		status->dropped_events += now.dropped[DROP_EVENTS][cause];
	}
	for (int class = 0; class < DROP_CLASSES; class ++)
		for (int cause = 0; cause < DROP_CAUSES; cause++) {
			Gavea__Control__V1__SpoolDrop *drop = &ret_description->drops[status->n_drops];

			if (now.dropped[class][cause] == 0)
				continue;
			gavea__control__v1__spool_drop__init(drop);
			drop->class_ = (char *)drop_class_name((enum drop_class) class);
			drop->cause = (char *)drop_cause_name((enum drop_cause)cause);
			drop->records = now.dropped[class][cause];
			ret_description->pointers[status->n_drops++] = drop;
		}
	status->drops = ret_description->pointers;
	if (now.error)
		status->error = (char *)now.error;
}

/* ---- Events ---- */

static void tell_findings(struct recorder *recorder)
{
	unsigned findings = spool_findings(recorder_spool(recorder));

	if (findings & SPOOL_DAMAGED)
		recorder_note(recorder, NULL, "spool-damaged", GAVEA_WARNING, NULL, 0,
			"records in the spool were damaged and are lost (the log says where); it goes on "
			"under a "
			"new id");
	if (findings & SPOOL_CLONED)
		recorder_note(recorder, NULL, "spool-cloned", GAVEA_WARNING, NULL, 0,
			"the state directory was written by another machine: this one is a clone, or its "
			"machine-id was changed; the spool goes on under a new id");
}

static uint64_t dropped_in_all(const struct spool_status *status)
{
	uint64_t sum = 0;

	for (int class = 0; class < DROP_CLASSES; class ++)
		for (int cause = 0; cause < DROP_CAUSES; cause++)
			sum += status->dropped[class][cause];
	return sum;
}

/* Only the beginning and the end: Loss records and samples tell how much. */
static void tell_failing(struct spool_report *report, struct recorder *recorder, const char *error)
{
	if (!error == !report->failing)
		return;
	report->failing = error != NULL;
	if (error)
		recorder_note(recorder, NULL, "spool-failing", GAVEA_CRITICAL, NULL, 0,
			"the spool cannot be written (%s): records are kept in memory, and a restart loses "
			"them",
			error);
	else
		recorder_note(recorder, NULL, "spool-recovered", GAVEA_OK, NULL, 0,
			"the spool is written to disk again");
}

/* Once for each time that it begins to. */
static void tell_drops(struct spool_report *report, struct recorder *recorder, uint64_t dropped, int64_t now)
{
	if (dropped <= report->dropped)
		return;
	if (report->last_drop == 0 || now - report->last_drop > CALM)
		recorder_note(recorder, NULL, "spool-dropping", GAVEA_WARNING, NULL, 0,
			"the spool is at a bound and drops records, samples first; `gavea status` tells how "
			"many "
			"and why");
	report->dropped = dropped;
	report->last_drop = now;
}

/* ---- Samples ---- */

struct own_samples {
	Gavea__V1__Samples message;
	int32_t numbers[GAUGES + COUNTERS];
	double values[GAUGES + COUNTERS];
	uint32_t last;
};

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static Gavea__V1__Series *make_series(const char *name, bool counts, const char *unit, const char *help)
{
	Gavea__V1__Series *series = malloc(sizeof *series);

	if (!series)
		return NULL;
	gavea__v1__series__init(series);
	series->name = copy(name);
	series->unit = copy(unit);
	series->help = copy(help);
	series->type = counts ? GAVEA__V1__SAMPLE_TYPE__COUNTER : GAVEA__V1__SAMPLE_TYPE__GAUGE;
	return series;
}

static int add_label(Gavea__V1__Series *series, const char *key, const char *value)
{
	Gavea__V1__Series__LabelsEntry *entry = malloc(sizeof *entry);
	Gavea__V1__Series__LabelsEntry **list =
		realloc(series->labels, (series->n_labels + 1) * sizeof *series->labels);

	if (list)
		series->labels = list;
	if (!entry || !list) {
		free(entry);
		return -ENOMEM;
	}
	gavea__v1__series__labels_entry__init(entry);
	entry->key = copy(key);
	entry->value = copy(value);
	series->labels[series->n_labels++] = entry;
	return 0;
}

/* Takes series. */
static void add_sample(
	struct own_samples *samples, struct catalog *catalog, Gavea__V1__Series *series, double value)
{
	size_t n = samples->message.n_series;
	uint32_t number;

	if (series && series->name && series->unit && series->help &&
		catalog_declare(catalog, 0, &series, &number) == 0) {
		samples->numbers[n] = (int32_t)(number - samples->last);
		samples->values[n] = value;
		samples->last = number;
		samples->message.n_series = samples->message.n_values = n + 1;
	}
	if (series)
		gavea__v1__series__free_unpacked(series, NULL);
}

static void add_drops(struct own_samples *samples, struct catalog *catalog, const struct spool_status *status)
{
	for (int class = 0; class < DROP_CLASSES; class ++)
		for (int cause = 0; cause < DROP_CAUSES; cause++) {
			Gavea__V1__Series *series = make_series("gavea_spool_dropped_total", true, "",
				"Records that were dropped before all outputs had them");

			if (series &&
				(add_label(series, "cause", drop_cause_name((enum drop_cause)cause)) < 0 ||
					add_label(series, "class", drop_class_name((enum drop_class) class)) <
						0)) {
				gavea__v1__series__free_unpacked(series, NULL);
				continue;
			}
			add_sample(samples, catalog, series, (double)status->dropped[class][cause]);
		}
}

static void record_samples(struct recorder *recorder, const struct spool_status *status)
{
	struct own_samples samples = {.message = GAVEA__V1__SAMPLES__INIT};
	struct catalog *catalog = recorder_catalog(recorder);
	int64_t now = clock_unix_ms();
	double age = status->oldest_ms > 0 && now > status->oldest_ms
		? (double)(now - status->oldest_ms) / 1000
		: 0;

	add_sample(&samples, catalog,
		make_series("gavea_spool_bytes", false, "bytes", "What waits in the spool for outputs"),
		(double)status->bytes);
	add_sample(&samples, catalog,
		make_series("gavea_spool_oldest_seconds", false, "seconds",
			"Age of the oldest record in the spool"),
		age);
	add_sample(&samples, catalog,
		make_series("gavea_spool_failing", false, "",
			"Whether the spool cannot be written to disk: 1 or 0"),
		status->error ? 1 : 0);
	add_drops(&samples, catalog, status);
	samples.message.series = samples.numbers;
	samples.message.values = samples.values;
	if (samples.message.n_series > 0)
		recorder_samples(recorder, NULL, &samples.message, now);
}

void spool_report_begin(struct spool_report *report, struct recorder *recorder)
{
	struct spool_status status;

	tell_findings(recorder);
	spool_get_status(recorder_spool(recorder), &status);
	report->dropped = dropped_in_all(&status);
}

void spool_report_watch(struct spool_report *report, struct recorder *recorder)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	struct spool_status status;

	spool_get_status(recorder_spool(recorder), &status);
	tell_failing(report, recorder, status.error);
	tell_drops(report, recorder, dropped_in_all(&status), now);
	if (report->last_samples && now - report->last_samples < SAMPLES_EVERY)
		return;
	report->last_samples = now;
	record_samples(recorder, &status);
}
