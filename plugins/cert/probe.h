/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One conversation with one address, from connecting to a polite end, as a state machine on a non-blocking socket. The
 * caller waits for the socket (edge-triggered, both ways) and watches the clock.
 */
#ifndef CERT_PROBE_H
#define CERT_PROBE_H

#include "endpoint.h"
#include "judge.h"

#include "kit/resolve.h"

#include <openssl/ssl.h>

struct probe_settings {
	SSL_CTX *tls; /* made by tls_context_new() */
	const struct judge_settings *judge;
	const char *server_name; /* for SNI and the certificate; NULL: the endpoint's host */
	bool verify;
	bool has_client_certificate;
	int64_t connect_timeout; /* nanoseconds */
};

/* What came of it. */
struct outcome {
	struct verdict verdict;
	const char *protocol; /* "TLSv1.3"; NULL: there was no handshake. Constant. */
	const char *cipher; /* likewise */
	bool client_certificate_asked;
	int64_t connect_time; /* nanoseconds; 0: not reached */
	int64_t handshake_time;
};

struct probe;

/*
 * Begins to connect. outcome is filled as it goes, until the probe is freed. now and deadline are on CLOCK_MONOTONIC.
 * NULL when it is over already (outcome says why).
 */
struct probe *probe_new(const struct probe_settings *settings, const struct endpoint *endpoint,
	const union address *address, int64_t now, int64_t deadline, struct outcome *outcome);
void probe_free(struct probe *probe);

/* The socket to wait for; the same all the time. */
int probe_fd(const struct probe *probe);

/* Goes on as far as it can without waiting. True: it is over. */
bool probe_step(struct probe *probe, int64_t now);

/* When it wants to be told that time has passed. */
int64_t probe_deadline(const struct probe *probe);
/* Time has passed: says so in outcome where that matters. Over when true; else there is a new deadline. */
bool probe_expire(struct probe *probe, int64_t now);

/* The run ends before the probe does: says so in outcome, unless all that matters was seen. */
void probe_abandon(struct probe *probe);

#endif
