/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's state for people, and as JSON. Pure. */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include "cli/snapshot.h"
#include "cli/terminal.h"

/* The whole: agent, checks with the worst first, outputs. 0 or -ENOMEM. */
int status_text(
	const struct snapshot *snapshot, const struct terminal *terminal, int64_t now_ms, struct buf *out);

/* One check with items and samples. 0 or -ENOMEM. */
int status_text_check(
	const check_status_t *status, const struct terminal *terminal, int64_t now_ms, struct buf *out);

/* What has become of a check or an output, as one line with its time, for --watch without a terminal. */
void status_line_check(const check_status_t *status, int64_t now_ms, struct buf *out);
void status_line_output(const Gavea__Control__V1__OutputStatus *output, int64_t now_ms, struct buf *out);

/* {"agent":{},"checks":[],"outputs":[]}, one line. */
void status_json(const struct snapshot *snapshot, struct buf *out);

/* A result's members and those of the schedule, as one object. */
void status_json_check(struct json *json, const check_status_t *status);
void status_json_output(struct json *json, const Gavea__Control__V1__OutputStatus *output);

#endif
