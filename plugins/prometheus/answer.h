/* SPDX-License-Identifier: Apache-2.0 */
/* What is answered to a request. Runs on the listener's thread, and never waits for a client. */
#ifndef PROMETHEUS_ANSWER_H
#define PROMETHEUS_ANSWER_H

#include "cache.h"
#include "connections.h"
#include "credentials.h"

#include <microhttpd.h>

struct pages {
	struct cache cache;
	struct connections connections;
	struct scrape_counters counters;
	const char *path; /* of the metrics */
	const struct credentials *credentials; /* NULL: everybody may read */
	bool client_certificates; /* a client must have shown one */
};

/* The library's callback for each request; userdata is struct pages. */
enum MHD_Result answer_request(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state);

#endif
