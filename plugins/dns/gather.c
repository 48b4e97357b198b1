/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"
#include "dname.h"
#include "resolvconf.h"

#include "base/clock.h"

#include <errno.h>

static int resolve_server(const struct settings *settings, const struct exchange_limits *limits,
	const struct server_setting *server, struct endpoints *endpoints, struct findings *findings)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolve_request request = {.host = server->host,
		.port = server->port,
		.family = settings->family,
		.deadline = limits->deadline,
		.cancelled = limits->cancelled,
		.userdata = limits->userdata};
	struct addresses addresses;
	int r = resolve(&request, &addresses, &error);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		struct finding *finding = findings_add(findings, "%s", server->host);

		if (finding)
			finding->of_server = true;
		finding_say(finding, r == -ENOENT ? GAVEA_CRITICAL : GAVEA_UNKNOWN,
			"%s: give its address instead", error_text(&error, r));
		return 0;
	}
	for (size_t i = 0; i < addresses.count; i++) {
		r = endpoints_add(endpoints, GROUP_SERVER, &addresses.list[i], server->host);
		if (r < 0)
			return r;
	}
	return 0;
}

static int gather_servers(const struct settings *settings, const struct exchange_limits *limits,
	struct endpoints *endpoints, struct findings *findings)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < settings->servers.count; i++) {
		const struct server_setting *server = &settings->servers.list[i];
		union address address;

		if (endpoint_address(server->host, server->port, &address))
			r = endpoints_add(endpoints, GROUP_SERVER, &address, NULL);
		else
			r = resolve_server(settings, limits, server, endpoints, findings);
	}
	return r;
}

static int gather_resolv_conf(
	const struct settings *settings, struct endpoints *endpoints, struct findings *findings)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolvconf conf;
	int r = resolvconf_read(settings->resolv_conf, &conf, &error);

	if (r < 0) {
		finding_say(
			findings_add(findings, "resolv.conf"), GAVEA_UNKNOWN, "%s", error_text(&error, r));
		return r == -ENOMEM ? r : 0;
	}
	for (size_t i = 0; r == 0 && i < conf.count; i++) {
		union address address;

		if (endpoint_address(conf.servers[i], settings->port, &address))
			r = endpoints_add(endpoints, GROUP_RESOLV_CONF, &address, "resolv.conf");
	}
	return r;
}

/* The name whose zone is wanted: a DS record belongs to the parent. */
static ldns_rdf *name_at(const struct settings *settings)
{
	if (settings->type == LDNS_RR_TYPE_DS && ldns_dname_label_count(settings->name) > 0)
		return ldns_dname_left_chop(settings->name);
	return ldns_rdf_clone(settings->name);
}

static int gather_authorities(const struct settings *settings, const struct exchange_limits *limits,
	struct gathered *gathered, struct findings *findings)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_dname_ ldns_rdf *name = name_at(settings);
	struct endpoints roots = ENDPOINTS_INIT;
	struct walk walk = {
		.roots = &roots, .port = settings->port, .family = settings->family, .limits = limits};
	int r = name ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < settings->parents.count; i++) {
		const struct server_setting *parent = &settings->parents.list[i];
		union address address;

		if (endpoint_address(parent->host, parent->port, &address) &&
			(settings->family == AF_UNSPEC || settings->family == address.any.sa_family))
			r = endpoints_add(&roots, GROUP_AUTHORITY, &address, NULL);
	}
	if (r == 0)
		r = walk_find(&walk, name, &gathered->zone, &error);
	endpoints_done(&roots);
	gathered->has_zone = r == 0;
	if (r == 0)
		return walk_endpoints(&gathered->zone, &gathered->endpoints);
	finding_say(findings_add(findings, "authorities"), GAVEA_UNKNOWN, "%s", error_text(&error, r));
	return r == -ENOMEM ? r : 0;
}

int gather(const struct settings *settings, const struct exchange_limits *limits, struct gathered *gathered,
	struct findings *findings)
{
	int r = 0;

	if (settings->ask[GROUP_SERVER])
		r = gather_servers(settings, limits, &gathered->endpoints, findings);
	if (r == 0 && settings->ask[GROUP_RESOLV_CONF])
		r = gather_resolv_conf(settings, &gathered->endpoints, findings);
	if (r == 0 && settings->ask[GROUP_AUTHORITY])
		r = gather_authorities(settings, limits, gathered, findings);
	if (gathered->endpoints.left_out)
		finding_say(findings_add(findings, "servers"), GAVEA_UNKNOWN,
			"%zu servers beyond the first %d were not asked: make several checks of them",
			gathered->endpoints.left_out, ENDPOINTS_MAX);
	return r;
}

void gathered_done(struct gathered *gathered)
{
	endpoints_done(&gathered->endpoints);
	walk_zone_done(&gathered->zone);
}
