/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hook as it is written in the configuration:
 *
 *   PHASE/NAME [timeout=10min] [retry=2] [on_failure=abort] [status=yes] [irreversible=yes] -- PROGRAM [ARGUMENT…]
 *
 * Phases: before, migrate, deploy, smoke, after, done, failed. The hook of a phase run one after the other, in the order of
 * the configuration.
 */
#ifndef SWAP_HOOKSPEC_H
#define SWAP_HOOKSPEC_H

#include "base/error.h"
#include "words.h"

#include <stdbool.h>
#include <stdint.h>

#define HOOKS_MAX 64
#define HOOK_RETRY_MAX 10

enum phase {
	PHASE_BEFORE,
	PHASE_MIGRATE,
	PHASE_DEPLOY,
	PHASE_SMOKE,
	PHASE_AFTER,
	PHASE_DONE,
	PHASE_FAILED,
	PHASES,
};

enum on_failure {
	ON_FAILURE_ABORT, /* go back; the release may be tried again */
	ON_FAILURE_ROLLBACK, /* go back, and ban the release */
	ON_FAILURE_FREEZE, /* ask a person */
	ON_FAILURE_CONTINUE,
	ON_FAILURES,
};

struct hookspec {
	enum phase phase;
	char *name; /* [a-z0-9_-]+, owned */
	struct words words; /* program and arguments */
	int64_t timeout; /* nanoseconds, of one attempt */
	unsigned retry; /* attempts after the first */
	enum on_failure on_failure;
	bool status; /* it can tell by GAVEA_HOOK_ACTION=status whether it was done */
	bool irreversible; /* once begun there is no way back but by a person */
};

/* -EINVAL with an error that says what was expected and at which place of the text. */
int hookspec_parse(const char *text, struct hookspec *ret_hook, struct error *error);
void hookspec_done(struct hookspec *hook);

const char *phase_name(enum phase phase);
const char *on_failure_name(enum on_failure on_failure);

#endif
