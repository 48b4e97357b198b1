/* SPDX-License-Identifier: Apache-2.0 */
/* What gavea-fleetd was told: its configuration file, with command line options on top. */
#ifndef FLEET_SETTINGS_H
#define FLEET_SETTINGS_H

#include "base/error.h"
#include "fleet/admission.h"
#include "fleet/writer.h"
#include "net/httpd.h"

struct settings {
	char *address;
	uint16_t port;
	char *certificate; /* path; NULL: no TLS */
	char *key;
	char *report_token; /* NULL: none is asked for */
	char *read_token;
	bool insecure;
	bool identity; /* certificates for agents, and for this server when none is configured */
	char **names; /* of this server, for its certificate */
	size_t name_count;
	int64_t certificate_lifetime_ms;
	char *state;
	int log_level;
	unsigned threads;
	unsigned max_connections;
	unsigned max_connections_per_address;
	unsigned idle_timeout_s;
	char **plots; /* names of series */
	size_t plot_count;
	struct writer_settings writer;
	struct admission_settings admission;
};

/* Defaults. 0 or -ENOMEM. */
int settings_init(struct settings *settings);
void settings_done(struct settings *settings);

/* Reads a file over what is there. With optional, a missing file is fine. 0 or -errno with error filled
 * (file:line). */
int settings_read_file(struct settings *settings, const char *path, bool optional, struct error *error);

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". 0, -EINVAL or -ENOMEM. */
int settings_set_listen(struct settings *settings, const char *text);

/* Whether this may be served: nothing that others can reach goes without TLS and tokens, unless `insecure`
 * says so. */
int settings_judge(const struct settings *settings, struct error *error);

bool settings_tls(const struct settings *settings);

/* Whether everybody may read and report for whom no token is configured. */
bool settings_open(const struct settings *settings);

/* Takes over from next what a running server may change: tokens, insecure and log_level. Nothing is taken over when the
 * server as it listens could not be served with that: -errno with error filled. Names of other settings that differ are
 * appended to ret_restart, with ", " between them. */
int settings_reload(
	struct settings *settings, struct settings *next, struct buf *ret_restart, struct error *error);

#endif
