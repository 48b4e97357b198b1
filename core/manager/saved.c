/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/saved.h"
#include "base/crc32c.h"
#include "base/fd.h"
#include "base/log.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>

#define MAX_BYTES ((size_t)64 << 20)

static void free_result(void *result)
{
	gavea__v1__result__free_unpacked(result, NULL);
}

void saved_done(struct strmap *results)
{
	strmap_done(results, free_result);
}

/* The file is a crc32c and a message. */
static Gavea__Control__V1__SavedState *decode(const struct buf *bytes)
{
	uint32_t crc;

	if (bytes->size < sizeof crc)
		return NULL;
	memcpy(&crc, bytes->data, sizeof crc);
	if (le32toh(crc) != crc32c(0, bytes->data + sizeof crc, bytes->size - sizeof crc))
		return NULL;
	return gavea__control__v1__saved_state__unpack(
		NULL, bytes->size - sizeof crc, (const uint8_t *)bytes->data + sizeof crc);
}

void saved_load(const char *state_directory, struct strmap *results)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	Gavea__Control__V1__SavedState *state;

	if (asprintf(&path, "%s/checks", state_directory) < 0) {
		path = NULL;
		return;
	}
	if (file_read(AT_FDCWD, path, MAX_BYTES, &bytes) < 0)
		return;
	state = decode(&bytes);
	if (!state) {
		log_warning("%s is damaged; checks start anew", path);
		return;
	}
	for (size_t i = 0; i < state->n_checks; i++) {
		Gavea__Control__V1__CheckStatus *check = state->checks[i];
		void *old = NULL;

		if (check->result && strmap_set(results, check->name, check->result, &old) == 0)
			check->result = old;
	}
	gavea__control__v1__saved_state__free_unpacked(state, NULL);
}

int saved_write(const char *state_directory, struct check *const *checks, size_t count)
{
	Gavea__Control__V1__SavedState state = GAVEA__CONTROL__V1__SAVED_STATE__INIT;
	_cleanup_free_ Gavea__Control__V1__CheckStatus *list = calloc(count + 1, sizeof *list);
	_cleanup_free_ Gavea__Control__V1__CheckStatus **pointers = calloc(count + 1, sizeof *pointers);
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	uint32_t crc = 0;
	size_t size;

	if (!list || !pointers || asprintf(&path, "%s/checks", state_directory) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		check_describe(checks[i], &list[i]);
		pointers[i] = &list[i];
	}
	state.checks = pointers;
	state.n_checks = count;
	size = gavea__control__v1__saved_state__get_packed_size(&state);
	buf_add(&bytes, &crc, sizeof crc);
	if (!buf_extend(&bytes, size))
		return buf_error(&bytes);
	bytes.size += gavea__control__v1__saved_state__pack(&state, (uint8_t *)bytes.data + sizeof crc);
	crc = htole32(crc32c(0, bytes.data + sizeof crc, size));
	memcpy(bytes.data, &crc, sizeof crc);
	return file_write_atomic(AT_FDCWD, path, bytes.data, bytes.size, 0600);
}
