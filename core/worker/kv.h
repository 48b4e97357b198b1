/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key-value state of one check: small, in memory, and on disk as one file that is replaced as a whole.
 *
 *   "gavea-state\n", u32 version (1), u32 crc32c of the rest, then for each value: u32 key length, u32 value
 * length, key, value; little-endian, in the order of the keys.
 */
#ifndef CORE_WORKER_KV_H
#define CORE_WORKER_KV_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

#define KV_KEY_MAX 255
#define KV_VALUE_MAX (64u * 1024)
#define KV_TOTAL_MAX (1024u * 1024) /* of keys and values */

struct kv_entry {
	char *key;
	void *value;
	size_t size;
};

struct kv {
	char *path; /* NULL: in memory only */
	bool loaded;
	bool changed; /* since the last commit */
	struct kv_entry *entries; /* by key */
	size_t count;
	size_t room;
	size_t total;
	struct buf committed; /* the body of the file as it was committed last */
};

/* path is copied; NULL: nothing is written to disk. The file is read when it is first needed. 0 or -ENOMEM.
 */
int kv_init(struct kv *kv, const char *path);
void kv_done(struct kv *kv);

/* Reads the file unless that has been done. 0; 1: it was damaged and has been set aside, and error says so;
 * or -errno with error filled. Blocks. */
int kv_load(struct kv *kv, struct error *error);

/* The value, borrowed until the next change; -ENOENT. */
int kv_get(const struct kv *kv, const char *key, const void **ret_value, size_t *ret_size);

/* Sets a value, or removes it (value is NULL). 0, -EINVAL, -E2BIG, -ENOMEM. */
int kv_set(struct kv *kv, const char *key, const void *value, size_t size);

/* Writes the changes, so that after a crash all of them are there or none. 0 or -errno. Blocks. */
int kv_commit(struct kv *kv);

/* Drops the changes since the last commit. */
void kv_rollback(struct kv *kv);

#endif
