/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one check, judged and in the form in which the run wants them. */
#ifndef DNS_SETTINGS_H
#define DNS_SETTINGS_H

#include "endpoint.h"
#include "rdata.h"

#include <gavea/plugin.h>

enum {
	SETTINGS_SERVERS_MAX = 32, /* names or addresses in one list */
	SETTINGS_ANCHORS_MAX = 32,
};

/* What the answer must be. */
enum expected {
	EXPECTED_RECORDS,
	EXPECTED_NODATA,
	EXPECTED_NXDOMAIN,
	EXPECTED_SERVFAIL,
	EXPECTED_REFUSED,
};

enum tcp_mode { TCP_FALLBACK, TCP_ONLY, TCP_CHECK };
enum dnssec_mode { DNSSEC_OFF, DNSSEC_VALIDATE, DNSSEC_REQUIRE };

struct server_setting {
	char *host;
	uint16_t port;
};

struct server_list {
	struct server_setting list[SETTINGS_SERVERS_MAX];
	size_t count;
};

struct settings {
	ldns_rdf *name;
	char name_text[256];
	const char *type_name; /* the host's, until close() */
	ldns_rr_type type;

	enum expected expected;
	struct rdata_set expect; /* may be empty: any answer will do */
	enum rdata_match match;
	bool cutover; /* expect_new is given */
	bool ask[GROUP_AUTHORITY + 1]; /* which groups of servers */
	struct rdata_set expect_new;
	struct rdata_set expect_old;
	int64_t old_ttl; /* seconds; 0: not known */

	struct server_list servers;
	struct server_list parents; /* where the way down to the authorities begins */
	struct server_list validators; /* resolvers that the validation goes through */
	const char *resolv_conf;
	uint16_t port; /* of servers without one of their own */
	int family;

	enum tcp_mode tcp;
	unsigned tries;
	int64_t query_timeout; /* nanoseconds */

	int64_t min_ttl; /* seconds; 0: no bound */
	int64_t max_ttl;
	int64_t latency_warning; /* nanoseconds; 0: no bound */
	int64_t latency_critical;
	size_t at_least; /* servers that must be right; 0: all */
	bool agree; /* without expect: all answers must be the same */
	bool serials;
	uint32_t serial_lag;
	int64_t serial_grace; /* nanoseconds */

	enum dnssec_mode dnssec;
	char *anchors[SETTINGS_ANCHORS_MAX]; /* DS or DNSKEY records */
	size_t anchor_count;
	int64_t rrsig_warning; /* seconds */
	int64_t rrsig_critical;
};

/* Reads the check's options. On failure it says why with gavea_fail(), naming the key, and frees what it made. */
int settings_read(struct settings *settings, struct gavea_check *check);

void settings_done(struct settings *settings);

#endif
