/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/kv.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

#define HEADER_SIZE 20
#define FILE_MAX (2u * KV_TOTAL_MAX + 64u * 1024)

static const char magic[12] = "gavea-state\n";

int kv_init(struct kv *kv, const char *path)
{
	*kv = (struct kv){.committed = BUF_INIT};
	if (!path)
		return 0;
	kv->path = strdup(path);
	return kv->path ? 0 : -ENOMEM;
}

static void forget(struct kv *kv)
{
	for (size_t i = 0; i < kv->count; i++) {
		free(kv->entries[i].key);
		free(kv->entries[i].value);
	}
	kv->count = 0;
	kv->total = 0;
	kv->changed = false;
}

void kv_done(struct kv *kv)
{
	forget(kv);
	free(kv->entries);
	free(kv->path);
	buf_done(&kv->committed);
	*kv = (struct kv){.committed = BUF_INIT};
}

/* Where a key is, or where it belongs. */
static size_t position(const struct kv *kv, const char *key, bool *ret_found)
{
	size_t low = 0, high = kv->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(kv->entries[middle].key, key);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static void remove_at(struct kv *kv, size_t at)
{
	struct kv_entry *entry = &kv->entries[at];

	kv->total -= strlen(entry->key) + entry->size;
	free(entry->key);
	free(entry->value);
	memmove(entry, entry + 1, (--kv->count - at) * sizeof *entry);
}

static int insert_at(
	struct kv *kv, size_t at, const char *key, size_t key_length, const void *value, size_t size)
{
	_cleanup_free_ char *key_copy = strndup(key, key_length);
	_cleanup_free_ void *value_copy = malloc(size ? size : 1);

	if (!key_copy || !value_copy || GROW(kv->entries, kv->count, kv->room) < 0)
		return -ENOMEM;
	if (size)
		memcpy(value_copy, value, size);
	memmove(&kv->entries[at + 1], &kv->entries[at], (kv->count - at) * sizeof *kv->entries);
	kv->entries[at] = (struct kv_entry){TAKE_PTR(key_copy), TAKE_PTR(value_copy), size};
	kv->count++;
	kv->total += key_length + size;
	return 0;
}

/* Fills the entries from the body of a file. 0, -ENOMEM, or -EBADMSG. */
static int parse(struct kv *kv, const char *bytes, size_t size)
{
	while (size > 0) {
		uint32_t key_length, value_length;
		int r;

		if (size < 8)
			return -EBADMSG;
		key_length = get_le32(bytes);
		value_length = get_le32(bytes + 4);
		bytes += 8;
		size -= 8;
		if (key_length == 0 || key_length > KV_KEY_MAX || value_length > KV_VALUE_MAX ||
			size < (size_t)key_length + value_length || memchr(bytes, 0, key_length))
			return -EBADMSG;
		r = insert_at(kv, kv->count, bytes, key_length, bytes + key_length, value_length);
		if (r < 0)
			return r;
		if (kv->count > 1 &&
			strcmp(kv->entries[kv->count - 2].key, kv->entries[kv->count - 1].key) >= 0)
			return -EBADMSG;
		bytes += key_length + value_length;
		size -= key_length + value_length;
	}
	return 0;
}

static int set_aside(struct kv *kv, struct error *error)
{
	_cleanup_free_ char *aside = NULL;

	forget(kv);
	if (asprintf(&aside, "%s.corrupt", kv->path) < 0)
		return -ENOMEM;
	if (rename(kv->path, aside) < 0)
		return error_set(error, -errno, "the saved state %s is damaged and cannot be set aside: %s",
			kv->path, strerror(errno));
	kv->loaded = true;
	error_set(error, 0, "the saved state was damaged: it begins anew, and the old file is kept as %s",
		aside);
	return 1;
}

int kv_load(struct kv *kv, struct error *error)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	int r;

	if (kv->loaded || !kv->path) {
		kv->loaded = true;
		return 0;
	}
	r = file_read(AT_FDCWD, kv->path, FILE_MAX, &file);
	if (r == -ENOENT) {
		kv->loaded = true;
		return 0;
	}
	if (r == -EFBIG)
		return set_aside(kv, error);
	if (r < 0)
		return error_set(error, r, "cannot read the saved state %s: %s", kv->path, strerror(-r));
	if (file.size < HEADER_SIZE || memcmp(file.data, magic, sizeof magic) != 0 ||
		get_le32(file.data + 12) != 1 ||
		get_le32(file.data + 16) != crc32c(0, file.data + HEADER_SIZE, file.size - HEADER_SIZE))
		return set_aside(kv, error);
	r = parse(kv, file.data + HEADER_SIZE, file.size - HEADER_SIZE);
	if (r == -EBADMSG)
		return set_aside(kv, error);
	if (r == 0) {
		buf_reset(&kv->committed);
		buf_add(&kv->committed, file.data + HEADER_SIZE, file.size - HEADER_SIZE);
		r = buf_error(&kv->committed);
	}
	if (r < 0) {
		forget(kv);
		return error_set(error, r, "cannot keep the saved state: %s", strerror(-r));
	}
	kv->loaded = true;
	return 0;
}

int kv_get(const struct kv *kv, const char *key, const void **ret_value, size_t *ret_size)
{
	bool found;
	size_t at = position(kv, key, &found);

	if (!found)
		return -ENOENT;
	*ret_value = kv->entries[at].value;
	*ret_size = kv->entries[at].size;
	return 0;
}

int kv_set(struct kv *kv, const char *key, const void *value, size_t size)
{
	size_t key_length = strnlen(key, KV_KEY_MAX + 1), at, old = 0;
	bool found;
	int r;

	if (key_length == 0)
		return -EINVAL;
	if (key_length > KV_KEY_MAX || (value && size > KV_VALUE_MAX))
		return -E2BIG;
	at = position(kv, key, &found);
	if (found)
		old = key_length + kv->entries[at].size;
	if (!value) {
		if (found)
			remove_at(kv, at);
		kv->changed |= found;
		return 0;
	}
	if (kv->total - old + key_length + size > KV_TOTAL_MAX)
		return -E2BIG;
	/* Behind the old one first: value may lie in it. */
	r = insert_at(kv, found ? at + 1 : at, key, key_length, value, size);
	if (r < 0)
		return r;
	if (found)
		remove_at(kv, at);
	kv->changed = true;
	return 0;
}

static void serialize(const struct kv *kv, struct buf *out)
{
	for (size_t i = 0; i < kv->count; i++) {
		char lengths[8];

		put_le32(lengths, (uint32_t)strlen(kv->entries[i].key));
		put_le32(lengths + 4, (uint32_t)kv->entries[i].size);
		buf_add(out, lengths, sizeof lengths);
		buf_add_str(out, kv->entries[i].key);
		buf_add(out, kv->entries[i].value, kv->entries[i].size);
	}
}

int kv_commit(struct kv *kv)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	char header[HEADER_SIZE] = {0};
	int r;

	if (!kv->changed)
		return 0;
	buf_add(&file, header, sizeof header);
	serialize(kv, &file);
	if (buf_error(&file) < 0)
		return buf_error(&file);
	memcpy(file.data, magic, sizeof magic);
	put_le32(file.data + 12, 1);
	put_le32(file.data + 16, crc32c(0, file.data + HEADER_SIZE, file.size - HEADER_SIZE));
	if (kv->path) {
		r = file_write_atomic(AT_FDCWD, kv->path, file.data, file.size, 0600);
		if (r < 0)
			return r;
	}
	buf_reset(&kv->committed);
	buf_add(&kv->committed, file.data + HEADER_SIZE, file.size - HEADER_SIZE);
	kv->changed = false;
	return buf_error(&kv->committed);
}

void kv_rollback(struct kv *kv)
{
	if (!kv->changed)
		return;
	forget(kv);
	/* What was committed has been parsed before; when memory runs out it is read from disk again. */
	if (parse(kv, kv->committed.data, kv->committed.size) < 0) {
		forget(kv);
		kv->loaded = kv->path == NULL;
	}
}
