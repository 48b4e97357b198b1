/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the daemon's control socket: one request, answers until End. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/error.h"
#include "proto/control.pb-c.h"

#include <stdbool.h>

typedef Gavea__Control__V1__Request request_t;
typedef Gavea__Control__V1__Answer answer_t;
typedef Gavea__Control__V1__CheckStatus check_status_t;

struct client;

/* Connects and sends the request. 0 with *ret_client, or -errno with an error that says what to do. */
int client_ask(
	const char *socket_path, const request_t *request, struct client **ret_client, struct error *error);
void client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free);

/* For poll(). */
int client_fd(const struct client *client);

/*
 * The next answer. 1 with *ret_answer (free with gavea__control__v1__answer__free_unpacked); 0: End, all is
 * well (with follow: or the end of the first whole answer); -ETIMEDOUT: none came within timeout_ms (-1:
 * waits for ever); any other -errno with error. End's messages are lines of the error, behind its first.
 */
int client_next(struct client *client, int timeout_ms, answer_t **ret_answer, struct error *error);

/* Sends the request and hands each answer to take(), until End. 0, what take() returned below 0, or -errno
 * with error. */
int client_ask_all(const char *socket_path, const request_t *request,
	int (*take)(const answer_t *answer, void *userdata), void *userdata, struct error *error);

#endif
