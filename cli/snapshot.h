/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon has told about itself, its checks and its outputs, and keeps telling with follow. */
#ifndef CLI_SNAPSHOT_H
#define CLI_SNAPSHOT_H

#include "agent/result_json.h"
#include "cli/client.h"

struct snapshot {
	Gavea__Control__V1__AgentStatus *agent; /* NULL: not told yet */
	check_status_t **checks; /* by name */
	size_t check_count;
	size_t check_room;
	Gavea__Control__V1__OutputStatus **outputs; /* by name */
	size_t output_count;
	size_t output_room;
};

void snapshot_done(struct snapshot *snapshot);
#define _cleanup_snapshot_ _cleanup_(snapshot_done)

/* What is known of that name; NULL: nothing. */
const check_status_t *snapshot_check(const struct snapshot *snapshot, const char *name);
const Gavea__Control__V1__OutputStatus *snapshot_output(const struct snapshot *snapshot, const char *name);

/* Takes what is in the answer, replacing what was known of the same name. 0 or -ENOMEM. */
int snapshot_take(struct snapshot *snapshot, answer_t *answer);

/* Adds a further part of an answer to a check: its items and samples are moved to the first part. 0 or
 * -ENOMEM. */
int check_status_merge(check_status_t *status, check_status_t *part);

/* The status that counts (after attempts); unknown when it never ran. */
enum gavea_status check_status_state(const check_status_t *status);

/* The samples in the form that the JSON writer takes; NULL: no memory. Borrows the series. */
struct result_sample *check_status_samples(const check_status_t *status);

#endif
