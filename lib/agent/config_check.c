/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "wire/frame.h"

#include <errno.h>

void config_check_done(struct config_check *check)
{
	for (size_t i = 0; i < check->label_count; i++) {
		free(check->labels[i].name);
		free(check->labels[i].value);
	}
	for (size_t i = 0; i < check->option_count; i++)
		option_free(check->options[i]);
	for (size_t i = 0; i < check->threshold_count; i++)
		gavea__worker__v1__threshold__free_unpacked(check->thresholds[i], NULL);
	free(check->labels);
	free(check->options);
	free(check->thresholds);
	free(check->name);
	free(check->where);
	*check = (struct config_check){0};
}

int check_add_option(struct config_check *check, option_value_t *value)
{
	option_value_t **bigger =
		reallocarray(check->options, check->option_count + 1, sizeof(option_value_t *));

	if (!bigger) {
		option_free(value);
		return -ENOMEM;
	}
	check->options = bigger;
	check->options[check->option_count++] = value;
	return 0;
}

/* FNV-1a, 64 bits; each part with its length before it, so that no two different checks run into the same
 * bytes. */
static void hash(uint64_t *sum, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < size; i++)
		*sum = (*sum ^ p[i]) * UINT64_C(1099511628211);
}

static void hash_number(uint64_t *sum, uint64_t number)
{
	hash(sum, &number, sizeof number);
}

static void hash_part(uint64_t *sum, const void *bytes, size_t size)
{
	hash_number(sum, size);
	hash(sum, bytes, size);
}

static void hash_text(uint64_t *sum, const char *text)
{
	hash_part(sum, text, strlen(text));
}

static uint64_t fingerprint(const struct config_check *check)
{
	uint64_t sum = UINT64_C(14695981039346656037);

	hash_text(&sum, check->name);
	hash_number(&sum, (uint64_t)check->every);
	hash_number(&sum, (uint64_t)check->timeout);
	hash_number(&sum, check->attempts);
	hash_number(&sum, check->label_count);
	for (size_t i = 0; i < check->label_count; i++) {
		hash_text(&sum, check->labels[i].name);
		hash_text(&sum, check->labels[i].value);
	}
	for (size_t i = 0; i < check->option_count; i++) {
		const option_value_t *option = check->options[i];

		hash_text(&sum, option->key);
		hash_number(&sum, option->type);
		hash_number(&sum, option->n_values);
		for (size_t j = 0; j < option->n_values; j++)
			hash_part(&sum, option->values[j].data, option->values[j].len);
	}
	hash_number(&sum, check->threshold_count);
	for (size_t i = 0; i < check->threshold_count; i++) {
		hash_text(&sum, check->thresholds[i]->sample);
		hash_text(&sum, check->thresholds[i]->warning);
		hash_text(&sum, check->thresholds[i]->critical);
		hash_number(&sum, (uint64_t)check->thresholds[i]->absent);
	}
	return sum;
}

int check_finish(struct config_check *check)
{
	Gavea__Worker__V1__Open open = GAVEA__WORKER__V1__OPEN__INIT;
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;

	open.check = UINT32_MAX;
	open.name = check->name;
	open.n_options = check->option_count;
	open.options = check->options;
	open.n_thresholds = check->threshold_count;
	open.thresholds = check->thresholds;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN;
	message.open = &open;
	if (gavea__worker__v1__to_worker__get_packed_size(&message) > FRAME_MAX - 16)
		return -E2BIG;
	check->fingerprint = fingerprint(check);
	return 0;
}
