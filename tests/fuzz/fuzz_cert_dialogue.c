/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/cert
/*
 * What servers say before TLS and after it: the first byte chooses the protocol, the second how many bytes come at once,
 * the rest is what comes.
 */
#include "plugins/cert/dialogue.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void talk(struct dialogue *dialogue, struct buf *in, struct buf *out, const uint8_t *data, size_t size,
	size_t step)
{
	struct error error = ERROR_INIT;
	bool secret = false;
	int r = DIALOGUE_MORE;

	for (size_t at = 0; at < size && r >= 0; at += step) {
		buf_add(in, data + at, MIN(step, size - at));
		r = secret ? dialogue_farewell_feed(dialogue, in, out)
			   : dialogue_feed(dialogue, in, out, &error);
		if (r == DIALOGUE_READY && secret)
			break;
		if (r == DIALOGUE_READY && in->size)
			abort();
		if (r == DIALOGUE_READY)
			secret = dialogue_farewell(dialogue, out) == DIALOGUE_MORE;
		if (r == DIALOGUE_READY && !secret)
			break;
	}
	if (r < 0 && !error.message)
		abort();
	error_done(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct dialogue dialogue;

	if (size < 2)
		return 0;
	if (dialogue_begin(&dialogue, (enum starttls)(data[0] % (STARTTLS_SIEVE + 1)), "host.test", &out) ==
		DIALOGUE_MORE)
		talk(&dialogue, &in, &out, data + 2, size - 2, (size_t)data[1] + 1);
	buf_done(&in);
	buf_done(&out);
	return 0;
}
