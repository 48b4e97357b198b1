/* SPDX-License-Identifier: Apache-2.0 */
/* A release is fetched by a thread, so that a tick need not wait for it. A killed one is begun again by the next tick. */
#ifndef SWAP_STAGER_H
#define SWAP_STAGER_H

#include "release.h"

struct stager;

/* Begins; settings have to outlive it. 0 or -errno. deadline: CLOCK_MONOTONIC. */
int stager_new(const struct release_settings *settings, const struct release *release, int64_t deadline,
	struct stager **ret_stager);

/* -EINPROGRESS: it is at work. Else how release_stage() ended; the error's text goes to why. */
int stager_result(struct stager *stager, char *why, size_t size);

/* Cancels, waits for the thread's end and frees. */
void stager_free(struct stager *stager);

#endif
