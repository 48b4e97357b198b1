/* SPDX-License-Identifier: Apache-2.0 */
/* Records for the picture, and what a scrape of it says. */
#ifndef TESTS_PROMETHEUS_SCENE_H
#define TESTS_PROMETHEUS_SCENE_H

#include "base/buf.h"
#include "base/clock.h"
#include "plugins/prometheus/exposition.h"
#include "plugins/prometheus/records.h"
#include "proto/report.pb-c.h"

#include <assert.h>

#define WALL_MS INT64_C(1700000000000)
#define BOOT_NS (INT64_C(1000000) * NSEC_PER_SEC)

struct scene {
	struct picture picture;
	struct records *records;
	int64_t at_ms; /* since the scene began */
	struct scrape_counters counters;
	struct exposition_settings settings;
	enum format format;
	bool complete;
	struct buf out; /* the last scrape */
};

static inline void scene_begin(struct scene *scene, int64_t staleness)
{
	*scene = (struct scene){.settings = {.agent_info = true}};
	picture_init(&scene->picture, staleness);
	assert(records_new(&scene->picture, &scene->records) == 0);
	records_set_stream(scene->records, 1);
}

static inline void scene_end(struct scene *scene)
{
	records_free(scene->records);
	picture_done(&scene->picture);
	buf_done(&scene->out);
}

static inline int64_t scene_now(const struct scene *scene)
{
	return BOOT_NS + scene->at_ms * NSEC_PER_MSEC;
}

static inline int scene_take(struct scene *scene, Gavea__V1__Record *record)
{
	size_t size = gavea__v1__record__get_packed_size(record);
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);

	gavea__v1__record__pack(record, bytes);
	return records_apply(
		scene->records, bytes, size, scene->complete, WALL_MS + scene->at_ms, scene_now(scene));
}

static inline Gavea__V1__Record scene_record(const struct scene *scene, Gavea__V1__Record__BodyCase body)
{
	Gavea__V1__Record record = GAVEA__V1__RECORD__INIT;

	record.time_ms = WALL_MS + scene->at_ms;
	record.body_case = body;
	return record;
}

static inline int scene_check(struct scene *scene, uint32_t number, const char *name, uint64_t every_s)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_CHECK);
	Gavea__V1__Check check = GAVEA__V1__CHECK__INIT;

	check.number = number;
	check.name = (char *)name;
	check.every_ms = every_s * 1000;
	record.check = &check;
	return scene_take(scene, &record);
}

/* labels: name, value, …, NULL */
static inline int scene_series(struct scene *scene, uint32_t check, uint32_t number, const char *name,
	int type, const char *unit, const char *help, const char *const *labels)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_SERIES);
	Gavea__V1__Series series = GAVEA__V1__SERIES__INIT;
	Gavea__V1__Series__LabelsEntry entries[8], *list[8];
	size_t count = 0;

	for (; labels && labels[2 * count]; count++) {
		gavea__v1__series__labels_entry__init(&entries[count]);
		entries[count].key = (char *)labels[2 * count];
		entries[count].value = (char *)labels[2 * count + 1];
		list[count] = &entries[count];
	}
	series.check = check;
	series.number = number;
	series.name = (char *)name;
	series.type = (Gavea__V1__SampleType)type;
	series.unit = (char *)unit;
	series.help = (char *)help;
	series.labels = list;
	series.n_labels = count;
	record.series = &series;
	return scene_take(scene, &record);
}

static inline int scene_gauge(struct scene *scene, uint32_t check, uint32_t number, const char *name)
{
	return scene_series(scene, check, number, name, GAVEA__V1__SAMPLE_TYPE__GAUGE, "", "", NULL);
}

/* Samples of a run now: count series from first on, with the values 1, 2, … */
static inline int scene_samples(struct scene *scene, uint32_t check, uint32_t first, size_t count)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_SAMPLES);
	Gavea__V1__Samples samples = GAVEA__V1__SAMPLES__INIT;
	int32_t deltas[16];
	double values[16];

	assert(count <= 16);
	for (size_t i = 0; i < count; i++) {
		deltas[i] = i ? 1 : (int32_t)first;
		values[i] = (double)i + 1;
	}
	samples.check = check;
	samples.series = deltas;
	samples.values = values;
	samples.n_series = samples.n_values = count;
	record.samples = &samples;
	return scene_take(scene, &record);
}

static inline int scene_result(struct scene *scene, uint32_t check, Gavea__V1__Status state)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_RESULT);
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	Gavea__V1__Item items[3], *list[3];

	for (size_t i = 0; i < 3; i++) {
		gavea__v1__item__init(&items[i]);
		items[i].name = (char *)"item";
		items[i].status = i == 0 ? GAVEA__V1__STATUS__CRITICAL : GAVEA__V1__STATUS__OK;
		list[i] = &items[i];
	}
	result.check = check;
	result.state = result.status = state;
	result.started_at_ms = record.time_ms;
	result.state_since_ms = record.time_ms - 1500;
	result.duration_us = 2500;
	result.items = list;
	result.n_items = 3;
	record.result = &result;
	return scene_take(scene, &record);
}

static inline int scene_event(struct scene *scene, const char *kind)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_EVENT);
	Gavea__V1__Event event = GAVEA__V1__EVENT__INIT;

	event.kind = (char *)kind;
	record.event = &event;
	return scene_take(scene, &record);
}

static inline int scene_gone(struct scene *scene, uint32_t check)
{
	Gavea__V1__Record record = scene_record(scene, GAVEA__V1__RECORD__BODY_CHECK_GONE);
	Gavea__V1__CheckGone gone = GAVEA__V1__CHECK_GONE__INIT;

	gone.check = check;
	record.check_gone = &gone;
	return scene_take(scene, &record);
}

static inline const char *scene_scrape(struct scene *scene)
{
	buf_reset(&scene->out);
	assert(exposition_write(&scene->picture, &scene->settings, scene->format, scene_now(scene),
		       &scene->counters, &scene->out) == 0);
	return buf_str(&scene->out);
}

/* Whether the scrape has this line. */
static inline bool scene_says(struct scene *scene, const char *line)
{
	_cleanup_buf_ struct buf wanted = BUF_INIT, all = BUF_INIT;

	buf_printf(&wanted, "\n%s\n", line);
	buf_printf(&all, "\n%s", scene_scrape(scene));
	return strstr(buf_str(&all), buf_str(&wanted)) != NULL;
}

#endif
