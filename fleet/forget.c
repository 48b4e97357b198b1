/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that are taken out: what will never report again, or must not be known any more. */
#include "base/log.h"
#include "fleet/writer_internal.h"

#include <errno.h>

static void leave_dirty(struct writer *writer, struct host *host)
{
	struct host **at = &writer->first_dirty;

	while (*at && *at != host)
		at = &(*at)->next_dirty;
	if (!*at)
		return;
	*at = host->next_dirty;
	if (!*at)
		writer->last_dirty = at;
}

static void drop_events(struct writer *writer, const char *agent_id)
{
	size_t kept = 0;

	for (size_t i = 0; i < writer->event_count; i++) {
		struct own_event *event = &writer->events[i];

		if (streq(event->agent_id, agent_id)) {
			free(event->host);
			free(event->summary);
		} else {
			writer->events[kept++] = *event;
		}
	}
	writer->event_count = kept;
}

static int forget_host(struct writer *writer, const char *agent_id, struct error *error)
{
	struct host *host = host_get(writer->model, agent_id);
	int r;

	if (!host)
		return error_set(error, -ENOENT, "there is no such host");
	r = store_begin(writer->store, error);
	if (r == 0)
		r = store_forget_host(writer->store, agent_id, writer->next_log_id, error);
	if (r == 0)
		r = store_commit(writer->store, error);
	if (r < 0) {
		store_rollback(writer->store);
		return r;
	}
	log_line_with(LOG_LEVEL_NOTICE,
		(const struct log_field[]){{"GAVEA_HOST", host->public.name}, {"GAVEA_HOST_ID", agent_id}}, 2,
		"host %s: forgotten", host->public.name);
	leave_dirty(writer, host);
	drop_events(writer, agent_id);
	update_lock(writer->model);
	host_remove(writer->model, host);
	atomic_fetch_add(&writer->model->generation, 1);
	update_unlock(writer->model);
	return 0;
}

void forget_run(struct writer *writer, struct writer_forget *forgets)
{
	while (forgets) {
		struct writer_forget *forget = forgets;
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = forget_host(writer, forget->agent_id, &error);

		forgets = forget->next;
		forget->done(forget, r, r < 0 ? error_text(&error, r) : NULL);
	}
}
