/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for the plugin under test: options from a table, series numbered from 1; samples, items, events and
 * the key-value state kept for the test to look at. Everything hangs from struct fake_host, whose first member is
 * what the plugin gets.
 */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include "base/parse.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAKE_OPTIONS_MAX 64
#define FAKE_LIST_MAX 64
#define FAKE_ITEMS_MAX 256
#define FAKE_ATTRIBUTES_MAX 32
#define FAKE_EVENTS_MAX 32
#define FAKE_STATE_MAX 64

struct fake_series {
	char *name; /* with labels: node_load1, node_cpu_seconds_total{cpu="0",mode="idle"} */
	int type;
	char *unit;
	double value;
	unsigned run; /* of the last sample */
};

struct fake_attribute {
	char name[64];
	char value[512];
};

struct fake_item {
	char name[256];
	int status;
	char text[512];
	struct fake_attribute attributes[FAKE_ATTRIBUTES_MAX];
	size_t attribute_count;
};

struct fake_event {
	char kind[64];
	int status;
	char summary[512];
};

struct fake_value {
	char *key;
	void *bytes;
	size_t size;
};

struct gavea_secret {
	const char *text;
};

/* What another check found, for a test to fill in. */
struct gavea_evidence {
	int watch;
	const char *check;
	int status;
	const char *summary;
	int64_t age;
	int64_t interval;
	struct {
		const char *series;
		double value;
	} samples[FAKE_LIST_MAX];
	size_t sample_count;
};

struct fake_host {
	struct gavea_check check;
	struct gavea_host table;
	const struct gavea_plugin *plugin;
	struct {
		const char *key;
		const char *value; /* of a list: comma-separated */
		char *list[FAKE_LIST_MAX + 1]; /* as it was asked for last */
		struct gavea_secret secret;
	} options[FAKE_OPTIONS_MAX]; /* those that were set or asked for */
	struct fake_value state[FAKE_STATE_MAX];
	size_t state_count;
	unsigned commits;
	char watches[FAKE_LIST_MAX][128]; /* "CHECKS" or "CHECKS SAMPLES", as they were asked for */
	size_t watch_count;
	struct gavea_evidence evidence[FAKE_LIST_MAX]; /* by watch */
	size_t evidence_count;
	int64_t deadline; /* 0: none */
	bool cancelled;
	struct fake_series *series;
	size_t series_count;
	size_t series_limit; /* 0: none */
	size_t sample_count; /* of the last run */
	unsigned run;
	struct fake_item items[FAKE_ITEMS_MAX];
	size_t item_count;
	struct fake_event events[FAKE_EVENTS_MAX]; /* of all runs */
	size_t event_count;
	int status; /* -1: none was given */
	char summary[512];
	char failure[512];
	char log[2048]; /* all lines */
};

static inline struct fake_host *fake_of(struct gavea_check *check)
{
	return (struct fake_host *)check;
}

static inline void GAVEA_PRINTF(3, 0)
	fake_log(struct gavea_check *check, int level, const char *format, va_list args)
{
	struct fake_host *fake = fake_of(check);
	size_t used = strlen(fake->log);

	(void)level;
	vsnprintf(fake->log + used, sizeof(fake->log) - used, format, args);
	used = strlen(fake->log);
	snprintf(fake->log + used, sizeof(fake->log) - used, "\n");
}

static inline void GAVEA_PRINTF(2, 0) fake_fail(struct gavea_check *check, const char *format, va_list args)
{
	vsnprintf(fake_of(check)->failure, sizeof(fake_of(check)->failure), format, args);
}

static inline const char *fake_default(const struct fake_host *fake, const char *key)
{
	for (uint32_t i = 0; i < fake->plugin->option_count; i++)
		if (strcmp(fake->plugin->options[i].key, key) == 0)
			return fake->plugin->options[i].default_value;
	abort(); /* the plugin asked for what it did not declare */
}

/* Which of fake->options it is; made, with its default, when it was not set. */
static inline size_t fake_option(struct fake_host *fake, const char *key)
{
	for (size_t i = 0; i < FAKE_OPTIONS_MAX; i++) {
		if (fake->options[i].key && strcmp(fake->options[i].key, key) != 0)
			continue;
		if (!fake->options[i].key) {
			fake->options[i].value = fake_default(fake, key);
			fake->options[i].key = key;
		}
		return i;
	}
	abort();
}

static inline const char *fake_option_string(struct gavea_check *check, const char *key)
{
	struct fake_host *fake = fake_of(check);

	return fake->options[fake_option(fake, key)].value;
}

static inline const struct gavea_secret *fake_option_secret(struct gavea_check *check, const char *key)
{
	struct fake_host *fake = fake_of(check);
	size_t i = fake_option(fake, key);

	if (!fake->options[i].value)
		return NULL;
	fake->options[i].secret.text = fake->options[i].value;
	return &fake->options[i].secret;
}

static inline const void *fake_secret_bytes(const struct gavea_secret *secret, size_t *ret_size)
{
	if (ret_size)
		*ret_size = strlen(secret->text);
	return secret->text;
}

static inline uint32_t fake_type(const struct fake_host *fake, const char *key)
{
	for (uint32_t i = 0; i < fake->plugin->option_count; i++)
		if (strcmp(fake->plugin->options[i].key, key) == 0)
			return fake->plugin->options[i].type;
	return 0;
}

static inline int64_t fake_option_int(struct gavea_check *check, const char *key)
{
	const char *value = fake_option_string(check, key);
	int64_t duration;
	uint64_t size;

	if (!value)
		return 0;
	if (strcmp(value, "true") == 0)
		return 1;
	if (fake_type(fake_of(check), key) == GAVEA_OPTION_DURATION && parse_duration(value, &duration) == 0)
		return duration;
	if (fake_type(fake_of(check), key) == GAVEA_OPTION_SIZE && parse_size(value, &size) == 0)
		return (int64_t)size;
	return atoll(value);
}

static inline double fake_option_float(struct gavea_check *check, const char *key)
{
	const char *value = fake_option_string(check, key);

	return value ? atof(value) : 0;
}

static inline void fake_list_free(char **list)
{
	for (size_t i = 0; i < FAKE_LIST_MAX; i++) {
		free(list[i]);
		list[i] = NULL;
	}
}

static inline const char *const *fake_option_strings(
	struct gavea_check *check, const char *key, size_t *ret_count)
{
	struct fake_host *fake = fake_of(check);
	size_t index = fake_option(fake, key);
	const char *p = fake->options[index].value;
	char **list = fake->options[index].list;
	size_t count = 0;

	fake_list_free(list);
	while (p && *p && count < FAKE_LIST_MAX) {
		size_t size = strcspn(p, ",");

		list[count++] = strndup(p, size);
		p += size + (p[size] == ',');
	}
	*ret_count = count;
	return count ? (const char *const *)list : NULL;
}

static inline int fake_series(struct gavea_check *check, const char *name, int type, const char *unit,
	const char *help, const struct gavea_pair *labels, size_t label_count)
{
	struct fake_host *fake = fake_of(check);
	struct fake_series *grown;
	char full[8192];
	size_t used;

	if (!help || !*help)
		abort();
	used = (size_t)snprintf(full, sizeof(full), "%s", name);
	for (size_t i = 0; i < label_count && used < sizeof(full); i++)
		used += (size_t)snprintf(full + used, sizeof(full) - used, "%s%s=\"%s\"%s", i ? "," : "{",
			labels[i].name, labels[i].value, i + 1 == label_count ? "}" : "");
	for (size_t i = 0; i < fake->series_count; i++)
		if (strcmp(fake->series[i].name, full) == 0)
			return (int)i + 1;
	if (fake->series_limit && fake->series_count == fake->series_limit)
		return -ENOSPC;
	grown = realloc(fake->series, (fake->series_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	fake->series = grown;
	fake->series[fake->series_count] =
		(struct fake_series){strdup(full), type, strdup(unit ? unit : ""), 0, 0};
	return (int)++fake->series_count;
}

static inline void fake_samples(
	struct gavea_check *check, const int *series, const double *values, size_t count)
{
	struct fake_host *fake = fake_of(check);

	for (size_t i = 0; i < count; i++) {
		if (series[i] <= 0 || (size_t)series[i] > fake->series_count)
			abort();
		if (fake->series[series[i] - 1].run == fake->run)
			abort(); /* twice in one run */
		fake->series[series[i] - 1].value = values[i];
		fake->series[series[i] - 1].run = fake->run;
	}
	fake->sample_count += count;
}

static inline void fake_sample(struct gavea_check *check, int series, double value)
{
	fake_samples(check, &series, &value, 1);
}

static inline void GAVEA_PRINTF(3, 0)
	fake_result(struct gavea_check *check, int status, const char *format, va_list args)
{
	fake_of(check)->status = status;
	vsnprintf(fake_of(check)->summary, sizeof(fake_of(check)->summary), format, args);
}

static inline struct gavea_item *GAVEA_PRINTF(4, 0)
	fake_item(struct gavea_check *check, const char *name, int status, const char *format, va_list args)
{
	struct fake_host *fake = fake_of(check);
	struct fake_item *item;

	if (fake->item_count == FAKE_ITEMS_MAX)
		return NULL;
	item = &fake->items[fake->item_count++];
	memset(item, 0, sizeof(*item));
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->status = status;
	vsnprintf(item->text, sizeof(item->text), format, args);
	return (struct gavea_item *)item;
}

static inline void fake_item_attribute(struct gavea_item *handle, const char *name, const char *value)
{
	struct fake_item *item = (struct fake_item *)handle;
	struct fake_attribute *attribute;

	if (!item)
		return;
	if (item->attribute_count == FAKE_ATTRIBUTES_MAX)
		abort();
	attribute = &item->attributes[item->attribute_count++];
	snprintf(attribute->name, sizeof(attribute->name), "%s", name);
	snprintf(attribute->value, sizeof(attribute->value), "%s", value);
}

static inline void fake_event(struct gavea_check *check, const char *kind, int status, const char *summary,
	const struct gavea_pair *attributes, size_t attribute_count)
{
	struct fake_host *fake = fake_of(check);
	struct fake_event *event;

	(void)attributes;
	(void)attribute_count;
	if (fake->event_count == FAKE_EVENTS_MAX)
		return;
	event = &fake->events[fake->event_count++];
	snprintf(event->kind, sizeof(event->kind), "%s", kind);
	event->status = status;
	snprintf(event->summary, sizeof(event->summary), "%s", summary);
}

static inline const char *fake_check_name(struct gavea_check *check)
{
	(void)check;
	return "plugin/test";
}

static inline int64_t fake_now(struct gavea_check *check)
{
	struct timespec now;

	(void)check;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t fake_deadline(struct gavea_check *check)
{
	return fake_of(check)->deadline ? fake_of(check)->deadline : INT64_MAX;
}

static inline bool fake_cancelled(struct gavea_check *check)
{
	return fake_of(check)->cancelled;
}

static inline int fake_progress(struct gavea_check *check, double done, const char *what)
{
	(void)check;
	(void)done;
	(void)what;
	return 0;
}

/* ---- Key-value state; sets count at once, commits are only counted ---- */

static inline struct fake_value *fake_value(struct fake_host *fake, const char *key)
{
	for (size_t i = 0; i < fake->state_count; i++)
		if (strcmp(fake->state[i].key, key) == 0)
			return &fake->state[i];
	return NULL;
}

static inline int fake_state_get(
	struct gavea_check *check, const char *key, const void **ret_value, size_t *ret_size)
{
	const struct fake_value *value = fake_value(fake_of(check), key);

	if (!value || !value->bytes)
		return -ENOENT;
	*ret_value = value->bytes;
	*ret_size = value->size;
	return 0;
}

static inline int fake_state_set(struct gavea_check *check, const char *key, const void *bytes, size_t size)
{
	struct fake_host *fake = fake_of(check);
	struct fake_value *value = fake_value(fake, key);

	if (!value) {
		if (fake->state_count == FAKE_STATE_MAX)
			return -E2BIG;
		value = &fake->state[fake->state_count++];
		*value = (struct fake_value){.key = strdup(key)};
	}
	free(value->bytes);
	value->bytes = NULL;
	if (bytes) {
		value->bytes = malloc(size + 1);
		if (!value->bytes)
			return -ENOMEM;
		memcpy(value->bytes, bytes, size);
		value->size = size;
	}
	return 0;
}

static inline int fake_state_commit(struct gavea_check *check)
{
	fake_of(check)->commits++;
	return 0;
}

static inline const char *fake_state_directory(struct gavea_check *check)
{
	(void)check;
	return NULL;
}

static inline int fake_watch(struct gavea_check *check, const char *checks, const char *samples)
{
	struct fake_host *fake = fake_of(check);

	if (fake->watch_count == FAKE_LIST_MAX)
		return -ENOSPC;
	snprintf(fake->watches[fake->watch_count], sizeof fake->watches[0], "%s%s%s", checks,
		samples ? " " : "", samples ? samples : "");
	return (int)fake->watch_count++;
}

static inline const struct gavea_evidence *fake_evidence_next(
	struct gavea_check *check, int watch, const struct gavea_evidence *after)
{
	struct fake_host *fake = fake_of(check);

	for (size_t i = after ? (size_t)(after - fake->evidence) + 1 : 0; i < fake->evidence_count; i++)
		if (fake->evidence[i].watch == watch)
			return &fake->evidence[i];
	return NULL;
}

static inline const char *fake_evidence_check(const struct gavea_evidence *evidence)
{
	return evidence->check;
}

static inline int fake_evidence_status(const struct gavea_evidence *evidence, const char **ret_summary)
{
	if (ret_summary)
		*ret_summary = evidence->summary;
	return evidence->status;
}

static inline int64_t fake_evidence_age(const struct gavea_evidence *evidence, int64_t *ret_interval)
{
	if (ret_interval)
		*ret_interval = evidence->interval;
	return evidence->age;
}

static inline int fake_evidence_sample(
	const struct gavea_evidence *evidence, size_t index, const char **ret_series, double *ret_value)
{
	if (index >= evidence->sample_count)
		return 0;
	*ret_series = evidence->samples[index].series;
	*ret_value = evidence->samples[index].value;
	return 1;
}

static inline struct gavea_span *fake_span_begin(
	struct gavea_check *check, const struct gavea_span *parent, const char *name)
{
	(void)check;
	(void)parent;
	(void)name;
	return NULL;
}

static inline struct gavea_span *fake_span_at(struct gavea_check *check, const uint8_t *trace,
	const uint8_t *id, const uint8_t *parent, const char *name, int64_t start)
{
	(void)check;
	(void)trace;
	(void)id;
	(void)parent;
	(void)name;
	(void)start;
	return NULL;
}

static inline void fake_span_attribute(struct gavea_span *span, const char *name, const char *value)
{
	(void)span;
	(void)name;
	(void)value;
}

static inline void fake_span_end(struct gavea_span *span, int error)
{
	(void)span;
	(void)error;
}

static inline void fake_init(struct fake_host *fake, const struct gavea_plugin *plugin)
{
	memset(fake, 0, sizeof(*fake));
	fake->plugin = plugin;
	fake->check.host = &fake->table;
	fake->table = (struct gavea_host){.size = sizeof(fake->table),
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.log = fake_log,
		.fail = fake_fail,
		.option_string = fake_option_string,
		.option_int = fake_option_int,
		.option_float = fake_option_float,
		.option_strings = fake_option_strings,
		.option_secret = fake_option_secret,
		.secret_bytes = fake_secret_bytes,
		.check_name = fake_check_name,
		.item_attribute = fake_item_attribute,
		.event = fake_event,
		.now = fake_now,
		.deadline = fake_deadline,
		.cancelled = fake_cancelled,
		.progress = fake_progress,
		.state_directory = fake_state_directory,
		.state_get = fake_state_get,
		.state_set = fake_state_set,
		.state_commit = fake_state_commit,
		.result = fake_result,
		.item = fake_item,
		.series = fake_series,
		.sample = fake_sample,
		.samples = fake_samples,
		.span_begin = fake_span_begin,
		.span_at = fake_span_at,
		.span_attribute = fake_span_attribute,
		.span_end = fake_span_end,
		.watch = fake_watch,
		.evidence_next = fake_evidence_next,
		.evidence_check = fake_evidence_check,
		.evidence_status = fake_evidence_status,
		.evidence_age = fake_evidence_age,
		.evidence_sample = fake_evidence_sample};
}

static inline void fake_set(struct fake_host *fake, const char *key, const char *value)
{
	fake->options[fake_option(fake, key)].value = value;
}

static inline void fake_begin(struct fake_host *fake)
{
	fake->run++;
	fake->sample_count = 0;
	fake->item_count = 0;
	fake->status = -1;
	fake->summary[0] = fake->failure[0] = fake->log[0] = '\0';
}

static inline int fake_open(struct fake_host *fake, void **ret_state)
{
	fake_begin(fake);
	return fake->plugin->open(&fake->check, ret_state);
}

static inline int fake_run(struct fake_host *fake, void *state)
{
	fake_begin(fake);
	return fake->plugin->run(&fake->check, state);
}

static inline void fake_done(struct fake_host *fake)
{
	for (size_t i = 0; i < fake->series_count; i++) {
		free(fake->series[i].name);
		free(fake->series[i].unit);
	}
	free(fake->series);
	for (size_t i = 0; i < FAKE_OPTIONS_MAX; i++)
		fake_list_free(fake->options[i].list);
	for (size_t i = 0; i < fake->state_count; i++) {
		free(fake->state[i].key);
		free(fake->state[i].bytes);
	}
}

/* The series of this name and labels; NULL: never declared. */
static inline const struct fake_series *fake_find(const struct fake_host *fake, const char *name)
{
	for (size_t i = 0; i < fake->series_count; i++)
		if (strcmp(fake->series[i].name, name) == 0)
			return &fake->series[i];
	return NULL;
}

/* Whether the last run had a sample of it. */
static inline bool fake_has(const struct fake_host *fake, const char *name)
{
	const struct fake_series *series = fake_find(fake, name);

	return series && series->run == fake->run;
}

/* The value of an attribute; NULL: the item has none of that name. */
static inline const char *fake_attribute(const struct fake_item *item, const char *name)
{
	for (size_t i = 0; i < item->attribute_count; i++)
		if (strcmp(item->attributes[i].name, name) == 0)
			return item->attributes[i].value;
	return NULL;
}

static inline const struct fake_item *fake_find_item(const struct fake_host *fake, const char *name)
{
	for (size_t i = 0; i < fake->item_count; i++)
		if (strcmp(fake->items[i].name, name) == 0)
			return &fake->items[i];
	return NULL;
}

#endif
