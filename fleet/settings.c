/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/settings.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/suggest.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <limits.h>

#define FILE_MAX ((size_t)1 << 20)
#define SECRET_MAX ((size_t)4096)

int settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.address = strdup("127.0.0.1"),
		.port = 8470,
		.state = strdup("/var/lib/gavea-fleet"),
		.log_level = LOG_LEVEL_INFO,
		.threads = 2,
		.max_connections = 4096,
		.idle_timeout_s = 120,
		.writer =
			{
				.events_keep_ms = INT64_C(30) * 86400 * 1000,
				.events_max = 1000000,
				.snapshot_every_ms = 60000,
				.queue_reports = 4096,
				.queue_bytes = (size_t)256 << 20,
			},
	};
	return settings->address && settings->state ? 0 : -ENOMEM;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void settings_done(struct settings *settings)
{
	free(settings->address);
	free(settings->certificate);
	free(settings->key);
	free_secret(settings->report_token);
	free_secret(settings->read_token);
	free(settings->state);
	free(settings->port_file);
	for (size_t i = 0; i < settings->plot_count; i++)
		free(settings->plots[i]);
	free(settings->plots);
	*settings = (struct settings){};
}

static int replace(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free_secret(*text);
	*text = copy;
	return 0;
}

int settings_set_listen(struct settings *settings, const char *text)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *address = NULL;
	uint64_t port;

	if (!colon || parse_uint64(colon + 1, &port) < 0 || port > UINT16_MAX)
		return -EINVAL;
	if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
		address = strndup(text + 1, (size_t)(colon - text) - 2);
	else
		address = strndup(text, (size_t)(colon - text));
	if (!address)
		return -ENOMEM;
	if (strchr(address, ':') && text[0] != '[')
		return -EINVAL;
	free(settings->address);
	settings->address = TAKE_PTR(address);
	settings->port = (uint16_t)port;
	return 0;
}

/* ---- Values. Each gets the setting's text and stores it: 0, -ENOMEM, or -EINVAL with the reason in error.
 * ---- */

static int set_listen(struct settings *settings, const char *text, struct error *error)
{
	int r = settings_set_listen(settings, text);

	return r == -EINVAL ? error_set(error, r, "'%s' is not ADDRESS:PORT", text) : r;
}

static int set_certificate(struct settings *settings, const char *text, struct error *error _unused_)
{
	return replace(&settings->certificate, text);
}

static int set_key(struct settings *settings, const char *text, struct error *error _unused_)
{
	return replace(&settings->key, text);
}

/* A token itself, or ${file:PATH} and ${credential:NAME} in its place. */
static int set_token(char **token, const char *text, struct error *error)
{
	const char *file = startswith(text, "${file:"), *credential = startswith(text, "${credential:");
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *name = file ? file : credential;
	_cleanup_buf_ struct buf path = BUF_INIT, secret = BUF_INIT;
	int r;

	if (!name)
		return *text ? replace(token, text) : error_set(error, -EINVAL, "a token may not be empty");
	if (name[0] == 0 || name[strlen(name) - 1] != '}')
		return error_set(error, -EINVAL, "'%s' lacks its closing brace", text);
	if (credential && !folder)
		return error_set(error, -EINVAL, "%s: systemd gave no credentials to this process", text);
	if (credential)
		buf_printf(&path, "%s/", folder);
	buf_add(&path, name, strlen(name) - 1);
	r = file_read(AT_FDCWD, buf_str(&path), SECRET_MAX, &secret);
	if (r < 0)
		return error_set(error, r, "can't read %s: %s", buf_str(&path), strerror(-r));
	while (secret.size > 0 && isspace((unsigned char)secret.data[secret.size - 1]))
		secret.data[--secret.size] = 0;
	if (secret.size == 0 || strlen(secret.data) != secret.size)
		return error_set(error, -EINVAL, "%s holds no token", buf_str(&path));
	r = replace(token, secret.data);
	explicit_bzero(secret.data, secret.room);
	return r;
}

static int set_report_token(struct settings *settings, const char *text, struct error *error)
{
	return set_token(&settings->report_token, text, error);
}

static int set_read_token(struct settings *settings, const char *text, struct error *error)
{
	return set_token(&settings->read_token, text, error);
}

static int set_state(struct settings *settings, const char *text, struct error *error)
{
	return text[0] == '/' ? replace(&settings->state, text)
			      : error_set(error, -EINVAL, "'%s' is not an absolute path", text);
}

static int set_log_level(struct settings *settings, const char *text, struct error *error)
{
	int level = log_level_from_name(text);

	if (level < 0)
		return error_set(
			error, -EINVAL, "'%s' is not one of error, warning, notice, info, debug", text);
	settings->log_level = level;
	return 0;
}

static int get_duration(
	const char *text, int64_t low_ms, int64_t high_ms, int64_t *ret_ms, struct error *error)
{
	char low[32], high[32];
	int64_t ns;

	if (parse_duration(text, &ns) < 0)
		return error_set(error, -EINVAL, "'%s' is not a duration such as \"30s\" or \"2h\"", text);
	if (ns < low_ms * NSEC_PER_MSEC || ns > high_ms * NSEC_PER_MSEC)
		return error_set(error, -ERANGE, "%s is not between %s and %s", text,
			format_duration(low, low_ms * NSEC_PER_MSEC),
			format_duration(high, high_ms * NSEC_PER_MSEC));
	*ret_ms = ns / NSEC_PER_MSEC;
	return 0;
}

static int set_idle_timeout(struct settings *settings, const char *text, struct error *error)
{
	int64_t ms = 0;
	int r = get_duration(text, 1000, 3600000, &ms, error);

	if (r == 0)
		settings->idle_timeout_s = (unsigned)(ms / 1000);
	return r;
}

static int set_events(struct settings *settings, const char *text, struct error *error)
{
	return get_duration(
		text, 60000, INT64_C(10) * 366 * 86400 * 1000, &settings->writer.events_keep_ms, error);
}

static int set_snapshot(struct settings *settings, const char *text, struct error *error)
{
	return get_duration(text, 100, 3600000, &settings->writer.snapshot_every_ms, error);
}

struct option {
	const char *name;
	int (*set)(struct settings *settings, const char *text, struct error *error); /* a string */
	size_t number; /* or: the offset of an unsigned, with its range */
	long long low, high;
};

#define NUMBER(field) NULL, offsetof(struct settings, field)

static const struct option options[] = {
	{"listen", set_listen, 0, 0, 0},
	{"certificate", set_certificate, 0, 0, 0},
	{"key", set_key, 0, 0, 0},
	{"report_token", set_report_token, 0, 0, 0},
	{"read_token", set_read_token, 0, 0, 0},
	{"state", set_state, 0, 0, 0},
	{"log_level", set_log_level, 0, 0, 0},
	{"idle_timeout", set_idle_timeout, 0, 0, 0},
	{"events", set_events, 0, 0, 0},
	{"snapshot_every", set_snapshot, 0, 0, 0},
	{"threads", NUMBER(threads), 1, 64},
	{"max_connections", NUMBER(max_connections), 16, 60000},
	{"max_connections_per_address", NUMBER(max_connections_per_address), 0, 60000},
};

static const char *const other_names[] = {"insecure", "max_events", "plots"};

static int unknown(const char *name, struct error *error)
{
	const char *names[ARRAY_SIZE(options) + ARRAY_SIZE(other_names)];
	const char *meant;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		names[n++] = options[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
		names[n++] = other_names[i];
	meant = suggest(name, names, n);
	return meant ? error_set(error, -EINVAL, "unknown setting '%s'; did you mean '%s'?", name, meant)
		     : error_set(error, -EINVAL, "unknown setting '%s'", name);
}

static int read_plots(struct settings *settings, const config_setting_t *setting, struct error *error)
{
	int count = config_setting_length(setting);

	if (config_setting_is_aggregate(setting) == CONFIG_FALSE)
		return error_set(error, -EINVAL, "plots: a list of names of series is needed");
	for (int i = 0; i < count; i++) {
		const char *name = config_setting_get_string_elem(setting, i);
		char **plots =
			name ? realloc(settings->plots, (settings->plot_count + 1) * sizeof *plots) : NULL;

		if (!name)
			return error_set(error, -EINVAL, "plots: a list of names of series is needed");
		if (!plots)
			return -ENOMEM;
		settings->plots = plots;
		plots[settings->plot_count] = strdup(name);
		if (!plots[settings->plot_count])
			return -ENOMEM;
		settings->plot_count++;
	}
	return 0;
}

static int read_other(struct settings *settings, const config_setting_t *setting, struct error *error)
{
	const char *name = config_setting_name(setting);

	if (streq(name, "plots"))
		return read_plots(settings, setting, error);
	if (streq(name, "insecure")) {
		if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
			return error_set(error, -EINVAL, "insecure: true or false is needed");
		settings->insecure = config_setting_get_bool(setting);
		return 0;
	}
	if (streq(name, "max_events")) {
		long long value = config_setting_get_int64(setting);

		if (!config_setting_is_number(setting) || value < 100 || value > INT_MAX)
			return error_set(
				error, -EINVAL, "max_events: a number between 100 and %d is needed", INT_MAX);
		settings->writer.events_max = (uint64_t)value;
		return 0;
	}
	return unknown(name, error);
}

static int read_number(struct settings *settings, const struct option *option,
	const config_setting_t *setting, struct error *error)
{
	long long value = config_setting_get_int64(setting);

	if (!config_setting_is_number(setting) || value < option->low || value > option->high)
		return error_set(error, -EINVAL, "%s: a number between %lld and %lld is needed", option->name,
			option->low, option->high);
	*(unsigned *)(void *)((char *)settings + option->number) = (unsigned)value;
	return 0;
}

static int read_setting(struct settings *settings, const config_setting_t *setting, struct error *error)
{
	const char *name = config_setting_name(setting);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int r;

		if (!streq(name, options[i].name))
			continue;
		if (!options[i].set)
			return read_number(settings, &options[i], setting, error);
		if (config_setting_type(setting) != CONFIG_TYPE_STRING)
			return error_set(error, -EINVAL, "%s: a string is needed", name);
		r = options[i].set(settings, config_setting_get_string(setting), error);
		if (r < 0)
			error_prefix(error, "%s", name);
		return r;
	}
	return read_other(settings, setting, error);
}

static int read_settings(
	struct settings *settings, const config_t *file, const char *path, struct error *error)
{
	const config_setting_t *root = config_root_setting(file);

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
		_cleanup_error_ struct error own = ERROR_INIT;
		int r = read_setting(settings, setting, &own);

		if (r < 0)
			return error_set_at(error, r, path, (int)config_setting_source_line(setting), "%s",
				error_text(&own, r));
	}
	return 0;
}

int settings_read_file(struct settings *settings, const char *path, bool optional, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	config_t file;
	int r = file_read(AT_FDCWD, path, FILE_MAX, &text);

	if (r == -ENOENT && optional)
		return 0;
	if (r < 0)
		return error_set_at(error, r, path, 0, "can't read it: %s", strerror(-r));
	config_init(&file);
	if (config_read_string(&file, buf_str(&text)) == CONFIG_TRUE)
		r = read_settings(settings, &file, path, error);
	else
		r = error_set_at(
			error, -EINVAL, path, config_error_line(&file), "%s", config_error_text(&file));
	config_destroy(&file);
	return r;
}

static bool is_loopback(const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

int settings_judge(const struct settings *settings, struct error *error)
{
	if (!settings->certificate != !settings->key)
		return error_set(error, -EINVAL, "certificate and key are needed both, or neither");
	if (is_loopback(settings->address) || settings->insecure)
		return 0;
	if (!settings->certificate)
		return error_set(error, -EINVAL,
			"listening on %s needs TLS (certificate, key): tokens and reports would pass in the "
			"clear",
			settings->address);
	if (!settings->report_token || !settings->read_token)
		return error_set(error, -EINVAL, "listening on %s needs report_token and read_token",
			settings->address);
	return 0;
}
