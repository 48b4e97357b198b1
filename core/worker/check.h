/* SPDX-License-Identifier: Apache-2.0 */
/* One check of the worker, and the job that one of its callbacks is doing. */
#ifndef CORE_WORKER_CHECK_H
#define CORE_WORKER_CHECK_H

#include "base/strmap.h"
#include "core/worker/evidence.h"
#include "core/worker/journal.h"
#include "core/worker/kv.h"
#include "core/worker/options.h"
#include "core/worker/output.h"
#include "core/worker/text.h"
#include "core/worker/thresholds.h"

#define LOG_LINES_MAX 200 /* of one callback */

/* What all checks of a worker share. */
struct services {
	const struct gavea_plugin *plugin;
	const struct gavea_host *host;
	struct channel channel;
	struct series_registry *registry;
	char *state_directory; /* NULL: none */
	/* Takes in what the host has sent meanwhile, while a callback runs; NULL: another thread does that.
	 */
	void (*pump)(void *data);
	void *pump_data;
};

enum job_kind {
	JOB_OPEN,
	JOB_CLOSE,
	JOB_RUN,
	JOB_DELIVER,
	JOB_COMMAND,
};

/* Exists while a callback runs. */
struct job {
	enum job_kind kind;
	uint64_t number;
	int64_t deadline; /* CLOCK_MONOTONIC; INT64_MAX: none */
	atomic_bool cancelled;
	struct output *output;
	bool has_status;
	int status;
	char summary[TEXT_ROOM(TEXT_SUMMARY_MAX)];
	char reason[TEXT_ROOM(TEXT_SUMMARY_MAX)]; /* of a failure; "": none was given */
	Gavea__Worker__V1__Evidence *const *evidence; /* that came with it. Borrowed */
	size_t evidence_count;
	unsigned log_lines;
	int64_t pumped_at, progress_at;
};

/* Mistakes of a plugin that are told once a check. */
enum misuse {
	MISUSE_RESULT = 1 << 0,
	MISUSE_SAMPLE = 1 << 1,
	MISUSE_OUTSIDE = 1 << 3,
};

struct check {
	struct gavea_check base; /* what the plugin gets a pointer to */
	struct services *services;
	uint32_t number;
	char *name;
	bool opened;
	char *refusal; /* why it could not be opened; NULL: that was not tried, or it could */
	bool keeps_state; /* on disk */
	void *state; /* the plugin's */
	struct options *options;
	struct thresholds *thresholds; /* NULL: none */
	struct watches watches;
	char *folder; /* NULL: none */
	char *files; /* the folder that the plugin may fill */
	struct kv kv;
	struct journal *journal;
	struct held held;
	struct job *job; /* NULL: no callback is running */
	unsigned told; /* enum misuse */
	struct strmap told_keys; /* options that were asked for wrongly */
};

static inline struct check *check_of(struct gavea_check *base)
{
	return (struct check *)base;
}

/* Makes a check that is not open. 0 or -ENOMEM. */
int check_new(struct services *services, uint32_t number, const char *name, struct check **ret_check);

/* The check must not be open. */
void check_free(struct check *check);

/* Takes over options and state of an Open message and reads the journal. 0, or -errno with error. Blocks. */
int check_prepare(struct check *check, const Gavea__Worker__V1__Open *open, struct error *error);

/* Begins and ends a callback. Ending drops uncommitted state; sent: the rest of the output has reached the
 * host. */
void check_begin(struct check *check, struct job *job);
void check_end(struct check *check, bool sent);

/* Makes the check's folder. 0, -ENOENT: there is none; or -errno. Blocks. */
int check_make_folder(struct check *check);

/* Says that the plugin does something wrong, the first time. */
void check_misuse(struct check *check, enum misuse misuse, const char *text);

#endif
