/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <errno.h>
#include <sys/socket.h>

#define ENDPOINTS_MAX 5000

const struct gavea_option settings_options[SETTINGS_OPTION_COUNT] = {
	{"endpoint", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"a server: [PROTOCOL://]HOST:PORT, such as www.example.com:443 or smtp://mx.example.com"},
	{"endpoints", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "more of them"},
	{"file", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"a file with certificates (PEM, DER, PKCS#7, PKCS#12, JKS, kubeconfig), a folder, or a "
		"pattern"},
	{"files", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "more of them"},
	{"warning", GAVEA_OPTION_STRING, 0, "", NULL,
		"warn when less life is left: a time (30d) or a part of the whole (33%); empty: the smaller "
		"of 30d and a third"},
	{"critical", GAVEA_OPTION_STRING, 0, "", NULL,
		"critical when less life is left; empty: the smaller of 7d and a tenth"},
	{"server_name", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"name that is asked for (SNI) and that the certificate must be for; default: the host of the "
		"endpoint, for files none"},
	{"starttls", GAVEA_OPTION_CHOICE, 0, "none", STARTTLS_WORDS,
		"what is spoken before TLS, for endpoints without PROTOCOL://"},
	{"addresses", GAVEA_OPTION_CHOICE, 0, "all", "all|first", "which addresses of a name are visited"},
	{"family", GAVEA_OPTION_CHOICE, 0, "any", "any|ipv4|ipv6", "which kinds of addresses are visited"},
	{"same_certificate", GAVEA_OPTION_BOOL, 0, "true", NULL,
		"warn when addresses of one name serve different certificates"},
	{"verify", GAVEA_OPTION_BOOL, 0, "true", NULL, "verify chain and name of what endpoints serve"},
	{"verify_files", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"verify the chain of certificates in files too"},
	{"ca", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"file or folder with what is trusted, instead of the system's authorities"},
	{"crl", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"files with revocation lists; one of the leaf's issuer must be there"},
	{"ocsp", GAVEA_OPTION_CHOICE, 0, "if-stapled", "off|if-stapled|require",
		"what becomes of the OCSP answer that a server staples"},
	{"client_certificate", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of the certificate that we show to servers"},
	{"client_key", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of its key; default: client_certificate"},
	{"key", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"file of the private key that must belong to the certificate in file"},
	{"key_password", GAVEA_OPTION_SECRET, 0, NULL, NULL, "opens encrypted private keys in PEM files"},
	{"password", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"opens PKCS#12 files; checks the digest of JKS files"},
	{"served_by", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"endpoints that must serve the certificate in file"},
	{"reload_hint", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"command that makes the server load the file, shown as remedy, such as systemctl reload "
		"nginx"},
	{"reload_grace", GAVEA_OPTION_DURATION, 0, "0s", "0s..30d",
		"how long after a change of the file the server may still serve the old one"},
	{"renewal", GAVEA_OPTION_CHOICE, 0, "auto", "auto|always|never",
		"warn when a file is past two thirds of its life; auto: those of certbot and lego, and lives "
		"of up to 100 days"},
	{"concurrency", GAVEA_OPTION_INT, 0, "64", "1..512", "connections at the same time"},
	{"connect_timeout", GAVEA_OPTION_DURATION, 0, "5s", "10ms..5min", "how long connecting may take"},
	{"target_timeout", GAVEA_OPTION_DURATION, 0, "8s", "10ms..10min",
		"how long resolving a name may take, and then one address from connecting to the end of the "
		"handshake"},
};

static int choice(struct gavea_check *check, const char *key, const char *const *words)
{
	const char *value = gavea_option_string(check, key);

	for (int i = 0; words[i]; i++)
		if (value && streq(value, words[i]))
			return i;
	return 0;
}

/* ---- Endpoints ---- */

static const struct endpoint *find(
	const struct settings *settings, const struct endpoint *wanted, size_t *ret_index)
{
	for (size_t i = 0; i < settings->endpoint_count; i++)
		if (streq(settings->endpoints[i].label, wanted->label)) {
			*ret_index = i;
			return &settings->endpoints[i];
		}
	return NULL;
}

/* The index of an endpoint, which is added when it is not there yet. twice: whether it may be. */
static int take_endpoint(struct settings *settings, const char *key, const char *text, enum starttls starttls,
	bool twice, size_t *ret_index, struct error *error)
{
	struct endpoint endpoint, *bigger;
	int r = endpoint_parse(key, text, starttls, &endpoint, error);

	if (r < 0)
		return r;
	if (find(settings, &endpoint, ret_index)) {
		if (!twice)
			r = error_set(error, -EINVAL, "%s: %s stands there twice", key, endpoint.label);
		endpoint_done(&endpoint);
		return r;
	}
	if (settings->endpoint_count == ENDPOINTS_MAX) {
		endpoint_done(&endpoint);
		return error_set(error, -EINVAL, "%s: more than %d endpoints: make several checks of them",
			key, ENDPOINTS_MAX);
	}
	bigger = reallocarray(settings->endpoints, settings->endpoint_count + 1, sizeof(*bigger));
	if (!bigger) {
		endpoint_done(&endpoint);
		return error_set(error, -ENOMEM, "out of memory");
	}
	settings->endpoints = bigger;
	*ret_index = settings->endpoint_count;
	settings->endpoints[settings->endpoint_count++] = endpoint;
	return 0;
}

static int take_endpoints(struct gavea_check *check, struct settings *settings, struct error *error)
{
	const char *one = gavea_option_string(check, "endpoint");
	const char *word = gavea_option_string(check, "starttls");
	int starttls = word ? starttls_from_name(word, strlen(word)) : STARTTLS_NONE;
	size_t count, index;
	const char *const *more = gavea_option_strings(check, "endpoints", &count);
	int r = starttls < 0 ? error_set(error, -EINVAL, "starttls: no such word") : 0;

	if (r == 0 && !str_empty(one))
		r = take_endpoint(settings, "endpoint", one, (enum starttls)starttls, false, &index, error);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_endpoint(
			settings, "endpoints", more[i], (enum starttls)starttls, false, &index, error);
	settings->served_by_first = settings->endpoint_count;
	more = gavea_option_strings(check, "served_by", &count);
	settings->served_by = calloc(count + 1, sizeof(*settings->served_by));
	if (r == 0 && !settings->served_by)
		r = error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = take_endpoint(
			settings, "served_by", more[i], (enum starttls)starttls, true, &index, error);
		if (r == 0)
			settings->served_by[settings->served_by_count++] = index;
	}
	return r;
}

/* ---- Files ---- */

static int judge_path(const char *key, const char *path, struct error *error)
{
	return path && *path != '/' ? error_set(error, -EINVAL, "%s: \"%.128s\" must begin with /", key, path)
				    : 0;
}

static int take_files(struct gavea_check *check, struct settings *settings, struct error *error)
{
	const char *one = gavea_option_string(check, "file");
	size_t count;
	const char *const *more = gavea_option_strings(check, "files", &count);
	int r = str_empty(one) ? 0 : judge_path("file", one, error);

	settings->files = calloc(count + 1, sizeof(*settings->files));
	if (!settings->files)
		return error_set(error, -ENOMEM, "out of memory");
	if (r == 0 && !str_empty(one))
		settings->files[settings->file_count++] = one;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = judge_path("files", more[i], error);
		settings->files[settings->file_count++] = more[i];
	}
	return r;
}

static int judge_paths(const struct settings *settings, struct error *error)
{
	int r = judge_path("ca", settings->ca, error);

	for (size_t i = 0; r == 0 && i < settings->crl_count; i++)
		r = judge_path("crl", settings->crls[i], error);
	if (r == 0)
		r = judge_path("key", settings->key, error);
	if (r == 0)
		r = judge_path("client_certificate", settings->client_certificate, error);
	return r == 0 ? judge_path("client_key", settings->client_key, error) : r;
}

/* What does not go together. */
static int judge_together(const struct settings *settings, const char *one_file, struct error *error)
{
	bool single = settings->file_count == 1 && !str_empty(one_file) && !strpbrk(one_file, "*?[");

	if (settings->endpoint_count == 0 && settings->file_count == 0)
		return error_set(
			error, -EINVAL, "set endpoint, endpoints, file or files: there is nothing to check");
	if (settings->served_by_count && !single)
		return error_set(error, -EINVAL, "served_by: needs file, one single file, to compare with");
	if (settings->key && !single)
		return error_set(error, -EINVAL, "key: needs file, one single file, to compare with");
	if (settings->client_key && !settings->client_certificate)
		return error_set(error, -EINVAL, "client_key: set client_certificate too");
	return 0;
}

/* ---- All of them ---- */

static const char *non_empty(struct gavea_check *check, const char *key)
{
	const char *value = gavea_option_string(check, key);

	return str_empty(value) ? NULL : value;
}

static void take_plain(struct gavea_check *check, struct settings *settings)
{
	static const char *const ocsp[] = {"off", "if-stapled", "require", NULL};
	static const char *const renewal[] = {"auto", "always", "never", NULL};
	static const char *const families[] = {"any", "ipv4", "ipv6", NULL};
	static const char *const addresses[] = {"all", "first", NULL};
	static const int family[] = {AF_UNSPEC, AF_INET, AF_INET6};

	settings->server_name = non_empty(check, "server_name");
	settings->ca = non_empty(check, "ca");
	settings->crls = gavea_option_strings(check, "crl", &settings->crl_count);
	settings->key = non_empty(check, "key");
	settings->client_certificate = non_empty(check, "client_certificate");
	settings->client_key = non_empty(check, "client_key");
	settings->reload_hint = non_empty(check, "reload_hint");
	settings->ocsp = (enum ocsp_mode)choice(check, "ocsp", ocsp);
	settings->renewal = (enum renewal_mode)choice(check, "renewal", renewal);
	settings->family = family[choice(check, "family", families)];
	settings->first_only = choice(check, "addresses", addresses) == 1;
	settings->verify = gavea_option_bool(check, "verify");
	settings->verify_files = gavea_option_bool(check, "verify_files");
	settings->same_certificate = gavea_option_bool(check, "same_certificate");
	settings->concurrency = (unsigned)gavea_option_int(check, "concurrency");
	settings->connect_timeout = gavea_option_int(check, "connect_timeout");
	settings->target_timeout = gavea_option_int(check, "target_timeout");
	settings->reload_grace = gavea_option_int(check, "reload_grace");
}

int settings_read(struct gavea_check *check, struct settings *ret_settings, struct error *error)
{
	struct settings settings = {0};
	struct endpoint name = {0};
	int r;

	take_plain(check, &settings);
	r = threshold_parse("warning", gavea_option_string(check, "warning"), &threshold_warning_default,
		&settings.warning, error);
	if (r == 0)
		r = threshold_parse("critical", gavea_option_string(check, "critical"),
			&threshold_critical_default, &settings.critical, error);
	if (r == 0 && settings.server_name)
		r = endpoint_parse("server_name", settings.server_name, STARTTLS_SMTP, &name, error);
	endpoint_done(&name);
	if (r == 0)
		r = judge_paths(&settings, error);
	if (r == 0)
		r = take_endpoints(check, &settings, error);
	if (r == 0)
		r = take_files(check, &settings, error);
	if (r == 0)
		r = judge_together(&settings, gavea_option_string(check, "file"), error);
	if (r < 0) {
		settings_done(&settings);
		return r;
	}
	*ret_settings = settings;
	return 0;
}

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < settings->endpoint_count; i++)
		endpoint_done(&settings->endpoints[i]);
	free(settings->endpoints);
	free(settings->served_by);
	free(settings->files);
	*settings = (struct settings){0};
}
