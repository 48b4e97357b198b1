/* SPDX-License-Identifier: Apache-2.0 */
/* A model whose hosts say what a test wants, and the pages of it. */
#ifndef TESTS_UNIT_FLEET_WEB_FIXTURE_H
#define TESTS_UNIT_FLEET_WEB_FIXTURE_H

#include "fleet/store/store.h"
#include "fleet/update.h"
#include "fleet/web/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* 2026-01-31 12:00:00 UTC */
#define NOW_MS INT64_C(1769860800000)
static const struct model_time now = {NOW_MS, 1000000000};

struct told {
	const char *check;
	Gavea__V1__Status state; /* STATUS_UNSPECIFIED: declared only */
	const char *summary;
	int64_t since_ms; /* ago */
	const char *item; /* NULL: none; it has the check's state */
};

/* A report of this host with one result a check. The host's id is its number. */
static inline void tell(
	struct model *model, unsigned number, const char *name, const struct told *told, size_t count)
{
	static uint64_t seq = 0;
	Gavea__V1__Report report = GAVEA__V1__REPORT__INIT;
	Gavea__V1__Agent agent = GAVEA__V1__AGENT__INIT;
	Gavea__V1__Record *records = calloc(2 * count + 1, sizeof *records);
	Gavea__V1__Record **list = calloc(2 * count + 1, sizeof *list);
	Gavea__V1__Check *checks = calloc(count + 1, sizeof *checks);
	Gavea__V1__Result *results = calloc(count + 1, sizeof *results);
	Gavea__V1__Item *items = calloc(count + 1, sizeof *items),
			**item_list = calloc(count + 1, sizeof *item_list);
	char id[33];

	snprintf(id, sizeof id, "%032x", number);
	report.protocol = 1;
	report.agent_id = report.spool_id = id;
	report.stream = 1;
	report.agent = &agent;
	report.sent_at_ms = NOW_MS;
	report.next_within_ms = 60000;
	agent.name = (char *)name;
	agent.version = (char *)"1.0";
	report.records = list;
	for (size_t i = 0; i < count; i++) {
		Gavea__V1__Record *declared = &records[2 * i], *result = declared + 1;

		gavea__v1__record__init(declared);
		gavea__v1__record__init(result);
		gavea__v1__check__init(&checks[i]);
		gavea__v1__result__init(&results[i]);
		gavea__v1__item__init(&items[i]);
		declared->seq = ++seq;
		declared->body_case = GAVEA__V1__RECORD__BODY_CHECK;
		declared->check = &checks[i];
		checks[i].number = (uint32_t)i + 1;
		checks[i].name = (char *)told[i].check;
		checks[i].every_ms = 60000;
		checks[i].timeout_ms = 10000;
		list[report.n_records++] = declared;
		if (told[i].state == GAVEA__V1__STATUS__STATUS_UNSPECIFIED)
			continue;
		result->seq = ++seq;
		result->time_ms = NOW_MS;
		result->body_case = GAVEA__V1__RECORD__BODY_RESULT;
		result->result = &results[i];
		results[i].check = (uint32_t)i + 1;
		results[i].status = results[i].state = told[i].state;
		results[i].summary = (char *)told[i].summary;
		results[i].started_at_ms = NOW_MS;
		results[i].state_since_ms = NOW_MS - told[i].since_ms;
		if (told[i].item) {
			items[i].name = items[i].summary = (char *)told[i].item;
			items[i].status = told[i].state;
			item_list[i] = &items[i];
			results[i].items = &item_list[i];
			results[i].n_items = 1;
		}
		list[report.n_records++] = result;
	}
	update_lock(model);
	assert_non_null(update_apply(model, &report, "192.0.2.1", NOW_MS, now));
	update_unlock(model);
	free(records);
	free(list);
	free(checks);
	free(results);
	free(items);
	free(item_list);
}

static inline void lose(struct model *model, unsigned number, struct model_time when)
{
	char id[33];

	snprintf(id, sizeof id, "%032x", number);
	update_lock(model);
	assert_true(update_lose(model, (struct host *)(void *)model_host_find(model, id), when));
	update_unlock(model);
}

static inline struct page page_at(struct buf *out, struct model_time when)
{
	static struct asset assets[ASSET_COUNT];

	assets_init(assets);
	return (struct page){{out}, assets, when, "instance", 0};
}

/* Where a text stands, which must be there once at least. */
static inline size_t place_of(const struct buf *page, const char *text)
{
	const char *at = strstr(buf_str(page), text);

	if (!at)
		fail_msg("\"%s\" is not on the page:\n%s", text, buf_str(page));
	return (size_t)(at - buf_str(page));
}

#define assert_on(page, text) ((void)place_of(page, text))
#define assert_not_on(page, text) assert_null(strstr(buf_str(page), text))
#define assert_before(page, a, b) assert_true(place_of(page, a) < place_of(page, b))

#endif
