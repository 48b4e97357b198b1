/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/snapshot.h"
#include "base/util.h"
#include "wire/convert.h"

#include <errno.h>

typedef Gavea__Control__V1__OutputStatus output_status_t;

void snapshot_done(struct snapshot *snapshot)
{
	gavea__control__v1__agent_status__free_unpacked(snapshot->agent, NULL);
	for (size_t i = 0; i < snapshot->check_count; i++)
		gavea__control__v1__check_status__free_unpacked(snapshot->checks[i], NULL);
	for (size_t i = 0; i < snapshot->output_count; i++)
		gavea__control__v1__output_status__free_unpacked(snapshot->outputs[i], NULL);
	free(snapshot->checks);
	free(snapshot->outputs);
	*snapshot = (struct snapshot){.agent = NULL};
}

/* Where name is, or would be. */
static size_t find_check(const struct snapshot *snapshot, const char *name, bool *ret_found)
{
	size_t low = 0, high = snapshot->check_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(snapshot->checks[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < snapshot->check_count && streq(snapshot->checks[low]->name, name);
	return low;
}

const check_status_t *snapshot_check(const struct snapshot *snapshot, const char *name)
{
	bool found;
	size_t at = find_check(snapshot, name, &found);

	return found ? snapshot->checks[at] : NULL;
}

const output_status_t *snapshot_output(const struct snapshot *snapshot, const char *name)
{
	for (size_t i = 0; i < snapshot->output_count; i++)
		if (streq(snapshot->outputs[i]->name, name))
			return snapshot->outputs[i];
	return NULL;
}

static int take_check(struct snapshot *snapshot, check_status_t **status)
{
	bool found;
	size_t at = find_check(snapshot, (*status)->name, &found);

	if (found) {
		gavea__control__v1__check_status__free_unpacked(snapshot->checks[at], NULL);
		if (!(*status)->gone) {
			snapshot->checks[at] = TAKE_PTR(*status);
			return 0;
		}
		snapshot->check_count--;
		memmove(snapshot->checks + at, snapshot->checks + at + 1,
			(snapshot->check_count - at) * sizeof *snapshot->checks);
		return 0;
	}
	if ((*status)->gone)
		return 0;
	if (GROW(snapshot->checks, snapshot->check_count, snapshot->check_room) < 0)
		return -ENOMEM;
	memmove(snapshot->checks + at + 1, snapshot->checks + at,
		(snapshot->check_count - at) * sizeof *snapshot->checks);
	snapshot->checks[at] = TAKE_PTR(*status);
	snapshot->check_count++;
	return 0;
}

static int take_output(struct snapshot *snapshot, output_status_t **status)
{
	size_t at = 0;

	while (at < snapshot->output_count && strcmp(snapshot->outputs[at]->name, (*status)->name) < 0)
		at++;
	if (at < snapshot->output_count && streq(snapshot->outputs[at]->name, (*status)->name)) {
		gavea__control__v1__output_status__free_unpacked(snapshot->outputs[at], NULL);
		snapshot->outputs[at] = TAKE_PTR(*status);
		return 0;
	}
	if (GROW(snapshot->outputs, snapshot->output_count, snapshot->output_room) < 0)
		return -ENOMEM;
	memmove(snapshot->outputs + at + 1, snapshot->outputs + at,
		(snapshot->output_count - at) * sizeof *snapshot->outputs);
	snapshot->outputs[at] = TAKE_PTR(*status);
	snapshot->output_count++;
	return 0;
}

int snapshot_take(struct snapshot *snapshot, answer_t *answer)
{
	switch (answer->body_case) {
	case GAVEA__CONTROL__V1__ANSWER__BODY_AGENT:
		gavea__control__v1__agent_status__free_unpacked(snapshot->agent, NULL);
		snapshot->agent = TAKE_PTR(answer->agent);
		answer->body_case = GAVEA__CONTROL__V1__ANSWER__BODY__NOT_SET;
		return 0;
	case GAVEA__CONTROL__V1__ANSWER__BODY_CHECK:
		return take_check(snapshot, &answer->check);
	case GAVEA__CONTROL__V1__ANSWER__BODY_OUTPUT:
		return take_output(snapshot, &answer->output);
	default:
		return 0;
	}
}

/* Moves the pointers of one list behind those of another. */
static int append(void ***list, size_t *count, void **more, size_t *more_count)
{
	void **bigger;

	if (*more_count == 0)
		return 0;
	bigger = reallocarray(*list, *count + *more_count, sizeof *bigger);
	if (!bigger)
		return -ENOMEM;
	memcpy(bigger + *count, more, *more_count * sizeof *bigger);
	*list = bigger;
	*count += *more_count;
	*more_count = 0;
	return 0;
}

int check_status_merge(check_status_t *status, check_status_t *part)
{
	int r = append(
		(void ***)&status->samples, &status->n_samples, (void **)part->samples, &part->n_samples);

	if (r == 0 && status->result && part->result)
		r = append((void ***)&status->result->items, &status->result->n_items,
			(void **)part->result->items, &part->result->n_items);
	return r;
}

enum gavea_status check_status_state(const check_status_t *status)
{
	return status->result ? status_from_wire(status->result->state) : GAVEA_UNKNOWN;
}

struct result_sample *check_status_samples(const check_status_t *status)
{
	struct result_sample *samples = calloc(status->n_samples + 1, sizeof *samples);
	static const Gavea__V1__Series nameless = GAVEA__V1__SERIES__INIT;

	for (size_t i = 0; samples && i < status->n_samples; i++) {
		const Gavea__V1__Series *series = status->samples[i]->series;

		samples[i].series = series ? series : &nameless;
		samples[i].value = status->samples[i]->value;
	}
	return samples;
}
