/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: fleet
/*
 * The body of a report, all the way: decompressed, decoded, judged, weighed against what is known, applied twice (the
 * second time nothing may count), and what became of it saved and loaded again. The first byte says whether it is zstd.
 */
#include "base/json.h"
#include "fleet/api_json.h"
#include "fleet/decode.h"
#include "fleet/internal.h"
#include "fleet/snapshot.h"
#include "fleet/update.h"

#define START_MS INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_time now = {.unix_ms = START_MS, .mono_ms = 1000};

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void show(const struct model *model, const struct host *host)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct model_counts counts;
	struct json json;

	json_init(&json, &out);
	api_host_detail(&json, &host->public, now, true);
	model_count(model, now, &counts);
	expect(counts.hosts == 1);
}

static void save_and_load(const struct model *model, const struct host *host)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const struct host *back;
	struct model *other;
	int r = snapshot_encode(model, host, &bytes);

	expect(r >= 0 && model_new(NULL, 0, &other) == 0);
	expect(snapshot_load(other, host->public.id, bytes.data, bytes.size, NULL) == 0);
	back = host_get(other, host->public.id);
	expect(r > 0 || back->public.check_count == host->public.check_count);
	expect(r > 0 || back->public.series_count == host->public.series_count);
	expect(back->sources[0].last_seq == host->sources[0].last_seq);
	model_free(other);
}

static void apply(const Gavea__V1__Report *report, struct update_scratch *scratch)
{
	struct update_plan plan;
	const struct host *host;
	struct model *model;

	expect(model_new(NULL, 0, &model) == 0);
	update_judge(model, report, START_MS, scratch, &plan);
	if (plan.verdict == UPDATE_NEW) {
		host = update_apply(model, report, "192.0.2.1", START_MS, now);
		expect(host && host->sources[0].last_seq == plan.acked_seq);
		show(model, host);
		save_and_load(model, host);
		update_judge(model, report, START_MS, scratch, &plan);
		expect(plan.verdict == UPDATE_KNOWN && plan.acked_seq == plan.last_seq);
		update_apply(model, report, "192.0.2.1", START_MS, now);
		expect(host->sources[0].last_seq == plan.acked_seq);
		show(model, host);
	}
	model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoders *decoders = decoders_new();
	struct update_scratch *scratch = update_scratch_new();
	Gavea__V1__Report *report;
	struct arena arena;
	int r;

	if (size == 0 || !decoders || !scratch)
		goto out;
	arena_init(&arena, REPORT_MEMORY_MAX);
	r = report_decode(decoders, *data & 1 ? REPORT_ZSTD : REPORT_IDENTITY, data + 1, size - 1, &arena,
		&report, NULL);
	if (r == 0)
		r = report_judge(report, NULL);
	if (r == 0)
		apply(report, scratch);
	arena_done(&arena);
out:
	update_scratch_free(scratch);
	decoders_free(decoders);
	return 0;
}
