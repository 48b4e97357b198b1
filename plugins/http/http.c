/* SPDX-License-Identifier: Apache-2.0 */
/* Asks web servers, and judges what they answer: one request, or a sequence that passes values on. */
#include "sequence.h"

#include "base/clock.h"
#include "kit/resolve.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

struct http {
	struct plan plan;
	struct client *client;
	struct variables given;
	char *host; /* of url */
	uint16_t port;
	char *shown_url;
	bool all_addresses;
	int family;
	bool insecure;
};

static const struct gavea_option options[] = {
	{"url", GAVEA_OPTION_STRING, GAVEA_OPTION_REQUIRED, NULL, NULL,
		"what is asked, such as https://www.example.com/health; with steps, the server that their "
		"paths are on"},
	{"steps", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"a sequence of requests, each \"name: METHOD /path\"; entries of the lists below then begin "
		"with "
		"\"name: \", or \"*: \" for all"},
	{"method", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"method of a single request; GET, or POST with a body"},
	{"header", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "headers to send, \"Name: value\""},
	{"json", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "body to send, as JSON"},
	{"body", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "body to send, as it stands"},
	{"expect", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"conditions that must hold, such as \"status == 200\" or \"has(body.id)\"; without one about "
		"the status it "
		"must be 2xx"},
	{"warn", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"conditions whose failure is a warning only, such as \"latency < 1s\""},
	{"extract", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"values for later steps, such as \"token = body.token\", which they use as {{token}}"},
	{"user", GAVEA_OPTION_STRING, 0, NULL, NULL, "user for HTTP Basic; also {{user}}"},
	{"password", GAVEA_OPTION_SECRET, 0, NULL, NULL, "its password; also {{password}}"},
	{"bearer", GAVEA_OPTION_SECRET, 0, NULL, NULL, "token for the Authorization header; also {{bearer}}"},
	{"secret", GAVEA_OPTION_SECRET, 0, NULL, NULL, "any other secret, for use as {{secret}}"},
	{"secret_header", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"a whole header that is secret, \"Name: value\""},
	{"client_certificate", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of the certificate to show the server"},
	{"client_key", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of its key; else it is in client_certificate"},
	{"key_password", GAVEA_OPTION_SECRET, 0, NULL, NULL, "what the key is encrypted with"},
	{"ca", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of the authorities to trust, instead of the system's"},
	{"insecure", GAVEA_OPTION_BOOL, 0, "false", NULL, "accept any certificate; the summary says so"},
	{"addresses", GAVEA_OPTION_CHOICE, 0, "any", "any|all",
		"any: whichever address answers first; all: each address of the name by itself"},
	{"family", GAVEA_OPTION_CHOICE, 0, "any", "any|ipv4|ipv6", "which addresses of the name to use"},
	{"unix_socket", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"path of a socket to connect to, instead of the host in url"},
	{"proxy", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"proxy to go through, such as http://proxy.example.com:3128"},
	{"proxy_user", GAVEA_OPTION_STRING, 0, NULL, NULL, "user for the proxy"},
	{"proxy_password", GAVEA_OPTION_SECRET, 0, NULL, NULL, "password for the proxy"},
	{"http_version", GAVEA_OPTION_CHOICE, 0, "auto", "auto|1.1|2|2-prior-knowledge",
		"auto: HTTP/2 where TLS agrees on it; 2: nothing less; 2-prior-knowledge: HTTP/2 without "
		"TLS"},
	{"compression", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"accept answers that are compressed with gzip or deflate"},
	{"redirects", GAVEA_OPTION_INT, 0, "0", "0..20", "how many redirects to follow"},
	{"allow_downgrade", GAVEA_OPTION_BOOL, 0, "false", NULL, "follow redirects from https to http"},
	{"allow_link_local", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"connect to link-local and cloud metadata addresses even when url does not name one"},
	{"max_body", GAVEA_OPTION_SIZE, 0, "1MiB", "1KiB..8MiB", "a larger answer is a failure"},
	{"step_timeout", GAVEA_OPTION_DURATION, 0, "10s", "10ms..1h",
		"how long one request may take, redirects included"},
	{"retries", GAVEA_OPTION_INT, 0, "0", "0..10", "how often a request that failed is tried again"},
	{"retry_pause", GAVEA_OPTION_DURATION, 0, "1s", "0..5min", "how long to wait before that"},
	{"stop_on_failure", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"do not run the steps after one that failed"},
};

/* What name resolution reads below /run, where /etc/resolv.conf is a link to there. */
static const char *const read_paths[] = {"${ca}", "${client_certificate}", "${client_key}",
	"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_CLIENT,
	.concurrency = 8,
	.memory = 256 * 1024 * 1024,
	.read_paths = read_paths,
};

static bool is_choice(struct gavea_check *check, const char *key, const char *word)
{
	const char *value = gavea_option_string(check, key);

	return value && streq(value, word);
}

/* ---- Options ---- */

static enum client_version version_of(struct gavea_check *check)
{
	if (is_choice(check, "http_version", "1.1"))
		return CLIENT_VERSION_1_1;
	if (is_choice(check, "http_version", "2"))
		return CLIENT_VERSION_2;
	return is_choice(check, "http_version", "2-prior-knowledge") ? CLIENT_VERSION_2_PLAIN
								     : CLIENT_VERSION_AUTO;
}

static void read_settings(
	struct gavea_check *check, const struct http *http, struct client_settings *settings)
{
	*settings = (struct client_settings){
		.check = check,
		.base_url = http->plan.url,
		.user = gavea_option_string(check, "user"),
		.proxy = gavea_option_string(check, "proxy"),
		.proxy_user = gavea_option_string(check, "proxy_user"),
		.ca = gavea_option_string(check, "ca"),
		.certificate = gavea_option_string(check, "client_certificate"),
		.key = gavea_option_string(check, "client_key"),
		.unix_socket = gavea_option_string(check, "unix_socket"),
		.password = gavea_option_secret(check, "password"),
		.bearer = gavea_option_secret(check, "bearer"),
		.secret_header = gavea_option_secret(check, "secret_header"),
		.key_password = gavea_option_secret(check, "key_password"),
		.proxy_password = gavea_option_secret(check, "proxy_password"),
		.version = version_of(check),
		.family = http->family,
		.insecure = http->insecure,
		.compression = gavea_option_bool(check, "compression"),
		.allow_downgrade = gavea_option_bool(check, "allow_downgrade"),
		.allow_link_local = gavea_option_bool(check, "allow_link_local"),
		.max_redirects = (int)gavea_option_int(check, "redirects"),
		.max_body = (size_t)gavea_option_int(check, "max_body"),
	};
}

static int judge_secret(
	struct gavea_check *check, const char *key, const struct gavea_secret *secret, struct error *error)
{
	size_t size = 0;
	const char *bytes = secret ? gavea_secret_bytes(check, secret, &size) : "";

	for (size_t i = 0; i < size; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			return error_set(error, -EINVAL,
				"%s: has a control character, which a header cannot carry", key);
	return 0;
}

static int judge_proxy(const char *proxy, struct error *error)
{
	static const char *const schemes[] = {"http://", "https://", "socks5h://"};
	const char *host = NULL, *port;

	if (!proxy)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(schemes) && !host; i++)
		host = startswith(proxy, schemes[i]);
	if (!host)
		return error_set(error, -EINVAL, "proxy: must begin with http://, https:// or socks5h://");
	if (strchr(host, '@'))
		return error_set(error, -EINVAL,
			"proxy: must not hold a user or password: use proxy_user and proxy_password");
	port = strrchr(host, ':');
	if (!port || port == host || !port[1] || port[1 + strspn(port + 1, "0123456789")] || strlen(port) > 6)
		return error_set(
			error, -EINVAL, "proxy: must end with a port, as in http://proxy.example.com:3128");
	return 0;
}

static int judge_settings(struct gavea_check *check, const struct http *http,
	const struct client_settings *settings, struct error *error)
{
	int r = judge_secret(check, "bearer", settings->bearer, error);

	if (r == 0)
		r = judge_secret(check, "secret_header", settings->secret_header, error);
	if (r == 0)
		r = judge_proxy(settings->proxy, error);
	if (r < 0)
		return r;
	if (settings->secret_header && !strchr(gavea_secret_bytes(check, settings->secret_header, NULL), ':'))
		return error_set(error, -EINVAL, "secret_header: is not of the form Name: value");
	if (settings->bearer && settings->user)
		return error_set(error, -EINVAL,
			"bearer: cannot be used together with user: both are an Authorization header");
	if (settings->key && !settings->certificate)
		return error_set(error, -EINVAL, "client_key: needs client_certificate");
	if (settings->proxy && settings->unix_socket)
		return error_set(error, -EINVAL, "unix_socket: cannot be used together with proxy");
	if (http->all_addresses && (settings->proxy || settings->unix_socket))
		return error_set(error, -EINVAL,
			"addresses: \"all\" needs a direct connection, without proxy or unix_socket");
	return 0;
}

static int give_user(struct gavea_check *check, const char *user, struct variables *given)
{
	const struct gavea_secret *password = gavea_option_secret(check, "password");
	_cleanup_buf_ struct buf plain = BUF_INIT;
	unsigned char *encoded;
	int r = variables_set(given, "user", user, strlen(user), HIDE_NEVER);

	if (r < 0)
		return r;
	/* What Basic sends is hidden too; nothing can refer to it. */
	buf_printf(&plain, "%s:%s", user, password ? gavea_secret_bytes(check, password, NULL) : "");
	encoded = buf_error(&plain) ? NULL : malloc(plain.size / 3 * 4 + 5);
	if (!encoded)
		return -ENOMEM;
	EVP_EncodeBlock(encoded, (const unsigned char *)plain.data, (int)plain.size);
	r = variables_set(given, "basic", (const char *)encoded, strlen((const char *)encoded), HIDE_ALWAYS);
	explicit_bzero(encoded, strlen((const char *)encoded));
	explicit_bzero(plain.data, plain.size);
	free(encoded);
	return r;
}

static int give_header(struct gavea_check *check, struct variables *given)
{
	const struct gavea_secret *secret = gavea_option_secret(check, "secret_header");
	const char *value = secret ? strchr(gavea_secret_bytes(check, secret, NULL), ':') : NULL;

	if (!value)
		return 0;
	value += 1 + strspn(value + 1, " \t");
	return variables_set(given, "secret_header", value, strlen(value), HIDE_ALWAYS);
}

/* Names of those that texts may refer to; NULL at the end. */
static int give_variables(struct gavea_check *check, struct variables *given, const char *names[static 5])
{
	static const char *const secrets[] = {"password", "bearer", "secret"};
	const char *user = gavea_option_string(check, "user");
	size_t count = 0;
	int r = user ? give_user(check, user, given) : 0;

	if (user)
		names[count++] = "user";
	if (r == 0)
		r = give_header(check, given);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(secrets); i++) {
		const struct gavea_secret *secret = gavea_option_secret(check, secrets[i]);
		const char *bytes;
		size_t size;

		if (!secret)
			continue;
		bytes = gavea_secret_bytes(check, secret, &size);
		names[count++] = secrets[i];
		r = variables_set(given, secrets[i], bytes, size, HIDE_ALWAYS);
	}
	names[count] = NULL;
	return r;
}

/* ---- Callbacks ---- */

static void http_close(struct gavea_check *check, void *state)
{
	struct http *http = state;

	(void)check;
	if (!http)
		return;
	client_free(http->client);
	plan_done(&http->plan);
	variables_done(&http->given);
	free(http->host);
	free(http->shown_url);
	free(http);
}

static int set_up(struct gavea_check *check, struct http *http, struct error *error)
{
	struct client_settings settings;
	const char *names[5];
	int r = give_variables(check, &http->given, names);

	if (r < 0)
		return error_set(error, r, r == -E2BIG ? "a secret has more than 64 KiB" : "out of memory");
	r = plan_read(check, names, &http->plan, error);
	if (r < 0)
		return r;
	http->all_addresses = is_choice(check, "addresses", "all");
	http->insecure = gavea_option_bool(check, "insecure");
	http->family = is_choice(check, "family", "ipv4") ? AF_INET
		: is_choice(check, "family", "ipv6")      ? AF_INET6
							  : AF_UNSPEC;
	http->shown_url = url_shown(http->plan.url);
	r = url_host(http->plan.url, &http->host, &http->port);
	if (r < 0 || !http->shown_url)
		return error_set(error, -ENOMEM, "out of memory");
	read_settings(check, http, &settings);
	r = judge_settings(check, http, &settings, error);
	return r < 0 ? r : client_new(&settings, &http->client, error);
}

static int http_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct http *http = calloc(1, sizeof *http);
	int r;

	if (!http)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = set_up(check, http, &error);
	if (r < 0) {
		http_close(check, http);
		return gavea_fail(check, r, "%s", error_text(&error, r));
	}
	if (http->insecure)
		gavea_log(check, GAVEA_LOG_WARNING, "insecure = true: certificates are not verified");
	*ret_state = http;
	return 0;
}

static bool cancelled(void *userdata)
{
	return gavea_cancelled(userdata);
}

/* When the run has to be over: a little before the host's deadline, so that the result still counts. */
static int64_t own_deadline(struct gavea_check *check)
{
	int64_t now = gavea_now(check), deadline = gavea_deadline(check);

	if (deadline == INT64_MAX)
		return now + 3600 * NSEC_PER_SEC;
	return deadline - MIN((deadline - now) / 10, NSEC_PER_SEC / 2);
}

static int run_all(const struct sequence *sequence, const struct http *http, int64_t deadline)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct resolve_request question = {
		.host = http->host,
		.port = http->port,
		.family = http->family,
		.deadline = deadline,
		.cancelled = cancelled,
		.userdata = sequence->check,
	};
	char text[RESOLVE_TEXT_SIZE], bare[256];
	struct addresses addresses;
	int r;

	/* IPv6 addresses stand in brackets in a URL, and nowhere else. */
	snprintf(bare, sizeof bare, "%s", http->host + (*http->host == '['));
	bare[strcspn(bare, "]")] = '\0';
	question.host = bare;
	r = resolve(&question, &addresses, &error);
	if (r == -ECANCELED || r == -ENOMEM)
		return r;
	if (r < 0) {
		gavea_result(
			sequence->check, GAVEA_CRITICAL, "%s: %s", http->shown_url, error_text(&error, r));
		return 1;
	}
	for (size_t i = 0; r == 0 && i < addresses.count; i++) {
		int64_t now = gavea_now(sequence->check);

		/* One that hangs must not use up the time of the others. */
		r = sequence_run(sequence, address_text(text, &addresses.list[i]),
			now + (deadline - now) / (int64_t)(addresses.count - i));
	}
	return r;
}

static int http_run(struct gavea_check *check, void *state)
{
	struct http *http = state;
	struct report report = {
		.check = check, .shown_url = http->shown_url, .insecure = http->insecure, .worst = BUF_INIT};
	struct sequence sequence = {
		.check = check,
		.plan = &http->plan,
		.client = http->client,
		.report = &report,
		.step_timeout = gavea_option_int(check, "step_timeout"),
		.retry_pause = gavea_option_int(check, "retry_pause"),
		.retries = (int)gavea_option_int(check, "retries"),
		.stop_on_failure = gavea_option_bool(check, "stop_on_failure"),
		.host = http->host,
		.given = &http->given,
	};
	int64_t deadline = own_deadline(check);
	int r = http->all_addresses ? run_all(&sequence, http, deadline)
				    : sequence_run(&sequence, NULL, deadline);

	if (r == 0)
		report_end(&report);
	buf_done(&report.worst);
	if (r < 0)
		return gavea_fail(check, r, "%s", r == -ECANCELED ? "cancelled" : strerror(-r));
	return 0;
}

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "http",
		.version = GAVEA_VERSION,
		.summary = "asks web servers, one request or a sequence, and judges what they answer",
		.options = options,
		.option_count = ARRAY_SIZE(options),
		.option_size = sizeof(options[0]),
		.needs = &needs,
		.open = http_open,
		.run = http_run,
		.close = http_close,
	};

	return &plugin;
}
