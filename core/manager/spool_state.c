/* SPDX-License-Identifier: Apache-2.0 */
/* What the spool keeps of itself beside its segments: which machine wrote it, what was dropped, and for each output how
 * far records were handed out, which is on disk before they are. */
#include "base/log.h"
#include "core/manager/sealed.h"
#include "core/manager/spool_internal.h"
#include "proto/control.pb-c.h"

#include <errno.h>
#include <stdio.h>

#define STATE_FILE "spool-state"
#define STATE_MAX_BYTES ((size_t)256 << 10)

static int find_class(const char *name)
{
	for (int class = 0; class < DROP_CLASSES; class ++)
		if (streq(drop_class_name((enum drop_class) class), name))
			return class;
	return -1;
}

static int find_cause(const char *name)
{
	for (int cause = 0; cause < DROP_CAUSES; cause++)
		if (streq(drop_cause_name((enum drop_cause)cause), name))
			return cause;
	return -1;
}

static void take_drops(struct spool *spool, const Gavea__Control__V1__SavedSpool *state)
{
	for (size_t i = 0; i < state->n_drops; i++) {
		int class = find_class(state->drops[i]->class_);
		int cause = find_cause(state->drops[i]->cause);

		if (class >= 0 && cause >= 0)
			spool->dropped[class][cause] = state->drops[i]->records;
	}
	if (state->dropped_since_ms > 0)
		spool->dropped_since_ms = state->dropped_since_ms;
}

static void take_cursors(struct spool *spool, const Gavea__Control__V1__SavedSpool *state)
{
	spool->saved = calloc(state->n_cursors + 1, sizeof *spool->saved);
	for (size_t i = 0; spool->saved && i < state->n_cursors; i++) {
		const Gavea__Control__V1__SavedCursor *cursor = state->cursors[i];
		char *name = strdup(cursor->name);

		if (name)
			spool->saved[spool->saved_count++] = (struct saved_cursor){
				name, cursor->sent_seq, cursor->boundary_seq, cursor->unprobed};
	}
}

void spool_state_done(struct spool *spool)
{
	for (size_t i = 0; i < spool->saved_count; i++)
		free(spool->saved[i].name);
	free(TAKE_PTR(spool->saved));
	spool->saved_count = 0;
}

uint64_t spool_state_sent(const struct spool *spool)
{
	uint64_t seq = 0;

	for (size_t i = 0; i < spool->saved_count; i++)
		seq = MAX(seq, spool->saved[i].sent);
	return seq;
}

void spool_state_apply(struct spool *spool, struct spool_cursor *cursor)
{
	cursor->sent = cursor->boundary = spool->recovered_seq;
	cursor->unprobed = true;
	spool->unsaved = true;
	for (size_t i = 0; i < spool->saved_count; i++) {
		const struct saved_cursor *saved = &spool->saved[i];

		if (!streq(saved->name, cursor->name))
			continue;
		cursor->sent = saved->sent;
		if (saved->unprobed)
			cursor->boundary = saved->boundary;
	}
}

static int state_path(const struct spool *spool, char **ret_path)
{
	return asprintf(ret_path, "%s/" STATE_FILE, spool->folder_path) < 0 ? -ENOMEM : 0;
}

void spool_state_load(struct spool *spool)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	Gavea__Control__V1__SavedSpool *state = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	spool->dropped_since_ms = spool->unix_ms();
	spool->unsaved = true;
	if (state_path(spool, &path) < 0) {
		path = NULL;
		return;
	}
	r = sealed_read(path, STATE_MAX_BYTES, &bytes);
	if (r == 0)
		state = gavea__control__v1__saved_spool__unpack(
			NULL, bytes.size, (const uint8_t *)bytes.data);
	if (!state) {
		if (r != -ENOENT)
			log_warning("spool: %s is damaged; drops are counted anew", path);
		return;
	}
	take_drops(spool, state);
	take_cursors(spool, state);
	spool->unsaved = !streq(state->machine_id, spool->machine_id);
	if (spool->unsaved && *state->machine_id && *spool->machine_id)
		spool->findings |= SPOOL_CLONED;
	gavea__control__v1__saved_spool__free_unpacked(state, NULL);
}

struct state_lists {
	Gavea__Control__V1__SpoolDrop drops[DROP_CLASSES * DROP_CAUSES];
	Gavea__Control__V1__SpoolDrop *drop_pointers[DROP_CLASSES * DROP_CAUSES];
	Gavea__Control__V1__SavedCursor *cursors, **cursor_pointers;
};

static void put_drops(
	const struct spool *spool, struct state_lists *lists, Gavea__Control__V1__SavedSpool *state)
{
	for (int class = 0; class < DROP_CLASSES; class ++)
		for (int cause = 0; cause < DROP_CAUSES; cause++) {
			Gavea__Control__V1__SpoolDrop *drop = &lists->drops[state->n_drops];

			if (spool->dropped[class][cause] == 0)
				continue;
			gavea__control__v1__spool_drop__init(drop);
			drop->class_ = (char *)drop_class_name((enum drop_class) class);
			drop->cause = (char *)drop_cause_name((enum drop_cause)cause);
			drop->records = spool->dropped[class][cause];
			lists->drop_pointers[state->n_drops++] = drop;
		}
	state->drops = lists->drop_pointers;
}

static void put_cursor(struct state_lists *lists, Gavea__Control__V1__SavedSpool *state, const char *name,
	uint64_t sent, bool unprobed, uint64_t boundary)
{
	Gavea__Control__V1__SavedCursor *cursor = &lists->cursors[state->n_cursors];

	gavea__control__v1__saved_cursor__init(cursor);
	cursor->name = (char *)name;
	cursor->sent_seq = sent;
	cursor->unprobed = unprobed;
	cursor->boundary_seq = boundary;
	lists->cursor_pointers[state->n_cursors++] = cursor;
}

static bool is_open(const struct spool *spool, const char *name)
{
	for (size_t i = 0; i < spool->cursor_count; i++)
		if (streq(spool->cursors[i]->name, name))
			return true;
	return false;
}

/* Those that are open, and those that were loaded and are not open yet. */
static int put_cursors(
	const struct spool *spool, struct state_lists *lists, Gavea__Control__V1__SavedSpool *state)
{
	size_t count = spool->cursor_count + spool->saved_count;

	lists->cursors = calloc(count + 1, sizeof *lists->cursors);
	lists->cursor_pointers = calloc(count + 1, sizeof *lists->cursor_pointers);
	if (!lists->cursors || !lists->cursor_pointers)
		return -ENOMEM;
	for (size_t i = 0; i < spool->cursor_count; i++) {
		const struct spool_cursor *cursor = spool->cursors[i];

		put_cursor(lists, state, cursor->name, cursor->sent, cursor->unprobed, cursor->boundary);
	}
	for (size_t i = 0; i < spool->saved_count; i++) {
		const struct saved_cursor *saved = &spool->saved[i];

		if (!is_open(spool, saved->name))
			put_cursor(lists, state, saved->name, saved->sent, saved->unprobed, saved->boundary);
	}
	state->cursors = lists->cursor_pointers;
	return 0;
}

void spool_state_save(struct spool *spool)
{
	Gavea__Control__V1__SavedSpool state = GAVEA__CONTROL__V1__SAVED_SPOOL__INIT;
	struct state_lists lists = {.cursors = NULL};
	_cleanup_free_ char *path = NULL;

	if (!spool->unsaved || spool->folder < 0 || spool->disk_error[0])
		return;
	if (state_path(spool, &path) < 0) {
		path = NULL;
		return;
	}
	state.machine_id = spool->machine_id;
	state.dropped_since_ms = spool->dropped_since_ms;
	put_drops(spool, &lists, &state);
	if (put_cursors(spool, &lists, &state) == 0 && sealed_write(path, &state.base) == 0)
		spool->unsaved = false;
	free(lists.cursors);
	free(lists.cursor_pointers);
}
