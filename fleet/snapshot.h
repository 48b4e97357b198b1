/* SPDX-License-Identifier: Apache-2.0 */
/* A host as the store keeps it (proto/store.proto, compressed). For the writer thread, and for loading. */
#ifndef FLEET_SNAPSHOT_H
#define FLEET_SNAPSHOT_H

#include "base/buf.h"
#include "base/error.h"
#include "fleet/model.h"

struct host;

#define SNAPSHOT_PLAIN_MAX ((size_t)64 << 20) /* before it is compressed */

/* Appends the snapshot of a host. 0; 1: without its items, or without its checks and series, since it would be too
 * large; or -ENOMEM. */
int snapshot_encode(const struct model *model, const struct host *host, struct buf *out);

/* Adds a host to the model from its snapshot. 0; -EBADMSG with error filled: damaged; -ENOMEM; then there is no host. */
int snapshot_load(
	struct model *model, const char *agent_id, const void *bytes, size_t size, struct error *error);

#endif
