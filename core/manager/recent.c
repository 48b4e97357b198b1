/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/recent.h"
#include "wire/segment.h"

#include <inttypes.h>
#include <stdio.h>

static Gavea__V1__Event *copy_event(const Gavea__V1__Event *event)
{
	size_t size = gavea__v1__event__get_packed_size(event);
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);

	if (!bytes)
		return NULL;
	gavea__v1__event__pack(event, bytes);
	return gavea__v1__event__unpack(NULL, size, bytes);
}

static void clear(struct recent_event *event)
{
	free(event->check);
	if (event->event)
		gavea__v1__event__free_unpacked(event->event, NULL);
}

const struct recent_event *recent_add(struct recent *recent, uint64_t seq, int64_t time_ms, const char *check,
	const Gavea__V1__Event *event)
{
	struct recent_event copy = {.seq = seq, .time_ms = time_ms, .event = copy_event(event)};

	if (check)
		copy.check = strdup(check);
	if (!copy.event || (check && !copy.check) || GROW(recent->events, recent->count, recent->room) < 0) {
		clear(&copy);
		return NULL;
	}
	if (recent->count == RECENT_MAX) {
		clear(&recent->events[0]);
		memmove(recent->events, recent->events + 1, (RECENT_MAX - 1) * sizeof *recent->events);
		recent->count--;
	}
	recent->events[recent->count] = copy;
	return &recent->events[recent->count++];
}

struct loading {
	struct recent *recent;
	struct strmap names; /* of checks, by their number in this stream */
};

static int load_record(uint64_t seq, const uint8_t *payload, size_t length, void *userdata)
{
	struct loading *loading = userdata;
	int kind = segment_record_kind(payload, length);
	Gavea__V1__Record *record;
	char number[16];
	void *old = NULL;
	char *name;

	if (kind != GAVEA_RECORD_CHECK && kind != GAVEA_RECORD_EVENT)
		return 0;
	record = gavea__v1__record__unpack(NULL, length, payload);
	if (!record)
		return 0;
	if (record->body_case == GAVEA__V1__RECORD__BODY_CHECK) {
		snprintf(number, sizeof number, "%" PRIu32, record->check->number);
		name = strdup(record->check->name);
		if (name && strmap_set(&loading->names, number, name, &old) == 0)
			name = old;
		free(name);
	} else if (record->body_case == GAVEA__V1__RECORD__BODY_EVENT) {
		snprintf(number, sizeof number, "%" PRIu32, record->event->check);
		recent_add(loading->recent, seq, record->time_ms, strmap_get(&loading->names, number),
			record->event);
	}
	gavea__v1__record__free_unpacked(record, NULL);
	return 0;
}

void recent_load(struct recent *recent, struct spool *spool)
{
	struct loading loading = {.recent = recent, .names = STRMAP_INIT};

	spool_visit(spool, load_record, &loading);
	strmap_done(&loading.names, free);
}

void recent_done(struct recent *recent)
{
	for (size_t i = 0; i < recent->count; i++)
		clear(&recent->events[i]);
	free(recent->events);
}
