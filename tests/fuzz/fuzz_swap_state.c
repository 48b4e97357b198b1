/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/swap
/* What stands in the journal, and hooks as they stand in the configuration. */
#include "plugins/swap/hookspec.h"
#include "plugins/swap/state.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_state(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT;
	struct swap swap, again;

	if (state_decode(data, size, &swap, &error) < 0)
		return;
	/* What was read is written in a form that reads as the same. */
	state_encode(&swap, &first);
	if (state_decode(first.data, first.size, &again, &error) < 0)
		abort();
	state_encode(&again, &second);
	if (strcmp(buf_str(&first), buf_str(&second)) != 0)
		abort();
	state_rebase(&swap, 5, 1000, "another boot");
	if (swap.deadline_boot < 5)
		abort();
}

static void read_hook(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char *text = malloc(size + 1);
	struct hookspec hook;

	if (!text)
		return;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (hookspec_parse(text, &hook, &error) == 0) {
		if (!hook.name || hook.words.count == 0 || hook.words.list[0][0] != '/')
			abort();
		hookspec_done(&hook);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_state(data, size);
	read_hook(data, size);
	return 0;
}
