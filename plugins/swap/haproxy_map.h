/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy's map file as text: a key and its value a line, comments from "#" at a line's beginning. A key that stands there
 * more than once gets the same value everywhere, since which one counts depends on the kind of map.
 */
#ifndef SWAP_HAPROXY_MAP_H
#define SWAP_HAPROXY_MAP_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether this may be a key: letters, digits and . _ - alone, so that neither map nor command line can misread it. */
bool haproxy_map_key_valid(const char *key);

/* Appends the text to out with the key's value changed, or the key added at the end; the rest byte for byte. */
void haproxy_map_edit(const struct buf *text, const char *key, uint32_t value, struct buf *out);

/* 0, or -ENOENT: it is not there, has no number up to UINT32_MAX for a value, or several that differ. */
int haproxy_map_find(const struct buf *text, const char *key, uint32_t *ret_value);

/* The same in the file. Block; see replace.h. */
int haproxy_map_store(
	const char *path, const char *key, uint32_t value, int64_t deadline, struct error *error);
int haproxy_map_load(const char *path, const char *key, uint32_t *ret_value, struct error *error);

#endif
