/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's certificate, as the output uses it: found in its folder, seen to be this machine's, and renewed when two
 * thirds of its life have passed. Where there is none, or another machine's, and a token for enrolment is configured,
 * one is got with that.
 */
#ifndef FLEET_IDENTITY_H
#define FLEET_IDENTITY_H

#include "base/error.h"

#include <gavea/plugin.h>

#include <stdbool.h>

struct identity;

struct identity_settings {
	const char *url; /* of the server */
	const char *folder; /* NULL: the check's own, which need not be there */
	const char *ca_file;
	const struct gavea_secret *enroll_token; /* NULL: none */
	int64_t request_timeout; /* nanoseconds */
};

/* 0 or -ENOMEM. Strings are copied; the check must outlive it. */
int identity_new(
	struct gavea_check *check, const struct identity_settings *settings, struct identity **ret_identity);
void identity_free(struct identity *identity);

/* Before a delivery: sees to the certificate. 0: there is one for this agent, or none is wanted; -errno with error: there
 * is one that must not be used. *ret_changed: connections with the one before are to be closed. Blocks when it enrols or
 * renews. */
int identity_prepare(
	struct identity *identity, struct gavea_batch *batch, bool *ret_changed, struct error *error);

/* The server does not take the certificate: another one is got when a token for that is configured. */
void identity_reject(struct identity *identity);

/* The file with key and certificate, and the authority in it if there is one; NULL: there is none. */
const char *identity_file(const struct identity *identity);
bool identity_pinned(const struct identity *identity);

#endif
