/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/control_answers.h"
#include "base/clock.h"

#define PART_MAX_BYTES ((size_t)64 << 10) /* of items and samples in one packet */

/* The last values of a check's series. */
struct samples {
	Gavea__Control__V1__NamedSample *samples;
	Gavea__Control__V1__NamedSample **pointers;
	size_t count;
};

static void samples_done(struct samples *samples)
{
	free(samples->samples);
	free(samples->pointers);
}

static struct samples samples_of(const struct check *check, struct catalog *catalog)
{
	struct samples samples = {.samples = NULL};
	/* What the last run did not give is not there any more. */
	int64_t since = check_result(check) ? check_result(check)->started_at_ms : INT64_MIN;

	if (!catalog)
		return samples;
	samples.samples = calloc(catalog->count + 1, sizeof *samples.samples);
	samples.pointers = calloc(catalog->count + 1, sizeof *samples.pointers);
	for (size_t i = 0; samples.samples && samples.pointers && i < catalog->count; i++) {
		struct catalog_series *entry = &catalog->series[i];
		Gavea__Control__V1__NamedSample *sample = &samples.samples[samples.count];

		if (!entry->series || entry->series->check != check_number(check) || !entry->has_value ||
			entry->time_ms < since)
			continue;
		gavea__control__v1__named_sample__init(sample);
		sample->series = entry->series;
		sample->value = entry->value;
		samples.pointers[samples.count++] = sample;
	}
	return samples;
}

/* How many entries from at on fit into a part. */
static size_t part(void **entries, size_t at, size_t count, size_t *room)
{
	size_t n = 0;

	while (at + n < count) {
		size_t size = protobuf_c_message_get_packed_size(entries[at + n]) + 8;

		if (size > *room)
			break;
		*room -= size;
		n++;
	}
	return n;
}

static void send_check(struct control_client *client, Gavea__Control__V1__CheckStatus *status)
{
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;

	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_CHECK;
	answer.check = status;
	client_send(client, &answer);
}

void answer_check(struct control_client *client, struct check *check, struct catalog *catalog)
{
	Gavea__Control__V1__CheckStatus status;
	_cleanup_(samples_done) struct samples samples = samples_of(check, catalog);
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	size_t item = 0, sample = 0, items = 0;
	Gavea__V1__Item **list = NULL;

	check_describe(check, &status);
	if (status.result) {
		result = *status.result;
		items = catalog ? result.n_items : 0;
		list = result.items;
		status.result = &result;
	}
	do {
		size_t room = PART_MAX_BYTES;

		result.items = list + item;
		result.n_items = part((void **)list, item, items, &room);
		item += result.n_items;
		status.samples = samples.pointers + sample;
		status.n_samples = part((void **)samples.pointers, sample, samples.count, &room);
		sample += status.n_samples;
		/* An entry that fits nowhere is passed over; its size was bounded where it came in. */
		if (result.n_items + status.n_samples == 0)
			item < items ? item++ : sample++;
		send_check(client, &status);
	} while (item < items || sample < samples.count);
}

void answer_gone(struct control_client *client, const char *check)
{
	Gavea__Control__V1__CheckStatus status = GAVEA__CONTROL__V1__CHECK_STATUS__INIT;

	status.name = (char *)check;
	status.gone = true;
	send_check(client, &status);
}

void answer_output(struct control_client *client, struct output *output)
{
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__OutputStatus status;

	output_describe(output, &status);
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_OUTPUT;
	answer.output = &status;
	client_send(client, &answer);
}

void answer_units(struct control_client *client, struct unit *const *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t checks, outputs;
		struct check *const *check = unit_checks(units[i], &checks);
		struct output *const *output = unit_outputs(units[i], &outputs);

		for (size_t j = 0; j < checks; j++)
			answer_check(client, check[j], NULL);
		for (size_t j = 0; j < outputs; j++)
			answer_output(client, output[j]);
	}
}

void answer_plugins(struct control_client *client, struct unit *const *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
		Gavea__Control__V1__PluginStatus status = GAVEA__CONTROL__V1__PLUGIN_STATUS__INIT;
		const struct config_plugin *config = unit_config(units[i]);
		struct worker *worker = unit_worker(units[i]);
		int64_t wait = worker_resumes_in(worker);
		const char *const *sandbox;

		status.name = config->name;
		status.version = config->description->version;
		status.summary = config->description->summary;
		status.path = config->path;
		status.state = (char *)worker_state_name(worker);
		status.cause = (char *)worker_cause(worker);
		status.pid = (uint32_t)worker_pid(worker);
		worker_watch_memory(worker);
		status.memory_bytes = worker_memory(worker);
		status.restarts = worker_restarts(worker);
		status.rights = config->rights;
		sandbox = worker_sandbox(worker, &status.n_sandbox);
		status.sandbox = (char **)sandbox;
		status.checks = (uint32_t)config->check_count;
		status.next_start_ms = wait ? clock_unix_ms() + wait / NSEC_PER_MSEC : 0;
		answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_PLUGIN;
		answer.plugin = &status;
		client_send(client, &answer);
	}
}

void answer_event(struct control_client *client, const struct recent_event *event)
{
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__EventRecord record = GAVEA__CONTROL__V1__EVENT_RECORD__INIT;

	record.seq = event->seq;
	record.time_ms = event->time_ms;
	if (event->check)
		record.check = event->check;
	record.event = event->event;
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_EVENT;
	answer.event = &record;
	client_send(client, &answer);
}
