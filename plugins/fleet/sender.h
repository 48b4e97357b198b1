/* SPDX-License-Identifier: Apache-2.0 */
/* Puts an encoded report into the form and compression that were asked for, and posts it. */
#ifndef FLEET_SENDER_H
#define FLEET_SENDER_H

#include "answer.h"

#include <gavea/plugin.h>

/* What goes over the wire, and what it may unfold to. */
#define SENDER_MAX_BODY ((size_t)512 * 1024)
#define SENDER_MAX_RAW ((size_t)4 * 1024 * 1024)

struct sender;

struct sender_settings {
	const char *url; /* whole: reports are posted to just this */
	const char *ca_file;
	const char *identity_file; /* key and certificate in PEM; NULL: none */
	enum format format;
	bool compress;
	bool insecure;
	const struct gavea_secret *token; /* NULL: none */
	int64_t connect_timeout; /* nanoseconds */
	int64_t request_timeout;
};

/* 0, -EINVAL or -ENOMEM. The check must outlive the sender. */
int sender_new(struct gavea_check *check, const struct sender_settings *settings, struct sender **ret_sender,
	struct error *error);
void sender_free(struct sender *sender);

/* Uses these files from now on, with new connections. 0, -EINVAL or -ENOMEM with error: the ones before stay. */
int sender_set_identity(
	struct sender *sender, const char *ca_file, const char *identity_file, struct error *error);

/* The largest encoded report to hand over at once. */
size_t sender_max_report(const struct sender *sender);

/*
 * Sends and judges. VERDICT_TOO_LARGE without sending anything when the report is larger than the bounds
 * above, unless last_try. Blocks, until the callback's deadline at most.
 */
void sender_post(struct sender *sender, const struct buf *report, bool last_try, struct verdict *ret_verdict);

/* Gives back memory that only a backlog needed. */
void sender_trim(struct sender *sender);

#endif
