/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"
#include "anchor.h"
#include "dname.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

enum {
	TRIES_MAX = 10,
};

#define QUERY_TIMEOUT_MIN (10 * NSEC_PER_MSEC)
#define QUERY_TIMEOUT_MAX (30 * NSEC_PER_SEC)

/* Which of the words, separated by '|', the option's value is. The host has seen to it that it is one. */
static int choice(struct gavea_check *check, const char *key, const char *const *words, size_t count)
{
	const char *value = gavea_option_string(check, key);

	for (size_t i = 0; value && i < count; i++)
		if (streq(words[i], value))
			return (int)i;
	return gavea_fail(check, -EINVAL, "%s: \"%s\" is not known", key, value ? value : "");
}

static int fail_key(struct gavea_check *check, const char *key, int r, const struct error *error)
{
	return gavea_fail(check, r, "%s: %s", key, error_text(error, r));
}

static int read_question(struct settings *settings, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	settings->type_name = gavea_option_string(check, "type");
	settings->type = ldns_get_rr_type_by_name(settings->type_name);
	r = dname_parse(gavea_option_string(check, "query"), settings->type == LDNS_RR_TYPE_PTR,
		&settings->name, &error);
	if (r < 0)
		return fail_key(check, "query", r, &error);
	dname_text(settings->name, settings->name_text);
	return 0;
}

static int read_set(
	struct settings *settings, struct gavea_check *check, const char *key, struct rdata_set *set)
{
	size_t count;
	const char *const *values = gavea_option_strings(check, key, &count);

	for (size_t i = 0; i < count; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = rdata_set_add_text(set, settings->type, values[i], &error);

		if (r < 0)
			return fail_key(check, key, r, &error);
	}
	return 0;
}

static bool overlap(const struct rdata_set *a, const struct rdata_set *b)
{
	return rdata_set_matches(a, b, RDATA_ANY);
}

static int judge_expectations(const struct settings *settings, struct gavea_check *check)
{
	if (settings->expected != EXPECTED_RECORDS && (settings->expect.count || settings->cutover))
		return gavea_fail(check, -EINVAL,
			"expect_rcode: an answer without records can't have those of %s",
			settings->cutover ? "expect_new" : "expect");
	if (settings->cutover && settings->expect.count)
		return gavea_fail(check, -EINVAL, "expect: expect_new takes its place; give one of the two");
	if (settings->expect_old.count && !settings->cutover)
		return gavea_fail(check, -EINVAL, "expect_old: expect_new is missing");
	if (settings->cutover && settings->expect_old.count &&
		(rdata_set_equal(&settings->expect_new, &settings->expect_old) ||
			(settings->match != RDATA_EXACT &&
				overlap(&settings->expect_new, &settings->expect_old))))
		return gavea_fail(check, -EINVAL,
			"expect_old: has what expect_new has; they must be told apart (expect_mode)");
	return 0;
}

static int read_expectations(struct settings *settings, struct gavea_check *check)
{
	static const char *const modes[] = {"exact", "includes", "subset", "any"};
	static const char *const rcodes[] = {"NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "REFUSED"};
	int mode = choice(check, "expect_mode", modes, ARRAY_SIZE(modes));
	int rcode = choice(check, "expect_rcode", rcodes, ARRAY_SIZE(rcodes));
	int r = mode < 0 ? mode : rcode < 0 ? rcode : read_set(settings, check, "expect", &settings->expect);

	if (r == 0)
		r = read_set(settings, check, "expect_new", &settings->expect_new);
	if (r == 0)
		r = read_set(settings, check, "expect_old", &settings->expect_old);
	if (r < 0)
		return r;
	settings->match = (enum rdata_match)mode;
	settings->expected = (enum expected)rcode;
	settings->cutover = settings->expect_new.count > 0;
	settings->old_ttl = gavea_option_int(check, "old_ttl") / NSEC_PER_SEC;
	return judge_expectations(settings, check);
}

static int add_server(struct settings *settings, struct gavea_check *check, const char *key, const char *text,
	struct server_list *list)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct server_setting *server = &list->list[list->count];
	int r;

	if (list->count == SETTINGS_SERVERS_MAX)
		return gavea_fail(check, -E2BIG, "%s: more than %d servers", key, SETTINGS_SERVERS_MAX);
	r = endpoint_parse(text, settings->port, &server->host, &server->port, &error);
	if (r < 0)
		return fail_key(check, key, r, &error);
	list->count++;
	return 0;
}

static int read_servers(
	struct settings *settings, struct gavea_check *check, const char *key, struct server_list *list)
{
	size_t count;
	const char *const *values = gavea_option_strings(check, key, &count);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_server(settings, check, key, values[i], list);
	return r;
}

/* Lists that the validator and the way down take: names would have to be resolved by what is being tested. */
static int read_addresses(
	struct settings *settings, struct gavea_check *check, const char *key, struct server_list *list)
{
	union address address;
	int r = read_servers(settings, check, key, list);

	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (!endpoint_address(list->list[i].host, list->list[i].port, &address))
			return gavea_fail(
				check, -EINVAL, "%s: \"%s\" is not an IP address", key, list->list[i].host);
	return r;
}

static int read_ask(struct settings *settings, struct gavea_check *check)
{
	static const char *const words[] = {"servers", "resolv-conf", "authorities"};
	size_t count;
	const char *const *asked = gavea_option_strings(check, "ask", &count);

	if (!count)
		settings->ask[settings->servers.count ? GROUP_SERVER : GROUP_RESOLV_CONF] = true;
	for (size_t i = 0; i < count; i++) {
		size_t word = 0;

		while (word < ARRAY_SIZE(words) && !streq(words[word], asked[i]))
			word++;
		if (word == ARRAY_SIZE(words))
			return gavea_fail(check, -EINVAL,
				"ask: \"%s\" is none of servers, resolv-conf, authorities", asked[i]);
		settings->ask[word] = true;
	}
	if (settings->ask[GROUP_SERVER] && !settings->servers.count)
		return gavea_fail(check, -EINVAL, "ask: \"servers\" needs the option servers");
	if (settings->servers.count && !settings->ask[GROUP_SERVER])
		return gavea_fail(check, -EINVAL, "servers: they are not asked; add \"servers\" to ask");
	if (settings->ask[GROUP_AUTHORITY] && !settings->parents.count)
		return gavea_fail(check, -EINVAL, "parent_servers: the list is empty");
	return 0;
}

static int read_whom(struct settings *settings, struct gavea_check *check)
{
	static const char *const families[] = {"any", "ipv4", "ipv6"};
	static const int numbers[] = {AF_UNSPEC, AF_INET, AF_INET6};
	const char *server = gavea_option_string(check, "server");
	int family = choice(check, "family", families, ARRAY_SIZE(families));
	int r = family < 0 ? family : 0;

	settings->port = (uint16_t)gavea_option_int(check, "port");
	settings->resolv_conf = gavea_option_string(check, "resolv_conf");
	if (r == 0)
		settings->family = numbers[family];
	if (r == 0 && server)
		r = add_server(settings, check, "server", server, &settings->servers);
	if (r == 0)
		r = read_servers(settings, check, "servers", &settings->servers);
	if (r == 0)
		r = read_addresses(settings, check, "parent_servers", &settings->parents);
	if (r == 0)
		r = read_addresses(settings, check, "validate_through", &settings->validators);
	return r < 0 ? r : read_ask(settings, check);
}

static int read_bounds(struct settings *settings, struct gavea_check *check)
{
	settings->min_ttl = gavea_option_int(check, "min_ttl") / NSEC_PER_SEC;
	settings->max_ttl = gavea_option_int(check, "max_ttl") / NSEC_PER_SEC;
	settings->latency_warning = gavea_option_int(check, "latency_warning");
	settings->latency_critical = gavea_option_int(check, "latency_critical");
	settings->at_least = (size_t)gavea_option_int(check, "at_least");
	settings->serial_lag = (uint32_t)gavea_option_int(check, "serial_lag");
	settings->serial_grace = gavea_option_int(check, "serial_grace");
	/* A run with these is bounded, whoever judged them before. */
	settings->query_timeout =
		MIN(MAX(gavea_option_int(check, "query_timeout"), QUERY_TIMEOUT_MIN), QUERY_TIMEOUT_MAX);
	settings->tries = (unsigned)MIN(MAX(gavea_option_int(check, "tries"), 1), TRIES_MAX);
	settings->agree = gavea_option_bool(check, "agree");
	if (settings->max_ttl && settings->min_ttl > settings->max_ttl)
		return gavea_fail(check, -EINVAL, "min_ttl: above max_ttl");
	if (settings->latency_critical && settings->latency_warning > settings->latency_critical)
		return gavea_fail(check, -EINVAL, "latency_warning: above latency_critical");
	return 0;
}

static int read_modes(struct settings *settings, struct gavea_check *check)
{
	static const char *const tcp[] = {"fallback", "only", "check"};
	static const char *const serials[] = {"auto", "off", "agree"};
	int tcp_mode = choice(check, "tcp", tcp, ARRAY_SIZE(tcp));
	int serial_mode = choice(check, "serials", serials, ARRAY_SIZE(serials));

	if (tcp_mode < 0 || serial_mode < 0)
		return -EINVAL;
	settings->tcp = (enum tcp_mode)tcp_mode;
	settings->serials = serial_mode == 2 || (serial_mode == 0 && settings->ask[GROUP_AUTHORITY]);
	return 0;
}

static int read_anchors(struct settings *settings, struct gavea_check *check)
{
	size_t count;
	const char *const *values = gavea_option_strings(check, "trust_anchor", &count);

	for (size_t i = 0; i < count; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = anchor_add(
			values[i], settings->anchors, SETTINGS_ANCHORS_MAX, &settings->anchor_count, &error);

		if (r < 0)
			return fail_key(check, "trust_anchor", r, &error);
	}
	if (!settings->anchor_count)
		return gavea_fail(check, -EINVAL, "trust_anchor: without one nothing can be validated");
	return 0;
}

static int read_dnssec(struct settings *settings, struct gavea_check *check)
{
	static const char *const modes[] = {"off", "validate", "require"};
	int mode = choice(check, "dnssec", modes, ARRAY_SIZE(modes));

	if (mode < 0)
		return mode;
	settings->dnssec = (enum dnssec_mode)mode;
	settings->rrsig_warning = gavea_option_int(check, "rrsig_warning") / NSEC_PER_SEC;
	settings->rrsig_critical = gavea_option_int(check, "rrsig_critical") / NSEC_PER_SEC;
	if (settings->rrsig_critical > settings->rrsig_warning)
		return gavea_fail(check, -EINVAL, "rrsig_critical: above rrsig_warning");
	return settings->dnssec == DNSSEC_OFF ? 0 : read_anchors(settings, check);
}

int settings_read(struct settings *settings, struct gavea_check *check)
{
	int r;

	*settings = (struct settings){0};
	r = read_question(settings, check);
	if (r == 0)
		r = read_expectations(settings, check);
	if (r == 0)
		r = read_whom(settings, check);
	if (r == 0)
		r = read_bounds(settings, check);
	if (r == 0)
		r = read_modes(settings, check);
	if (r == 0)
		r = read_dnssec(settings, check);
	if (r < 0)
		settings_done(settings);
	return r;
}

static void list_done(struct server_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->list[i].host);
}

void settings_done(struct settings *settings)
{
	ldns_rdf_deep_free(settings->name);
	rdata_set_done(&settings->expect);
	rdata_set_done(&settings->expect_new);
	rdata_set_done(&settings->expect_old);
	list_done(&settings->servers);
	list_done(&settings->parents);
	list_done(&settings->validators);
	for (size_t i = 0; i < settings->anchor_count; i++)
		free(settings->anchors[i]);
	*settings = (struct settings){0};
}
