/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/settings.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "conf/conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#define DAY_MS (INT64_C(86400) * 1000)

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
		.certificate_lifetime_ms = 30 * DAY_MS,
		.writer =
			{
				.events_keep_ms = 30 * DAY_MS,
				.events_max = 1000000,
				.spans_max = 200000,
				.snapshot_every_ms = 60000,
				.queue_reports = 4096,
				.queue_bytes = (size_t)128 << 20,
			},
		.admission = {.reports_per_s = 50, .bytes_per_s = 4 << 20},
	};
	return settings->address && settings->state ? 0 : -ENOMEM;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void settings_done(struct settings *settings)
{
	free(settings->address);
	free(settings->certificate);
	free(settings->key);
	free_secret(settings->report_token);
	free_secret(settings->read_token);
	free(settings->state);
	free_texts(settings->plots, settings->plot_count);
	free_texts(settings->names, settings->name_count);
	*settings = (struct settings){};
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

static void take_listen(struct conf_node *root, struct settings *settings)
{
	_cleanup_free_ char *text = NULL;

	if (conf_take_string(root, "listen", &text) > 0 && settings_set_listen(settings, text) < 0)
		conf_error(conf_take(root, "listen"), "'%s' is not ADDRESS:PORT", text);
}

static void take_path(struct conf_node *root, const char *key, char **path)
{
	_cleanup_free_ char *text = NULL;

	if (conf_take_string(root, key, &text) <= 0)
		return;
	if (text[0] != '/') {
		conf_error(conf_take(root, key), "'%s' is not an absolute path", text);
		return;
	}
	free(*path);
	*path = TAKE_PTR(text);
}

static void take_token(struct conf_node *root, const char *key, char **token)
{
	const struct conf_node *node = conf_take(root, key);
	struct conf_value value = {};

	if (!node || conf_value(node, GAVEA_OPTION_SECRET, &value) < 0)
		return;
	/* A file's last line ends with a newline. */
	while (value.size > 0 && isspace((unsigned char)value.text[value.size - 1]))
		value.text[--value.size] = 0;
	if (value.size == 0 || strlen(value.text) != value.size) {
		conf_error(node, "is empty, or has a NUL byte in it");
	} else {
		free_secret(*token);
		*token = strdup(value.text);
	}
	conf_value_done(&value);
}

static void take_log_level(struct conf_node *root, int *level)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (conf_take_string(root, "log_level", &text) <= 0)
		return;
	r = log_level_from_name(text);
	if (r < 0)
		conf_error(conf_take(root, "log_level"), "is none of error, warning, notice, info, debug");
	else
		*level = r;
}

static void take_ms(struct conf_node *root, const char *key, int64_t min_ms, int64_t max_ms, int64_t *ms)
{
	int64_t ns;

	if (conf_take_duration(root, key, min_ms * NSEC_PER_MSEC, max_ms * NSEC_PER_MSEC, &ns) > 0)
		*ms = ns / NSEC_PER_MSEC;
}

static void take_number(struct conf_node *root, const char *key, int64_t min, int64_t max, unsigned *number)
{
	int64_t value;

	if (conf_take_int(root, key, min, max, &value) > 0)
		*number = (unsigned)value;
}

static int take_texts(struct conf_node *root, const char *key, char ***ret_texts, size_t *ret_count)
{
	struct conf_node *list;
	size_t count;

	if (conf_take_kind(root, key, CONF_LIST, &list) <= 0)
		return 0;
	count = conf_size(list);
	*ret_texts = calloc(count + 1, sizeof **ret_texts);
	if (!*ret_texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct conf_value value = {};

		if (conf_value(conf_at(list, i), GAVEA_OPTION_STRING, &value) < 0)
			continue;
		(*ret_texts)[(*ret_count)++] = TAKE_PTR(value.text);
	}
	return 0;
}

/* They stand in a certificate: a host's name or an address, and nothing that has a meaning there. */
static void judge_names(struct conf_node *root, const struct settings *settings)
{
	for (size_t i = 0; i < settings->name_count; i++) {
		const char *name = settings->names[i];
		size_t length = name ? strlen(name) : 0;

		if (!name || length == 0 || length > 253 ||
			strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:*") !=
				length)
			conf_error(conf_take(root, "names"), "'%s' is neither a host's name nor an address",
				name);
	}
}

static void take_bounds(struct conf_node *root, struct settings *settings)
{
	int64_t value;

	if (conf_take_int(root, "queue", 16, 100000, &value) > 0)
		settings->writer.queue_reports = (size_t)value;
	if (conf_take_size(root, "queue_memory", 4 << 20, INT64_C(64) << 30, &value) > 0)
		settings->writer.queue_bytes = (size_t)value;
	take_number(root, "agent_reports", 0, 100000, &settings->admission.reports_per_s);
	if (conf_take_size(root, "agent_bytes", 0, INT64_C(1) << 40, &value) > 0)
		settings->admission.bytes_per_s = (uint64_t)value;
}

static int take_all(struct conf_node *root, struct settings *settings)
{
	static const char *const known[] = {"listen", "certificate", "key", "report_token", "read_token",
		"insecure", "state", "log_level", "idle_timeout", "events", "max_events", "max_spans",
		"snapshot_every", "threads", "max_connections", "max_connections_per_address", "plots",
		"identity", "names", "certificate_lifetime", "queue", "queue_memory", "agent_reports",
		"agent_bytes"};
	int64_t idle_ms = (int64_t)settings->idle_timeout_s * 1000, max_events, max_spans;
	int r;

	take_listen(root, settings);
	take_path(root, "certificate", &settings->certificate);
	take_path(root, "key", &settings->key);
	take_path(root, "state", &settings->state);
	take_token(root, "report_token", &settings->report_token);
	take_token(root, "read_token", &settings->read_token);
	take_log_level(root, &settings->log_level);
	(void)conf_take_bool(root, "insecure", &settings->insecure);
	take_ms(root, "idle_timeout", 1000, 3600000, &idle_ms);
	settings->idle_timeout_s = (unsigned)(idle_ms / 1000);
	take_ms(root, "events", 60000, 3660 * DAY_MS, &settings->writer.events_keep_ms);
	if (conf_take_int(root, "max_events", 100, INT_MAX, &max_events) > 0)
		settings->writer.events_max = (uint64_t)max_events;
	if (conf_take_int(root, "max_spans", 100, INT_MAX, &max_spans) > 0)
		settings->writer.spans_max = (uint64_t)max_spans;
	take_ms(root, "snapshot_every", 100, 3600000, &settings->writer.snapshot_every_ms);
	take_number(root, "threads", 1, 64, &settings->threads);
	take_number(root, "max_connections", 16, 60000, &settings->max_connections);
	take_number(root, "max_connections_per_address", 0, 60000, &settings->max_connections_per_address);
	(void)conf_take_bool(root, "identity", &settings->identity);
	take_ms(root, "certificate_lifetime", 2000, 366 * DAY_MS, &settings->certificate_lifetime_ms);
	take_bounds(root, settings);
	r = take_texts(root, "plots", &settings->plots, &settings->plot_count);
	if (r == 0)
		r = take_texts(root, "names", &settings->names, &settings->name_count);
	judge_names(root, settings);
	conf_leftovers(root, known, ARRAY_SIZE(known));
	return r;
}

/* Errors on their way to the caller: all of them, one a line. */
struct collected {
	struct buf text;
	size_t count;
};

static void collect(void *data, const char *file, int line, const char *message)
{
	struct collected *collected = data;

	if (collected->count++)
		buf_add_char(&collected->text, '\n');
	if (file && line > 0)
		buf_printf(&collected->text, "%s:%d: ", file, line);
	else if (file)
		buf_printf(&collected->text, "%s: ", file);
	buf_add_str(&collected->text, message);
}

int settings_read_file(struct settings *settings, const char *path, bool optional, struct error *error)
{
	struct collected collected = {.text = {.limit = (size_t)1 << 16}};
	struct conf *conf = NULL;
	int r = conf_new(collect, &collected, &conf);

	if (r < 0)
		return error_set(error, r, "out of memory");
	r = conf_read_file(conf, path);
	if (r == -ENOENT)
		r = optional ? 0 : error_set(error, r, "%s: there is no such file", path);
	else if (r == 0)
		r = take_all(conf_root(conf), settings);
	if (collected.count > 0)
		r = error_set(error, -EINVAL, "%s", buf_str(&collected.text));
	conf_free(conf);
	buf_done(&collected.text);
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

bool settings_tls(const struct settings *settings)
{
	return settings->certificate || settings->identity;
}

bool settings_open(const struct settings *settings)
{
	return !settings->identity && (is_loopback(settings->address) || settings->insecure);
}

int settings_judge(const struct settings *settings, struct error *error)
{
	if (!settings->certificate != !settings->key)
		return error_set(error, -EINVAL, "certificate and key are needed both, or neither");
	if (is_loopback(settings->address) || settings->insecure || settings->identity)
		return 0;
	if (!settings->certificate)
		return error_set(error, -EINVAL,
			"listening on %s needs TLS (identity = true; or certificate, key): tokens and "
			"reports would "
			"pass in the clear; or set insecure = true",
			settings->address);
	if (!settings->report_token || !settings->read_token)
		return error_set(error, -EINVAL,
			"listening on %s needs report_token and read_token; or set identity = true",
			settings->address);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? streq(a, b) : a == b;
}

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

static void name_differences(const struct settings *a, const struct settings *b, struct buf *names)
{
	const struct {
		const char *name;
		bool same;
	} settings[] = {
		{"listen", same_text(a->address, b->address) && a->port == b->port},
		{"certificate", same_text(a->certificate, b->certificate)},
		{"key", same_text(a->key, b->key)},
		{"state", same_text(a->state, b->state)},
		{"events", a->writer.events_keep_ms == b->writer.events_keep_ms},
		{"max_events", a->writer.events_max == b->writer.events_max},
		{"max_spans", a->writer.spans_max == b->writer.spans_max},
		{"snapshot_every", a->writer.snapshot_every_ms == b->writer.snapshot_every_ms},
		{"plots", same_texts(a->plots, a->plot_count, b->plots, b->plot_count)},
		{"identity", a->identity == b->identity},
		{"names", same_texts(a->names, a->name_count, b->names, b->name_count)},
		{"certificate_lifetime", a->certificate_lifetime_ms == b->certificate_lifetime_ms},
		{"threads", a->threads == b->threads},
		{"max_connections", a->max_connections == b->max_connections},
		{"max_connections_per_address",
			a->max_connections_per_address == b->max_connections_per_address},
		{"idle_timeout", a->idle_timeout_s == b->idle_timeout_s},
		{"queue", a->writer.queue_reports == b->writer.queue_reports},
		{"queue_memory", a->writer.queue_bytes == b->writer.queue_bytes},
		{"agent_reports", a->admission.reports_per_s == b->admission.reports_per_s},
		{"agent_bytes", a->admission.bytes_per_s == b->admission.bytes_per_s},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (!settings[i].same)
			buf_printf(names, "%s%s", names->size ? ", " : "", settings[i].name);
}

int settings_reload(
	struct settings *settings, struct settings *next, struct buf *ret_restart, struct error *error)
{
	struct settings mixed = *settings;
	int r;

	mixed.report_token = next->report_token;
	mixed.read_token = next->read_token;
	mixed.insecure = next->insecure;
	r = settings_judge(&mixed, error);
	if (r < 0)
		return r;
	name_differences(settings, next, ret_restart);
	free_secret(settings->report_token);
	free_secret(settings->read_token);
	settings->report_token = TAKE_PTR(next->report_token);
	settings->read_token = TAKE_PTR(next->read_token);
	settings->insecure = next->insecure;
	settings->log_level = next->log_level;
	return 0;
}
