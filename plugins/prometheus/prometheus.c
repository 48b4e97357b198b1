/* SPDX-License-Identifier: Apache-2.0 */
/* The output that Prometheus scrapes: README.md. */
#include "intake.h"
#include "keep.h"
#include "listener.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>

#define PATH_MAX_BYTES 128u
#define TIDY_EVERY (5 * NSEC_PER_SEC)
#define KEEP_EVERY RECORDS_SELDOM

struct prometheus {
	struct picture picture;
	struct records *records;
	struct exposition_settings exposition;
	struct credentials *credentials;
	struct tls tls;
	struct pages pages;
	struct listener *listener;
	char *folder; /* where the picture is kept; NULL: nowhere */
	int64_t tidied, written; /* CLOCK_BOOTTIME */
};

static const struct gavea_option options[] = {
	{"listen", GAVEA_OPTION_STRING, 0, "127.0.0.1:9469", NULL,
		"IP address and port to listen on; :9469 for all addresses"},
	{"path", GAVEA_OPTION_STRING, 0, "/metrics", NULL, "where the metrics are"},
	{"staleness", GAVEA_OPTION_DURATION, 0, NULL, "1s..365d",
		"how long a sample is shown without a newer one, instead of three intervals of its check, at "
		"least 5min"},
	{"timestamps", GAVEA_OPTION_BOOL, 0, "false", NULL, "show when each sample was taken"},
	{"agent_labels", GAVEA_OPTION_CHOICE, 0, "info", "info|all|none",
		"where the agent's labels are: on gavea_agent_info, on all series, or nowhere"},
	{"tls_certificate", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of the certificate and its chain: TLS"},
	{"tls_key", GAVEA_OPTION_STRING, 0, NULL, NULL, "PEM file of its key"},
	{"tls_client_ca", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of authorities: clients must show a certificate of theirs"},
	{"user", GAVEA_OPTION_STRING, 0, "prometheus", NULL, "who may read, when there is a password"},
	{"password", GAVEA_OPTION_SECRET, 0, NULL, NULL, "what a client must know (HTTP Basic)"},
};

static const char *const read_paths[] = {"${tls_certificate}", "${tls_key}", "${tls_client_ca}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_SERVER,
	.stays = 1,
	.memory = 128 * 1024 * 1024,
	.read_paths = read_paths,
};

/* ---- Options ---- */

static const char *option_or_null(struct gavea_check *check, const char *key)
{
	const char *value = gavea_option_string(check, key);

	return str_empty(value) ? NULL : value;
}

static bool is_choice(struct gavea_check *check, const char *key, const char *word)
{
	const char *value = gavea_option_string(check, key);

	return value && streq(value, word);
}

static int read_path(struct gavea_check *check, const char **ret_path, struct error *error)
{
	const char *path = gavea_option_string(check, "path");

	if (!path || path[0] != '/' || !path[1] || strlen(path) > PATH_MAX_BYTES ||
		strspn(path, "/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
			strlen(path) ||
		streq(path, "/-/healthy"))
		return error_set(error, -EINVAL,
			"path: must begin with / and have letters, digits and -._~ only, such as /metrics");
	*ret_path = path;
	return 0;
}

static int read_credentials(
	struct gavea_check *check, struct credentials **ret_credentials, struct error *error)
{
	const struct gavea_secret *secret = gavea_option_secret(check, "password");
	const char *user = gavea_option_string(check, "user"), *password;
	size_t size;

	if (!secret)
		return 0;
	password = gavea_secret_bytes(check, secret, &size);
	return credentials_new(user ? user : "", password, size, ret_credentials, error);
}

static int read_tls(struct gavea_check *check, struct tls *ret_tls, struct error *error)
{
	const struct tls_files files = {
		.certificate = option_or_null(check, "tls_certificate"),
		.key = option_or_null(check, "tls_key"),
		.client_ca = option_or_null(check, "tls_client_ca"),
	};

	return tls_load(&files, ret_tls, error);
}

/* ---- Life ---- */

static void prometheus_free(struct prometheus *prometheus)
{
	listener_stop(prometheus->listener);
	cache_done(&prometheus->pages.cache);
	tls_done(&prometheus->tls);
	credentials_free(prometheus->credentials);
	records_free(prometheus->records);
	picture_done(&prometheus->picture);
	free(prometheus->folder);
	free(prometheus);
}

static int read_options(struct prometheus *prometheus, struct gavea_check *check, struct error *error)
{
	int r = read_path(check, &prometheus->pages.path, error);

	if (r == 0)
		r = read_credentials(check, &prometheus->credentials, error);
	if (r == 0)
		r = read_tls(check, &prometheus->tls, error);
	prometheus->exposition.timestamps = gavea_option_bool(check, "timestamps");
	prometheus->exposition.agent_info = !is_choice(check, "agent_labels", "none");
	prometheus->exposition.agent_labels = is_choice(check, "agent_labels", "all");
	return r;
}

static int start(struct prometheus *prometheus, struct gavea_check *check, struct error *error)
{
	prometheus->pages.cache.picture = &prometheus->picture;
	prometheus->pages.cache.settings = &prometheus->exposition;
	prometheus->pages.credentials = prometheus->credentials;
	return listener_start(gavea_option_string(check, "listen"), &prometheus->tls, &prometheus->pages,
		&prometheus->listener, error);
}

static void tell(const struct prometheus *prometheus, struct gavea_check *check)
{
	bool tls = prometheus->tls.certificate.size > 0;

	gavea_log(check, GAVEA_LOG_NOTICE, "listening on %s://%s%s", tls ? "https" : "http",
		listener_address(prometheus->listener), prometheus->pages.path);
	if (prometheus->credentials && !tls && !listener_is_local(prometheus->listener))
		gavea_log(check, GAVEA_LOG_WARNING,
			"the password travels in the clear: set tls_certificate and tls_key");
}

/* Takes up what an earlier worker knew. Without it, the picture fills as checks run. */
static void remember(struct prometheus *prometheus, struct gavea_check *check)
{
	const char *folder = gavea_state_directory(check);
	int r;

	prometheus->folder = folder ? strdup(folder) : NULL;
	if (!prometheus->folder)
		return;
	prometheus->written = clock_ns(CLOCK_BOOTTIME);
	r = keep_read(prometheus->records, prometheus->folder, clock_unix_ms(), prometheus->written);
	if (r < 0)
		gavea_log(check, GAVEA_LOG_WARNING, "%s: %s: begins without all that was known",
			prometheus->folder, r == -EBADMSG ? "damaged" : strerror(-r));
}

static int prometheus_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct prometheus *prometheus = calloc(1, sizeof(*prometheus));
	int r;

	if (!prometheus)
		return gavea_fail(check, -ENOMEM, "out of memory");
	picture_init(&prometheus->picture, gavea_option_int(check, "staleness"));
	r = records_new(&prometheus->picture, &prometheus->records);
	if (r == 0)
		r = read_options(prometheus, check, &error);
	if (r == 0)
		remember(prometheus, check);
	if (r == 0)
		r = start(prometheus, check, &error);
	if (r < 0) {
		prometheus_free(prometheus);
		return gavea_fail(check, r, "%s", error_text(&error, r));
	}
	tell(prometheus, check);
	*ret_state = prometheus;
	return 0;
}

static void keep(struct prometheus *prometheus, struct gavea_check *check, enum keep what)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	int r;

	if (!prometheus->folder)
		return;
	r = keep_write(&prometheus->picture, prometheus->folder, what, now);
	if (r < 0)
		gavea_log(check, GAVEA_LOG_WARNING, "%s: cannot be written: %s", prometheus->folder,
			strerror(-r));
	if (what == KEEP_ALL)
		prometheus->written = now;
}

/* A state that has changed is kept at once, so that a worker that begins anew does not tell the one before; samples of a
 * check that runs seldom, because they don't come again soon. */
static void keep_if_due(struct prometheus *prometheus, struct gavea_check *check)
{
	enum change change = records_take_change(prometheus->records);

	if (change == CHANGE_MORE || clock_ns(CLOCK_BOOTTIME) - prometheus->written > KEEP_EVERY)
		keep(prometheus, check, KEEP_ALL);
	else if (change == CHANGE_STATE)
		keep(prometheus, check, KEEP_STATES);
}

/* Takes up files of TLS that were renewed in place. (One that was replaced needs a new sandbox: the worker sees to
 * that.) Those that can't be read now, or don't fit each other yet, are looked at again later. */
static void renew_tls(struct prometheus *prometheus, struct gavea_check *check)
{
	struct tls tls = {BUF_INIT, BUF_INIT, BUF_INIT};

	if (prometheus->tls.certificate.size == 0 || read_tls(check, &tls, NULL) < 0)
		return;
	if (tls_same(&tls, &prometheus->tls)) {
		tls_done(&tls);
		return;
	}
	gavea_log(check, GAVEA_LOG_NOTICE, "the files of TLS have changed");
	listener_stop(TAKE_PTR(prometheus->listener));
	tls_done(&prometheus->tls);
	prometheus->tls = tls;
}

static void tidy(struct prometheus *prometheus, struct gavea_check *check)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);

	if (now - prometheus->tidied < TIDY_EVERY)
		return;
	prometheus->tidied = now;
	records_sweep(prometheus->records, now);
	renew_tls(prometheus, check);
}

static int start_again(struct prometheus *prometheus, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = start(prometheus, check, &error);

	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	tell(prometheus, check);
	return 0;
}

static int prometheus_deliver(struct gavea_check *check, void *state, struct gavea_batch *batch)
{
	struct prometheus *prometheus = state;
	uint64_t seq = 0;
	int r = intake_facts(check, batch, &prometheus->picture);

	if (r < 0)
		return gavea_fail(check, r, "out of memory");
	r = intake_batch(check, batch, prometheus->records, &seq);
	tidy(prometheus, check);
	keep_if_due(prometheus, check);
	if (seq > 0)
		gavea_batch_acknowledge(check, batch, seq);
	if (r == 0 && !prometheus->listener)
		r = start_again(prometheus, check);
	return r;
}

static void prometheus_close(struct gavea_check *check, void *state)
{
	if (!state)
		return;
	keep(state, check, KEEP_ALL);
	prometheus_free(state);
}

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "prometheus",
		.version = GAVEA_VERSION,
		.summary = "shows metrics and checks to Prometheus",
		.options = options,
		.option_count = ARRAY_SIZE(options),
		.option_size = sizeof(options[0]),
		.needs = &needs,
		.open = prometheus_open,
		.deliver = prometheus_deliver,
		.close = prometheus_close,
	};

	return &plugin;
}
