/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share. */
#ifndef HTTP_CLIENT_INTERNAL_H
#define HTTP_CLIENT_INTERNAL_H

#include "client.h"
#include "guard.h"

#include <curl/curl.h>

enum {
	HEADER_BYTES_MAX = 64 * 1024, /* of one answer and all that comes before it */
	HEADERS_MAX = 256,
};

struct url_parts {
	char *scheme, *host;
	uint16_t port;
};

/* -EINVAL: not a URL of http or https. */
int url_split(const char *text, struct url_parts *ret_parts);
void url_parts_done(struct url_parts *parts);
bool url_same_origin(const struct url_parts *a, const struct url_parts *b);

struct client {
	struct client_settings settings;
	struct url_parts base;
	CURL *curl; /* while a sequence runs: each holds two descriptors, and there may be many checks */
	bool from_loopback; /* the host of this sequence is this host */
	char error[CURL_ERROR_SIZE];
};

/* One request of a chain of redirects. */
struct hop {
	struct client *client;
	const struct client_request *request;
	struct response *response;
	const char *method;
	const char *url;
	struct url_parts to;
	bool trusted; /* the origin of base_url: credentials go there */
	bool foreign; /* an answer named it */
	bool with_body;
	int64_t resolving; /* nanoseconds */
	size_t header_bytes;
	int error; /* why a callback stopped it */
	char refused[80]; /* an address that it must not reach; "": none */
	struct curl_slist *headers, *resolved;
};

/* Sets all options of a hop. 0, or -EINVAL, -ENOMEM with an error. */
int hop_prepare(struct hop *hop, struct error *error);
void hop_done(struct hop *hop);
/* What a CURLcode means: -errno and one line. */
int hop_error(const struct hop *hop, CURLcode code, struct error *error);
/* Whether this hop may go to what is reached so. */
bool hop_may_reach(const struct hop *hop, enum reach reach);

#endif
