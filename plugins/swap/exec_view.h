/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the observe command prints: one JSON object.
 *
 *   {"share": 500, "share_stored": 500, "generation": 1,
 *    "blue": {"servers": 2, "up": 2, "draining": 0, "sessions": 12, "queued": 0, "requests": 1000, "errors": 3,
 *             "state": "up"}, "green": {…}}
 *
 * Only "share" must be there. What is missing is not known.
 */
#ifndef SWAP_EXEC_VIEW_H
#define SWAP_EXEC_VIEW_H

#include "base/buf.h"
#include "base/error.h"
#include "traffic.h"

/* Fills in what it finds. -EBADMSG with an error that says what was expected. */
int exec_view_parse(const struct buf *text, struct traffic_view *view, struct error *error);

#endif
