/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/saved.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/sealed.h"

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

void saved_load(const char *state_directory, struct strmap *results)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	Gavea__Control__V1__SavedState *state;
	int r;

	if (asprintf(&path, "%s/checks", state_directory) < 0) {
		path = NULL;
		return;
	}
	r = sealed_read(path, MAX_BYTES, &bytes);
	if (r == -ENOENT)
		return;
	state = r < 0
		? NULL
		: gavea__control__v1__saved_state__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
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
	_cleanup_free_ char *path = NULL;

	if (!list || !pointers || asprintf(&path, "%s/checks", state_directory) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		check_describe(checks[i], &list[i]);
		pointers[i] = &list[i];
	}
	state.checks = pointers;
	state.n_checks = count;
	return sealed_write(path, &state.base);
}
