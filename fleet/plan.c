/* SPDX-License-Identifier: Apache-2.0 */
/* What a report would do: judged before it is written, against what is known. */
#include "fleet/decode.h"
#include "fleet/internal.h"
#include "fleet/update.h"

struct update_scratch {
	uint32_t epoch; /* of this report */
	uint32_t checks[REPORT_NUMBER_MAX + 1]; /* declared in the report of that epoch */
	uint32_t series[REPORT_NUMBER_MAX + 1];
};

struct update_scratch *update_scratch_new(void)
{
	return calloc(1, sizeof(struct update_scratch));
}

void update_scratch_free(struct update_scratch *scratch)
{
	free(scratch);
}

struct judging {
	struct update_scratch *scratch;
	const struct source *source; /* NULL: nothing was declared before */
};

static void note_declaration(const struct judging *j, const Gavea__V1__Record *record)
{
	if (record->body_case == GAVEA__V1__RECORD__BODY_CHECK)
		j->scratch->checks[record->check->number] = j->scratch->epoch;
	else if (record->body_case == GAVEA__V1__RECORD__BODY_SERIES)
		j->scratch->series[record->series->number] = j->scratch->epoch;
}

static bool knows_check(const struct judging *j, uint32_t number)
{
	return number == 0 || j->scratch->checks[number] == j->scratch->epoch ||
		(j->source && numbers_get(&j->source->checks, number));
}

static bool knows_series(const struct judging *j, uint32_t number)
{
	return j->scratch->series[number] == j->scratch->epoch ||
		(j->source && numbers_get(&j->source->series, number));
}

static bool knows_samples(const struct judging *j, const Gavea__V1__Samples *samples)
{
	uint32_t number = 0;

	for (size_t i = 0; i < samples->n_series; i++) {
		number += (uint32_t)samples->series[i];
		if (!knows_series(j, number))
			return false;
	}
	for (size_t i = 0; i < samples->n_histograms; i++)
		if (!knows_series(j, samples->histograms[i]->series))
			return false;
	return knows_check(j, samples->check);
}

static bool knows_all(const struct judging *j, const Gavea__V1__Record *record)
{
	switch (record->body_case) {
	case GAVEA__V1__RECORD__BODY_SAMPLES:
		return knows_samples(j, record->samples);
	case GAVEA__V1__RECORD__BODY_RESULT:
		return knows_check(j, record->result->check);
	case GAVEA__V1__RECORD__BODY_EVENT:
		return knows_check(j, record->event->check);
	case GAVEA__V1__RECORD__BODY_SPAN:
		return knows_check(j, record->span->check);
	case GAVEA__V1__RECORD__BODY_CHECK_GONE:
		return knows_check(j, record->check_gone->check);
	case GAVEA__V1__RECORD__BODY_SERIES:
		return knows_check(j, record->series->check);
	default:
		return true;
	}
}

/* In whatever order the report has them. */
static bool labels_change(const struct model_host *host, const Gavea__V1__Agent *agent)
{
	size_t same = 0;

	for (size_t i = 0; i < agent->n_labels; i++)
		for (size_t j = 0; j < host->label_count; j++)
			same += streq(host->labels[j].name, agent->labels[i]->key) &&
				streq(host->labels[j].value, agent->labels[i]->value);
	return agent->n_labels != host->label_count || same != host->label_count;
}

static bool head_changes(const struct host *host, const Gavea__V1__Report *report)
{
	const struct model_host *public = &host->public;

	return !streq(public->name, report->agent->name) || !streq(public->version, report->agent->version) ||
		labels_change(public, report->agent);
}

static void judge_host(const struct host *host, const Gavea__V1__Report *report, int64_t received_ms,
	struct judging *j, struct update_plan *plan)
{
	const struct source *source = source_find(host, report->spool_id), *other = NULL;

	plan->comes_back = host->public.liveness == MODEL_LOST;
	if (source) {
		plan->last_seq = source->last_seq;
		j->source = source->stream == report->stream ? source : NULL;
	}
	if (source && !host->public.conflict && source_returned(host, source, received_ms, &other)) {
		plan->conflict_begins = true;
		plan->other_machine_id = other->machine_id ? other->machine_id : "";
		plan->other_address = other->address ? other->address : "";
	}
	if (source && !head_changes(host, report))
		plan->verdict = UPDATE_KNOWN;
}

void update_judge(const struct model *model, const Gavea__V1__Report *report, int64_t received_ms,
	struct update_scratch *scratch, struct update_plan *ret_plan)
{
	struct update_plan plan = {.verdict = UPDATE_NEW, .host = host_get(model, report->agent_id)};
	struct judging j = {.scratch = scratch};

	scratch->epoch++;
	if (plan.host)
		judge_host(plan.host, report, received_ms, &j, &plan);
	else if (model->host_count >= MODEL_HOSTS_MAX)
		plan.verdict = UPDATE_TOO_MANY_HOSTS;
	plan.acked_seq = plan.last_seq;
	for (size_t i = 0; i < report->n_declarations; i++)
		note_declaration(&j, report->declarations[i]);
	for (size_t i = 0; i < report->n_records; i++) {
		const Gavea__V1__Record *record = report->records[i];

		note_declaration(&j, record);
		if (record->seq <= plan.last_seq)
			continue;
		plan.acked_seq = record->seq;
		if (plan.verdict == UPDATE_KNOWN)
			plan.verdict = UPDATE_NEW;
		if (plan.verdict == UPDATE_NEW && !knows_all(&j, record))
			plan.verdict = UPDATE_NEED_DECLARATIONS;
	}
	*ret_plan = plan;
}

const char *update_check_name(const struct host *host, const Gavea__V1__Report *report, uint32_t number)
{
	const struct source *source = host ? source_find(host, report->spool_id) : NULL;
	const struct model_check *check = NULL;

	if (number == 0)
		return "";
	for (size_t i = 0; i < report->n_records + report->n_declarations; i++) {
		const Gavea__V1__Record *record = i < report->n_records
			? report->records[i]
			: report->declarations[i - report->n_records];

		if (record->body_case == GAVEA__V1__RECORD__BODY_CHECK && record->check->number == number)
			return record->check->name;
	}
	if (source && source->stream == report->stream)
		check = numbers_get(&source->checks, number);
	return check && check->name ? check->name : "";
}
