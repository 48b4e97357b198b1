/* SPDX-License-Identifier: Apache-2.0 */
/* The output that reports to a central server: docs/protocol.md. */
#include "deliver.h"
#include "identity.h"
#include "sender.h"
#include "target.h"

#include <errno.h>

struct fleet {
	struct sender *sender;
	struct identity *identity;
	bool tls;
	struct delivery_memory memory;
};

static const struct gavea_option options[] = {
	{"url", GAVEA_OPTION_STRING, GAVEA_OPTION_REQUIRED, NULL, NULL,
		"where the server is, such as https://fleet.example.com:8470"},
	{"token", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"what the server knows this agent by, when it has no certificate"},
	{"identity", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"folder of the certificate that `gavea enroll` got; unset: this output's state directory"},
	{"enroll_token", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"gets a certificate with this token when there is none, or only another machine's"},
	{"ca", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"PEM file of the authorities to trust, instead of the system's"},
	{"format", GAVEA_OPTION_CHOICE, 0, "protobuf", "protobuf|json", "form of the reports"},
	{"compression", GAVEA_OPTION_CHOICE, 0, "zstd", "zstd|none", "compression of the reports"},
	{"connect_timeout", GAVEA_OPTION_DURATION, 0, "10s", "100ms..5min", "how long connecting may take"},
	{"request_timeout", GAVEA_OPTION_DURATION, 0, "30s", "100ms..10min", "how long one request may take"},
	{"insecure", GAVEA_OPTION_BOOL, 0, "false", NULL,
		"accept any certificate, and plain http to other hosts: for tests only"},
};

/* What name resolution reads below /run, where /etc/resolv.conf is a link to there. */
static const char *const read_paths[] = {
	"${ca}", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/nscd", NULL};

static const char *const write_paths[] = {"${identity}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_CLIENT,
	.stays = 1,
	.memory = 32 * 1024 * 1024,
	.read_paths = read_paths,
	.write_paths = write_paths,
};

static bool is_choice(struct gavea_check *check, const char *key, const char *word)
{
	const char *value = gavea_option_string(check, key);

	return value && streq(value, word);
}

static int make_identity(struct gavea_check *check, const char *url, struct identity **ret_identity)
{
	const struct identity_settings settings = {
		.url = url,
		.folder = gavea_option_string(check, "identity"),
		.ca_file = gavea_option_string(check, "ca"),
		.enroll_token = gavea_option_secret(check, "enroll_token"),
		.request_timeout = gavea_option_int(check, "request_timeout"),
	};

	return identity_new(check, &settings, ret_identity);
}

static int fleet_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *url = NULL;
	struct sender_settings settings = {
		.ca_file = gavea_option_string(check, "ca"),
		.format = is_choice(check, "format", "json") ? FORMAT_JSON : FORMAT_PROTOBUF,
		.compress = !is_choice(check, "compression", "none"),
		.insecure = gavea_option_bool(check, "insecure"),
		.token = gavea_option_secret(check, "token"),
		.connect_timeout = gavea_option_int(check, "connect_timeout"),
		.request_timeout = gavea_option_int(check, "request_timeout"),
	};
	struct fleet *fleet;
	int r = target_url(gavea_option_string(check, "url"), settings.insecure, &url, &error);

	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	fleet = calloc(1, sizeof(*fleet));
	if (!fleet)
		return gavea_fail(check, -ENOMEM, "out of memory");
	settings.url = url;
	fleet->tls = startswith(url, "https:") != NULL;
	r = sender_new(check, &settings, &fleet->sender, &error);
	if (r == 0 && fleet->tls)
		r = make_identity(check, url, &fleet->identity);
	if (r < 0) {
		sender_free(fleet->sender);
		free(fleet);
		return gavea_fail(check, r, "%s", error_text(&error, r));
	}
	if (settings.insecure)
		gavea_log(check, GAVEA_LOG_WARNING,
			"insecure = true: the server's certificate is not verified");
	*ret_state = fleet;
	return 0;
}

static void post(void *userdata, const struct buf *report, bool last_try, struct verdict *ret_verdict)
{
	struct fleet *fleet = userdata;

	sender_post(fleet->sender, report, last_try, ret_verdict);
	if (ret_verdict->identity_refused)
		identity_reject(fleet->identity);
}

/* Certificates go with TLS only: on loopback without it there is nothing to see to. */
static int prepare(struct gavea_check *check, struct fleet *fleet, struct gavea_batch *batch)
{
	const char *ca_file = gavea_option_string(check, "ca");
	_cleanup_error_ struct error error = ERROR_INIT;
	bool changed = false;
	int r;

	if (!fleet->tls)
		return 0;
	r = identity_prepare(fleet->identity, batch, &changed, &error);
	if (!ca_file && identity_pinned(fleet->identity))
		ca_file = identity_file(fleet->identity);
	if (r == 0 && changed)
		r = sender_set_identity(fleet->sender, ca_file, identity_file(fleet->identity), &error);
	return r < 0 ? gavea_fail(check, r, "%s", error_text(&error, r)) : 0;
}

static int fleet_deliver(struct gavea_check *check, void *state, struct gavea_batch *batch)
{
	struct fleet *fleet = state;
	struct delivery_settings settings = {
		.max_report = sender_max_report(fleet->sender),
		.post = post,
		.userdata = fleet,
		.memory = &fleet->memory,
	};
	int r = prepare(check, fleet, batch);

	if (r < 0)
		return r;
	r = deliver_batch(&settings, check, batch);
	sender_trim(fleet->sender);
	return r;
}

static void fleet_close(struct gavea_check *check, void *state)
{
	struct fleet *fleet = state;

	(void)check;
	if (!fleet)
		return;
	sender_free(fleet->sender);
	identity_free(fleet->identity);
	free(fleet);
}

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "fleet",
		.version = GAVEA_VERSION,
		.summary = "reports to a central server",
		.options = options,
		.option_count = ARRAY_SIZE(options),
		.option_size = sizeof(options[0]),
		.needs = &needs,
		.open = fleet_open,
		.deliver = fleet_deliver,
		.close = fleet_close,
	};

	return &plugin;
}
