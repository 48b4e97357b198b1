/* SPDX-License-Identifier: Apache-2.0 */
/* An answer, with all that conditions may ask about it. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

enum {
	JSON_DEPTH_MAX = 100,
	JSON_VALUES_MAX = 100000, /* an upper bound of what a body costs once it is parsed */
};

/* As Prometheus' blackbox_exporter names them. */
enum phase {
	PHASE_RESOLVE,
	PHASE_CONNECT,
	PHASE_TLS,
	PHASE_PROCESSING, /* from the request to the first byte */
	PHASE_TRANSFER,
	PHASES,
};

struct header {
	char *name, *value;
};

struct response {
	int status; /* 0: there was no answer */
	struct header *headers; /* of the last answer, in order */
	size_t header_count, header_room;
	struct buf body;
	json_t *json; /* see response_json() */
	int64_t phases[PHASES]; /* nanoseconds, over all redirects */
	int64_t total; /* nanoseconds */
	int redirects;
	char version[4]; /* "1.1", "2"; "": none */
	char address[64]; /* of the peer; "": none */
	int64_t leaf_expiry,
		chain_expiry; /* Unix seconds, the earliest of the sent chain; 0: no certificate */
	unsigned attempts;
};

const char *phase_name(enum phase phase);

void response_done(struct response *response);
/* Forgets what the answer before had. */
void response_reset_headers(struct response *response);
/* One line of a head, "Name: value". 0 or -ENOMEM. */
int response_add_header(struct response *response, const char *line, size_t size);
/* The first header of that name, whatever its case; NULL: none. */
const char *response_header(const struct response *response, const char *name);

/* The body as JSON, parsed once; borrowed. NULL with "the body is not JSON: why". */
json_t *response_json(struct response *response, struct error *error);

#endif
