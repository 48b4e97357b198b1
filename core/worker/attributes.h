/* SPDX-License-Identifier: Apache-2.0 */
/* The map<string, string> of a message, built in an arena. */
#ifndef CORE_WORKER_ATTRIBUTES_H
#define CORE_WORKER_ATTRIBUTES_H

#include "core/worker/arena.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#define ATTRIBUTES_MAX 64 /* of one item, event or span, */
#define ATTRIBUTES_BYTES (32u * 1024) /* and when there are this many bytes, no more are taken */

struct attributes {
	void **list; /* entries of the map's type, in the arena */
	size_t count;
	size_t room;
	size_t bytes; /* about, encoded */
};

/*
 * Sets a value. The entry type must be that of a map from string to string. Returns the bytes by which the
 * message has grown, or -E2BIG when one message has too many, -ENOMEM, -EINVAL (no name).
 */
long attributes_set(struct attributes *attributes, struct arena *arena,
	const ProtobufCMessageDescriptor *entry_type, const char *name, const char *value);

#endif
