/* SPDX-License-Identifier: Apache-2.0 */
/* What the store has becomes the model. */
#include "fleet/writer_internal.h"

#include "base/log.h"
#include "fleet/snapshot.h"

#include <errno.h>

struct loading {
	struct writer *writer;
	struct decoders *decoders;
	struct model_time now;
	struct error *error;
	size_t replayed, skipped;
	struct strmap forgotten; /* agent_id to uint64_t: before this id of the log */
};

static int load_host(const char *agent_id, uint64_t log_id, const void *snapshot, size_t size, void *userdata)
{
	struct loading *loading = userdata;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = snapshot_load(loading->writer->model, agent_id, snapshot, size, &error);
	struct host *host = host_get(loading->writer->model, agent_id);

	if (host)
		host->last_log_id = log_id;
	loading->writer->next_log_id = MAX(loading->writer->next_log_id, log_id + 1);
	if (r != -EBADMSG)
		return r;
	/* The others must not suffer for it. */
	log_error("%s: it will be known again with its next report", error_text(&error, r));
	return 0;
}

static int replay(struct loading *loading, const struct store_report *row, struct arena *arena)
{
	struct writer *writer = loading->writer;
	Gavea__V1__Report *report;
	struct update_plan plan;
	const uint64_t *forgotten;
	struct host *host;
	int encoding = report_encoding_from_name(row->encoding);
	int r = encoding < 0 ? encoding
			     : report_decode(loading->decoders, (enum report_encoding)encoding, row->body,
				       row->size, arena, &report, NULL);

	if (r == 0)
		r = report_judge(report, NULL);
	if (r < 0)
		return r;
	forgotten = strmap_get(&loading->forgotten, report->agent_id);
	if (forgotten && row->id < *forgotten)
		return 0;
	host = host_get(writer->model, report->agent_id);
	if (host && row->id <= host->last_log_id)
		return 0;
	update_judge(writer->model, report, row->received_ms, writer->scratch, &plan);
	if (plan.verdict != UPDATE_NEW && plan.verdict != UPDATE_KNOWN)
		return -EINVAL;
	host = update_apply(writer->model, report, row->address, row->received_ms, loading->now);
	/* Half of it would soon be saved as if it were all. */
	if (!host || writer->model->starved > 0)
		return -ENOMEM;
	writer_mark_dirty(writer, host, row->id, loading->now.mono_ms);
	loading->replayed++;
	return 0;
}

static int load_report(const struct store_report *row, void *userdata)
{
	struct loading *loading = userdata;
	struct arena arena;
	int r;

	if (loading->writer->trimmed_to == 0)
		loading->writer->trimmed_to = row->id;
	arena_init(&arena, REPORT_MEMORY_MAX);
	r = replay(loading, row, &arena);
	arena_done(&arena);
	loading->writer->next_log_id = MAX(loading->writer->next_log_id, row->id + 1);
	if (r == -ENOMEM)
		return r;
	loading->skipped += r < 0;
	return 0;
}

static int load_forgotten(const char *agent_id, uint64_t before_log_id, void *userdata)
{
	struct loading *loading = userdata;
	_cleanup_free_ uint64_t *before = malloc(sizeof *before);

	if (!before)
		return -ENOMEM;
	*before = before_log_id;
	loading->writer->next_log_id = MAX(loading->writer->next_log_id, before_log_id);
	if (strmap_set(&loading->forgotten, agent_id, before, NULL) < 0)
		return -ENOMEM;
	before = NULL;
	return 0;
}

int writer_load(struct writer *writer, struct decoders *decoders, struct error *error)
{
	struct loading loading = {
		.writer = writer, .decoders = decoders, .now = model_time_now(), .error = error};
	int r;

	update_lock(writer->model);
	r = store_load_hosts(writer->store, load_host, &loading, error);
	if (r == 0)
		r = store_load_forgotten(writer->store, load_forgotten, &loading, error);
	if (r == 0)
		r = store_load_reports(writer->store, load_report, &loading, error);
	strmap_done(&loading.forgotten, free);
	if (writer->trimmed_to == 0)
		writer->trimmed_to = writer->next_log_id;
	update_extend(writer->model, loading.now);
	update_unlock(writer->model);
	if (r == -ENOMEM)
		error_set(error, r, "out of memory");
	if (loading.skipped > 0)
		log_warning("%zu reports of the log could not be replayed", loading.skipped);
	if (r == 0)
		log_info("%zu hosts, %zu reports replayed", writer->model->host_count, loading.replayed);
	return r;
}
