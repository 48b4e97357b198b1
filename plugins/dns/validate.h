/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNSSEC validation by libunbound: a whole validating resolver inside, which begins with an empty cache each time and
 * trusts nothing but the anchors. It works on a thread of its own, so that it can be left at a deadline.
 */
#ifndef DNS_VALIDATE_H
#define DNS_VALIDATE_H

#include "settings.h"

enum validation_state {
	VALIDATION_SECURE,
	VALIDATION_INSECURE, /* proven to be unsigned, or below no trust anchor */
	VALIDATION_BOGUS,
	VALIDATION_FAILED, /* no answer to judge */
};

struct validation {
	enum validation_state state;
	unsigned rcode;
	bool has_records; /* of the type that was asked for */
	bool no_name; /* NXDOMAIN */
	char *reason; /* why it is bogus or failed, printable; may be NULL. Owned */
};

/* Blocks until `deadline` (CLOCK_MONOTONIC, nanoseconds) at most. 0; -ETIMEDOUT, -ECANCELED, or another negative errno,
 * with an error. */
int validate(const struct settings *settings, int64_t deadline, bool (*cancelled)(void *userdata),
	void *userdata, struct validation *ret, struct error *error);

void validation_done(struct validation *validation);

#endif
