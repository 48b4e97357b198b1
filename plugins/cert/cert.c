/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: certificates that servers show and that lie in files. */
#include "compare.h"
#include "report.h"
#include "settings.h"
#include "tls.h"
#include "trust.h"

#include "base/clock.h"

#include <errno.h>

/* Kept back of the time of a run for saying what was found. */
#define RESERVE (500 * NSEC_PER_MSEC)

/* Private keys are often for root alone: where the unit grants it, this reads what read_paths names and nothing else. */
static const char *const capabilities[] = {"CAP_DAC_READ_SEARCH", NULL};

static const char *const read_paths[] = {"${file}", "${files}", "${ca}", "${crl}", "${key}",
	"${client_certificate}", "${client_key}", "/run/systemd/resolve", "/run/NetworkManager",
	"/run/resolvconf", "/run/nscd", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_CLIENT,
	.concurrency = 2,
	.memory = 128 * 1024 * 1024,
	.open_files = 1200,
	.capabilities = capabilities,
	.read_paths = read_paths,
};

static int cert_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct settings *settings = calloc(1, sizeof(*settings));
	int r;

	if (!settings)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = settings_read(check, settings, &error);
	if (r < 0) {
		free(settings);
		return gavea_fail(check, r, "%s", error_text(&error, r));
	}
	*ret_state = settings;
	return 0;
}

static void cert_close(struct gavea_check *check, void *state)
{
	struct settings *settings = state;

	(void)check;
	if (!settings)
		return;
	settings_done(settings);
	free(settings);
}

/* ---- A run ---- */

struct run {
	struct gavea_check *check;
	const struct settings *settings;
	struct trust trust;
	struct judge_settings judge;
	int64_t deadline;
	struct target *targets;
	struct fileset fileset;
};

static bool is_cancelled(void *userdata)
{
	return gavea_cancelled(userdata);
}

static const char *secret(struct gavea_check *check, const char *key)
{
	const struct gavea_secret *handle = gavea_option_secret(check, key);

	return handle ? gavea_secret_bytes(check, handle, NULL) : NULL;
}

static int prepare(struct run *run, struct error *error)
{
	const struct settings *settings = run->settings;
	int64_t now = clock_ns(CLOCK_MONOTONIC), until = gavea_deadline(run->check);
	int r = trust_load(settings->ca, settings->crls, settings->crl_count, &run->trust, error);

	run->judge = (struct judge_settings){
		.store = run->trust.store,
		.partial = run->trust.partial,
		.store_empty = run->trust.empty,
		.lists = run->trust.lists,
		.warning = settings->warning,
		.critical = settings->critical,
		.ocsp = settings->ocsp,
		.now = clock_unix_ms() / 1000,
	};
	run->deadline =
		until == INT64_MAX ? until : until - MIN(RESERVE, MAX((until - now) / 10, INT64_C(0)));
	return r;
}

static int visit_endpoints(struct run *run, struct error *error)
{
	const struct settings *settings = run->settings;
	const char *key = settings->client_key ? settings->client_key : settings->client_certificate;
	struct sweep_settings sweep_settings = {
		.probe = {.judge = &run->judge,
			.server_name = settings->server_name,
			.verify = settings->verify,
			.has_client_certificate = settings->client_certificate,
			.connect_timeout = settings->connect_timeout},
		.concurrency = settings->concurrency,
		.family = settings->family,
		.first_only = settings->first_only,
		.target_timeout = settings->target_timeout,
		.deadline = run->deadline,
		.cancelled = is_cancelled,
		.userdata = run->check,
	};
	int r;

	if (!settings->endpoint_count)
		return 0;
	run->targets = calloc(settings->endpoint_count, sizeof(*run->targets));
	if (!run->targets)
		return error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < settings->endpoint_count; i++)
		run->targets[i].endpoint = &settings->endpoints[i];
	sweep_settings.probe.tls =
		tls_context_new(settings->client_certificate, key, secret(run->check, "key_password"), error);
	if (!sweep_settings.probe.tls)
		return -EINVAL;
	r = sweep(&sweep_settings, run->targets, settings->endpoint_count, error);
	SSL_CTX_free(sweep_settings.probe.tls);
	return r;
}

static int read_files(struct run *run, struct error *error)
{
	const struct settings *settings = run->settings;
	struct fileset_settings fileset_settings = {
		.judge = &run->judge,
		.verify = settings->verify_files,
		.server_name = settings->server_name,
		.key = settings->key,
		.renewal = settings->renewal,
		.secrets = {.password = secret(run->check, "password"),
			.key_password = secret(run->check, "key_password")},
		.deadline = run->deadline,
		.cancelled = is_cancelled,
		.userdata = run->check,
	};
	int r = fileset_read(&fileset_settings, settings->files, settings->file_count, &run->fileset);

	return r < 0 ? error_set(error, r, "cannot read the files: %s", strerror(-r)) : 0;
}

static void compare(struct run *run)
{
	const struct settings *settings = run->settings;
	struct compare_settings compare_settings = {
		.reload_hint = settings->reload_hint,
		.reload_grace = settings->reload_grace / NSEC_PER_SEC,
		.now = run->judge.now,
	};

	for (size_t i = 0; settings->same_certificate && i < settings->endpoint_count; i++)
		compare_addresses(&run->targets[i]);
	/* The file's leaf, or, when it could not be read, whatever is said about it. */
	for (size_t i = 0; i < settings->served_by_count && run->fileset.count; i++)
		compare_served(
			&compare_settings, &run->targets[settings->served_by[i]], &run->fileset.list[0]);
}

static void report(struct run *run)
{
	struct report report = {
		.check = run->check,
		.memory = memory_open(run->check),
		.now = run->judge.now,
	};

	for (size_t i = 0; i < run->settings->endpoint_count; i++)
		report_target(&report, &run->targets[i]);
	report_files(&report, &run->fileset);
	report_end(&report);
	if (report.memory)
		memory_save(report.memory);
	memory_free(report.memory);
}

static int cert_run(struct gavea_check *check, void *state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct run run = {.check = check, .settings = state};
	int r = prepare(&run, &error);

	/* Files first: they cost nothing, and endpoints may take all the time there is. */
	if (r == 0)
		r = read_files(&run, &error);
	if (r == 0)
		r = visit_endpoints(&run, &error);
	if (r == 0) {
		compare(&run);
		report(&run);
	}
	if (run.targets)
		targets_free(run.targets, run.settings->endpoint_count);
	fileset_done(&run.fileset);
	trust_done(&run.trust);
	return r < 0 ? gavea_fail(check, r, "%s", error_text(&error, r)) : 0;
}

const struct gavea_plugin *gavea_plugin(void)
{
	static const struct gavea_plugin plugin = {
		.magic = GAVEA_PLUGIN_MAGIC,
		.abi_major = GAVEA_ABI_MAJOR,
		.abi_minor = GAVEA_ABI_MINOR,
		.size = sizeof(plugin),
		.name = "cert",
		.version = GAVEA_VERSION,
		.summary = "certificates of servers and in files: do they hold, and how long",
		.options = settings_options,
		.option_count = SETTINGS_OPTION_COUNT,
		.option_size = sizeof(settings_options[0]),
		.needs = &needs,
		.open = cert_open,
		.run = cert_run,
		.close = cert_close,
	};

	return &plugin;
}
