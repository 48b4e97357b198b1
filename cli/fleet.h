/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the fleet server's API. */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "base/error.h"
#include "cli/terminal.h"

#include <jansson.h>

struct fleet_settings {
	const char *url; /* of the server, "https://fleet.example.com:8470" */
	const char *token_file; /* NULL: none */
	const char *ca_file; /* NULL: the system's authorities */
};

/* One list, by pages: "hosts", "checks" or "events". */
struct fleet_query {
	const char *list;
	const char *status; /* NULL: any */
	const char *host; /* NULL: all */
	size_t most; /* entries; 0: all */
};

/* Fetches the list, page by page. 0 with *ret_entries, an array; or -errno with error. Blocks. */
int fleet_fetch(const struct fleet_settings *settings, const struct fleet_query *query, json_t **ret_entries,
	struct error *error);

/* Has the server forget a host, by id or name. 0 or -errno with error. Blocks. */
int fleet_forget(const struct fleet_settings *settings, const char *host, struct error *error);

/* Appends "?limit=…&status=…", with what has a meaning in URLs encoded. */
void fleet_parameters(const struct fleet_query *query, const char *cursor, struct buf *out);

/* The list for people. What the server left out, or said in another type, is shown as "-". 0 or -ENOMEM. */
int fleet_text(const char *list, const json_t *entries, const struct terminal *terminal, int64_t now_ms,
	struct buf *out);

#endif
