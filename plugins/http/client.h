/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends requests with libcurl: redirects are followed by ourselves, hop by hop, so that each can be judged; names are
 * resolved by ourselves, so that it is known what will be connected to and how long that took. Not for two threads at
 * once. Calls block until the deadline at most, less when the check is cancelled.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "response.h"

#include <gavea/plugin.h>
#include <stdbool.h>

enum client_version {
	CLIENT_VERSION_AUTO, /* HTTP/2 where TLS agrees on it, else 1.1 */
	CLIENT_VERSION_1_1,
	CLIENT_VERSION_2, /* by TLS, and nothing less */
	CLIENT_VERSION_2_PLAIN, /* without TLS, without asking */
};

/* All borrowed, for the life of the client; NULL: not used. */
struct client_settings {
	struct gavea_check *check;
	const char *
		base_url; /* whose host alone gets user, password, bearer, secret_header and the certificate */
	const char *user, *proxy, *proxy_user;
	const char *ca, *certificate, *key;
	const char *unix_socket;
	const struct gavea_secret *password, *bearer, *secret_header, *key_password, *proxy_password;
	enum client_version version;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool insecure, compression, allow_downgrade, allow_link_local;
	int max_redirects;
	size_t max_body; /* bytes */
};

struct client_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	const void *body; /* NULL: none */
	size_t body_size;
	bool foreign; /* an answer named the host: guarded like a redirect */
	const char *pinned_host, *pinned_address; /* connect to this address for that host; NULL: to any */
	int64_t began, deadline; /* CLOCK_MONOTONIC */
};

struct client;

/* 0, -EINVAL or -ENOMEM with an error. */
int client_new(const struct client_settings *settings, struct client **ret_client, struct error *error);
void client_free(struct client *client);

/* What comes between these two is one visitor, with cookies and connections of its own. 0 or -ENOMEM. */
int client_begin(struct client *client);
void client_end(struct client *client);

/*
 * 0 with the answer, whatever its status; redirects that are not followed are answers. -errno with one line that says
 * what went wrong and what to do, and with as much in the response as is known: -ETIMEDOUT, -ECANCELED, -EMSGSIZE,
 * -EACCES (a redirect that is refused), -ECONNREFUSED and the like. The line may quote the peer.
 */
int client_perform(struct client *client, const struct client_request *request, struct response *response,
	struct error *error);

/* The URL for people: scheme, host, port and path, without user, password, query and fragment. NULL: no URL, or no
 * memory. Freed by the caller. */
char *url_shown(const char *url);
/* The host of a URL as one would write it there, and its port. 0, -EINVAL (not a URL of http or https), -ENOMEM. */
int url_host(const char *url, char **ret_host, uint16_t *ret_port);

#endif
