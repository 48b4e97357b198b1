/* SPDX-License-Identifier: Apache-2.0 */
/* Small reports for tests, made by hand. */
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H

#include "proto/report.pb-c.h"

#define FIXTURE_RECORDS 16
#define AGENT_ID "00000000000000000000000000000001"
#define SPOOL_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SPOOL_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fixture {
	Gavea__V1__Report report;
	Gavea__V1__Agent agent;
	Gavea__V1__Record records[FIXTURE_RECORDS], *pointers[FIXTURE_RECORDS];
	Gavea__V1__Check checks[FIXTURE_RECORDS];
	Gavea__V1__Series series[FIXTURE_RECORDS];
	Gavea__V1__Result results[FIXTURE_RECORDS];
	Gavea__V1__Samples samples[FIXTURE_RECORDS];
	Gavea__V1__CheckGone gone[FIXTURE_RECORDS];
	int32_t numbers[FIXTURE_RECORDS][2];
	double values[FIXTURE_RECORDS][2];
	uint64_t seq;
};

static inline void fixture_begin(struct fixture *f, uint64_t seq)
{
	gavea__v1__report__init(&f->report);
	gavea__v1__agent__init(&f->agent);
	f->agent.name = (char *)"app-01";
	f->agent.version = (char *)"1.0";
	f->agent.machine_id = (char *)"m";
	f->report.protocol = 1;
	f->report.agent_id = (char *)AGENT_ID;
	f->report.spool_id = (char *)SPOOL_A;
	f->report.stream = 1;
	f->report.agent = &f->agent;
	f->report.next_within_ms = 10000;
	f->report.records = f->pointers;
	f->seq = seq;
}

static inline Gavea__V1__Record *fixture_add(
	struct fixture *f, Gavea__V1__Record__BodyCase body, int64_t time_ms)
{
	Gavea__V1__Record *record = &f->records[f->report.n_records];

	gavea__v1__record__init(record);
	record->seq = f->seq++;
	record->time_ms = time_ms;
	record->body_case = body;
	f->pointers[f->report.n_records++] = record;
	return record;
}

static inline void fixture_check(struct fixture *f, uint32_t number, const char *name)
{
	Gavea__V1__Check *check = &f->checks[f->report.n_records];

	gavea__v1__check__init(check);
	check->number = number;
	check->name = (char *)name;
	check->every_ms = 10000;
	check->timeout_ms = 5000;
	fixture_add(f, GAVEA__V1__RECORD__BODY_CHECK, 1)->check = check;
}

static inline void fixture_series(
	struct fixture *f, uint32_t number, const char *name, Gavea__V1__SampleType type, uint32_t check)
{
	Gavea__V1__Series *series = &f->series[f->report.n_records];

	gavea__v1__series__init(series);
	series->number = number;
	series->name = (char *)name;
	series->type = type;
	series->check = check;
	fixture_add(f, GAVEA__V1__RECORD__BODY_SERIES, 1)->series = series;
}

static inline void fixture_result(
	struct fixture *f, uint32_t check, Gavea__V1__Status state, const char *summary)
{
	Gavea__V1__Result *result = &f->results[f->report.n_records];

	gavea__v1__result__init(result);
	result->check = check;
	result->status = result->state = state;
	result->summary = (char *)summary;
	fixture_add(f, GAVEA__V1__RECORD__BODY_RESULT, 1)->result = result;
}

/* One value of one series. */
static inline void fixture_sample(struct fixture *f, uint32_t series, double value, int64_t time_ms)
{
	size_t at = f->report.n_records;
	Gavea__V1__Samples *samples = &f->samples[at];

	gavea__v1__samples__init(samples);
	f->numbers[at][0] = (int32_t)series;
	f->values[at][0] = value;
	samples->n_series = samples->n_values = 1;
	samples->series = f->numbers[at];
	samples->values = f->values[at];
	fixture_add(f, GAVEA__V1__RECORD__BODY_SAMPLES, time_ms)->samples = samples;
}

static inline void fixture_gone(struct fixture *f, uint32_t check)
{
	Gavea__V1__CheckGone *gone = &f->gone[f->report.n_records];

	gavea__v1__check_gone__init(gone);
	gone->check = check;
	fixture_add(f, GAVEA__V1__RECORD__BODY_CHECK_GONE, 1)->check_gone = gone;
}

#endif
