/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one check, read and judged. */
#ifndef CERT_SETTINGS_H
#define CERT_SETTINGS_H

#include "endpoint.h"
#include "renewal.h"
#include "revocation.h"
#include "threshold.h"

#include "base/error.h"

#include <gavea/plugin.h>

/* Strings of the host's are borrowed: they last as long as the check is open. */
struct settings {
	struct endpoint *endpoints; /* owned; those of served_by are behind the others */
	size_t endpoint_count;
	size_t served_by_first; /* where those of served_by begin; they may also stand among the others */
	size_t *served_by; /* indices into endpoints. Owned. */
	size_t served_by_count;
	const char **files; /* owned array */
	size_t file_count;
	const char *server_name; /* NULL: each endpoint's host */
	const char *ca;
	const char *const *crls;
	size_t crl_count;
	const char *key;
	const char *client_certificate;
	const char *client_key;
	const char *reload_hint;
	struct threshold warning;
	struct threshold critical;
	enum ocsp_mode ocsp;
	enum renewal_mode renewal;
	bool verify;
	bool verify_files;
	bool same_certificate;
	bool first_only;
	int family;
	unsigned concurrency;
	int64_t connect_timeout; /* nanoseconds */
	int64_t target_timeout;
	int64_t reload_grace;
};

/* The options' table, for the plugin's description. */
enum {
	SETTINGS_OPTION_COUNT = 28,
};
extern const struct gavea_option settings_options[SETTINGS_OPTION_COUNT];

/* 0, or a negative errno with an error that names the option. */
int settings_read(struct gavea_check *check, struct settings *ret_settings, struct error *error);
void settings_done(struct settings *settings);

#endif
