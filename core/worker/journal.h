/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a check's operations: what is being changed on this host, written before it is done. A file
 * of records that is only appended to, each made durable before the call returns:
 *
 *   "gavea-opsjrnl\n\0\0", u32 version (1), then records: u32 length, u32 crc32c, payload
 *   payload: u8 type (1 begin, 2 intent, 3 done, 4 end), u64 operation, u8 name length, name, detail
 *
 * All little-endian. A record that a crash cut off at the end is dropped: its call had not returned. Any
 * other damage is a matter for a person.
 */
#ifndef CORE_WORKER_JOURNAL_H
#define CORE_WORKER_JOURNAL_H

#include "base/error.h"

#include <gavea/plugin.h>

#define JOURNAL_OPERATIONS_MAX 64 /* at the same time */
#define JOURNAL_DETAIL_MAX (64u * 1024)
#define JOURNAL_COMPACT_SIZE (4u * 1024 * 1024)

struct journal;

/*
 * Opens the journal at path (copied; NULL: it lives in memory only), which need not exist. 0; -EBADMSG: it is
 * damaged, and error says where it was put and what to do; it stays refused until that file has been removed;
 * or -errno with error filled. Blocks.
 */
int journal_open(const char *path, struct journal **ret_journal, struct error *error);
void journal_free(struct journal *journal);
DEFINE_CLEANUP(struct journal *, journal_free);

/* As in plugin.h. The folder of the file has to exist by then. -ENOSPC: there are JOURNAL_OPERATIONS_MAX;
 * -EIO: an earlier write failed in a way that leaves the file in doubt. Block. */
int journal_begin(struct journal *journal, const char *name, struct gavea_operation **ret_operation);
int journal_step(struct gavea_operation *operation, const char *step, const void *detail, size_t size);
int journal_done(struct gavea_operation *operation, const char *step);
int journal_end(struct gavea_operation *operation);

/* An operation or one of its steps that has ended, for traces. All borrowed. */
struct journal_span {
	const char *name;
	const uint8_t *trace_id; /* 16 bytes: one trace for each operation */
	const uint8_t *span_id; /* 8 bytes */
	const uint8_t *parent_id; /* of a step: its operation's; NULL: an operation */
	int64_t start_us; /* since 1970 */
	int64_t duration_us;
	const char *error; /* NULL: it went well, as far as the journal knows */
	bool resumed; /* began before this process, which measured from its own beginning */
};

/* From now on ended() is called for each, from within the functions above, once it is durable. */
void journal_trace(struct journal *journal, void (*ended)(const struct journal_span *span, void *userdata),
	void *userdata);

struct gavea_operation *journal_next(struct journal *journal, const struct gavea_operation *after);
const char *journal_name(const struct gavea_operation *operation);
const char *journal_last(
	const struct gavea_operation *operation, bool *ret_done, const void **ret_detail, size_t *ret_size);

#endif
