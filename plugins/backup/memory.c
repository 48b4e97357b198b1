/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

static const char *read_text(struct context *context, const char *key)
{
	const void *value;
	size_t size;

	if (gavea_state_get(context->check, key, &value, &size) < 0 || size == 0 ||
		((const char *)value)[size - 1] != '\0')
		return NULL;
	return value;
}

void memory_read_record(struct context *context, const char *key, struct record *ret_record)
{
	const char *text = read_text(context, key);

	*ret_record = (struct record){0};
	if (text)
		(void)record_read(text, ret_record);
}

void memory_write_record(struct context *context, const char *key, const struct record *record)
{
	char text[1024];

	record_write(record, text);
	if (gavea_state_set(context->check, key, text, strlen(text) + 1) < 0 ||
		gavea_state_commit(context->check) < 0)
		gavea_log(context->check, GAVEA_LOG_WARNING, "cannot keep the record of the last %s", key);
}

/* Lines of "TIME SIZE", oldest first. */
static size_t recall(struct context *context, int64_t before, int64_t *sizes, int64_t *times)
{
	const char *text = read_text(context, "sizes");
	size_t count = 0;

	for (; text && *text && count < SIZES_MAX - 1;
		text += strcspn(text, "\n") + (text[strcspn(text, "\n")] != '\0'))
		if (sscanf(text, "%" SCNd64 " %" SCNd64, &times[count], &sizes[count]) == 2 &&
			times[count] < before)
			count++;
	return count;
}

static size_t use_memory(struct context *context, const struct backup *newest, int64_t *sizes)
{
	size_t window = context->settings->size_window, count, skip;
	int64_t times[SIZES_MAX];
	char text[SIZES_MAX * 44];
	int used = 0;

	count = recall(context, newest->time, sizes, times);
	skip = count > window ? count - window : 0;
	memmove(sizes, sizes + skip, (count - skip) * sizeof(sizes[0]));
	memmove(times, times + skip, (count - skip) * sizeof(times[0]));
	count -= skip;
	if (newest->size == SIZE_UNKNOWN)
		return count;
	for (size_t i = 0; i < count; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%" PRId64 " %" PRId64 "\n",
			times[i], sizes[i]);
	used += snprintf(text + used, sizeof(text) - (size_t)used, "%" PRId64 " %" PRId64 "\n", newest->time,
		newest->size);
	if (gavea_state_set(context->check, "sizes", text, (size_t)used + 1) == 0)
		(void)gavea_state_commit(context->check);
	return count;
}

int64_t memory_size(struct context *context, const struct backup *backup)
{
	int64_t sizes[SIZES_MAX], times[SIZES_MAX];
	size_t count = recall(context, INT64_MAX, sizes, times);

	return count && times[count - 1] == backup->time ? sizes[count - 1] : SIZE_UNKNOWN;
}

size_t memory_sizes(struct context *context, int64_t sizes[static SIZES_MAX])
{
	const struct facts *facts = &context->facts;
	size_t count = 0;

	if (facts->count == 0)
		return 0;
	if (context->settings->kind->remembers)
		return use_memory(context, &facts->list[facts->count - 1], sizes);
	for (size_t i = facts->count - 1; i-- > 0 && count < context->settings->size_window;)
		if (facts->list[i].size >= 0)
			sizes[count++] = facts->list[i].size;
	return count;
}
