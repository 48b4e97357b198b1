/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dns plugin: do name servers answer as they should? This file has the options and the description; run.c is the
 * way of one run.
 */
#include "run.h"

#include "base/util.h"

#include <errno.h>

static int dns_open(struct gavea_check *check, void **ret_state)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	int r;

	if (!settings)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = settings_read(settings, check);
	if (r < 0) {
		free(settings);
		return r;
	}
	*ret_state = settings;
	return 0;
}

static int dns_run(struct gavea_check *check, void *state)
{
	return dns_run_check(check, state);
}

static void dns_close(struct gavea_check *check, void *state)
{
	struct settings *settings = state;

	(void)check;
	settings_done(settings);
	free(settings);
}

/* clang-format off */
#define ROOTS "198.41.0.4,170.247.170.2,192.33.4.12,199.7.91.13,192.203.230.10,192.5.5.241,192.112.36.4,198.97.190.53," \
	"192.36.148.17,192.58.128.30,193.0.14.129,199.7.83.42,202.12.27.33"
/* clang-format on */

static const struct gavea_option options[] = {
	{"query", GAVEA_OPTION_STRING, GAVEA_OPTION_REQUIRED, NULL, NULL,
		"Name to ask for; with type PTR also an IP address"},
	{"type", GAVEA_OPTION_CHOICE, 0, "A",
		"A|AAAA|CAA|CNAME|DNSKEY|DS|HTTPS|MX|NAPTR|NS|PTR|SOA|SPF|SRV|SSHFP|SVCB|TLSA|TXT",
		"Type of record"},
	{"expect", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"The records that must be there, as in a zone file behind the type; without it any will do"},
	{"expect_mode", GAVEA_OPTION_CHOICE, 0, "exact", "exact|includes|subset|any",
		"How the answer must stand to expect: the same set, all of it and maybe more, a part of it, "
		"or at least one of it"},
	{"expect_rcode", GAVEA_OPTION_CHOICE, 0, "NOERROR", "NOERROR|NODATA|NXDOMAIN|SERVFAIL|REFUSED",
		"What kind of answer is right; NODATA: the name exists, records of this type don't"},
	{"ask", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Whom to ask: servers, resolv-conf, authorities; default servers where some are given, else "
		"resolv-conf"},
	{"server", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"One server: ADDRESS, NAME, ADDRESS:PORT or [IPV6]:PORT"},
	{"servers", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Servers, likewise; every address of a name is asked"},
	{"port", GAVEA_OPTION_INT, 0, "53", "1..65535", "Port of servers that are given without one"},
	{"family", GAVEA_OPTION_CHOICE, 0, "any", "any|ipv4|ipv6", "Which addresses of names are asked"},
	{"resolv_conf", GAVEA_OPTION_STRING, 0, "/etc/resolv.conf", NULL, "Path of resolv.conf"},
	{"parent_servers", GAVEA_OPTION_STRINGS, 0, ROOTS, NULL,
		"Addresses of the servers where the way down to the authorities begins; default the root's"},
	{"tcp", GAVEA_OPTION_CHOICE, 0, "fallback", "fallback|only|check",
		"TCP: when an answer is cut short; for all; or each server also over TCP, to see that it "
		"answers there"},
	{"query_timeout", GAVEA_OPTION_DURATION, 0, "2s", "10ms..30s",
		"How long a server has to answer one try"},
	{"tries", GAVEA_OPTION_INT, 0, "3", "1..10", "Tries over UDP; the last one goes without EDNS"},
	{"at_least", GAVEA_OPTION_INT, 0, "0", "0..64",
		"When so many servers are right, the others are only a warning; 0: all must be"},
	{"agree", GAVEA_OPTION_BOOL, 0, "true", NULL,
		"Without expect, different answers of servers are a warning"},
	{"latency_warning", GAVEA_OPTION_DURATION, 0, "0", "0..30s",
		"Warn when an answer takes longer; 0: never"},
	{"latency_critical", GAVEA_OPTION_DURATION, 0, "0", "0..30s",
		"Critical when an answer takes longer; 0: never"},
	{"min_ttl", GAVEA_OPTION_DURATION, 0, "0", "0..3650d",
		"Warn when an authority's TTL is shorter (a cache counts down); 0: never"},
	{"max_ttl", GAVEA_OPTION_DURATION, 0, "0", "0..3650d", "Warn when a TTL is longer; 0: never"},
	{"serials", GAVEA_OPTION_CHOICE, 0, "auto", "auto|off|agree",
		"Whether all servers must have the same SOA serial; auto: where authorities are asked"},
	{"serial_lag", GAVEA_OPTION_INT, 0, "0", "0..2147483647",
		"How far a serial may lie behind the newest"},
	{"serial_grace", GAVEA_OPTION_DURATION, 0, "10min", "0..30d",
		"How long after a new serial was first seen the others may be behind"},
	{"dnssec", GAVEA_OPTION_CHOICE, 0, "off", "off|validate|require",
		"Validate the answer and watch signatures; require: an unsigned zone is critical"},
	{"trust_anchor", GAVEA_OPTION_STRINGS, 0, "/usr/share/dns/root.key", NULL,
		"Trust anchors: DS or DNSKEY records, or absolute paths of files with them"},
	{"validate_through", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Addresses of resolvers that the validation goes through; default: from parent_servers down"},
	{"rrsig_warning", GAVEA_OPTION_DURATION, 0, "3d", "0..3650d",
		"Warn when a signature runs out sooner"},
	{"rrsig_critical", GAVEA_OPTION_DURATION, 0, "1d", "0..3650d",
		"Critical when a signature runs out sooner"},
	{"expect_new", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Cutover: the new records; ok once all have them and the old ones' TTL has run out"},
	{"expect_old", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Cutover: the old records; without it everything that is not new is old"},
	{"old_ttl", GAVEA_OPTION_DURATION, 0, NULL, "1s..3650d",
		"Cutover: TTL of the old records, where the check starts after the change"},
};

static const char *const read_paths[] = {"${resolv_conf}", "${trust_anchor}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_CLIENT,
	.concurrency = 4,
	.memory = 96u << 20,
	.open_files = 1024,
	.read_paths = read_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(plugin),
	.name = "dns",
	.version = GAVEA_VERSION,
	.summary = "Name servers: right answers, zones that agree, signatures that hold, changes that are "
		   "complete",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.option_size = sizeof(options[0]),
	.needs = &needs,
	.open = dns_open,
	.run = dns_run,
	.close = dns_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
