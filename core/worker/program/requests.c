/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/requests.h"
#include "base/clock.h"
#include "base/json.h"
#include "core/worker/check.h"
#include "core/worker/command.h"
#include "core/worker/plugin_check.h"

/* {"KIND":{ … which end() closes. */
static void begin(struct json *json, struct buf *line, const char *kind)
{
	json_init(json, line);
	json_object_begin(json);
	json_key(json, kind);
	json_object_begin(json);
}

static void end(struct json *json, struct buf *line)
{
	json_object_end(json);
	json_object_end(json);
	buf_add_char(line, '\n');
}

void request_start(struct buf *line, const char *plugin, bool describe)
{
	struct json json;

	begin(&json, line, "start");
	json_kv_int(&json, "protocol", PROGRAM_PROTOCOL);
	json_kv_string(&json, "plugin", plugin);
	json_kv_bool(&json, "describe", describe);
	end(&json, line);
}

static void add_text(struct json *json, const struct options *options, const char *key)
{
	const char *text;

	if (options_string(options, key, &text) == 0)
		json_kv_string(json, key, text);
}

static void add_secret(struct json *json, const struct options *options, const char *key)
{
	const struct gavea_secret *secret;

	if (options_secret(options, key, &secret) < 0)
		return;
	json_key(json, key);
	json_string_n(json, secret->bytes, secret->size);
}

static void add_list(struct json *json, const struct options *options, const char *key)
{
	const char *const *list;
	size_t count;

	if (options_strings(options, key, &list, &count) < 0)
		return;
	json_key(json, key);
	json_array_begin(json);
	for (size_t i = 0; i < count; i++)
		json_string(json, list[i]);
	json_array_end(json);
}

static void add_integer(struct json *json, const struct options *options, const char *key, uint32_t type)
{
	int64_t value;

	if (options_int(options, key, &value) < 0)
		return;
	if (type == GAVEA_OPTION_BOOL)
		json_kv_bool(json, key, value != 0);
	else if (type == GAVEA_OPTION_DURATION)
		json_kv_double(json, key, (double)value / (double)NSEC_PER_SEC);
	else
		json_kv_int(json, key, value);
}

static void add_float(struct json *json, const struct options *options, const char *key)
{
	double value;

	if (options_float(options, key, &value) == 0)
		json_kv_double(json, key, value);
}

static void add_option(struct json *json, const struct options *options, const struct gavea_option *option)
{
	switch (option->type) {
	case GAVEA_OPTION_BOOL:
	case GAVEA_OPTION_INT:
	case GAVEA_OPTION_DURATION:
	case GAVEA_OPTION_SIZE:
		add_integer(json, options, option->key, option->type);
		break;
	case GAVEA_OPTION_FLOAT:
	case GAVEA_OPTION_PERCENT:
		add_float(json, options, option->key);
		break;
	case GAVEA_OPTION_STRINGS:
		add_list(json, options, option->key);
		break;
	case GAVEA_OPTION_SECRET:
		add_secret(json, options, option->key);
		break;
	default:
		add_text(json, options, option->key);
	}
}

void request_open(struct buf *line, struct gavea_check *check)
{
	const struct check *own = check_of(check);
	const struct gavea_plugin *plugin = own->services->plugin;
	const char *folder = gavea_state_directory(check);
	struct json json;

	begin(&json, line, "open");
	json_kv_int(&json, "check", own->number);
	json_kv_string(&json, "name", own->name);
	if (folder)
		json_kv_string(&json, "state_directory", folder);
	json_key(&json, "options");
	json_object_begin(&json);
	for (size_t i = 0; i < plugin->option_count; i++) {
		struct gavea_option option = plugin_option(plugin, i);

		add_option(&json, own->options, &option);
	}
	json_object_end(&json);
	end(&json, line);
}

static void add_timeout(struct json *json, struct gavea_check *check)
{
	int64_t deadline = gavea_deadline(check);

	if (deadline != INT64_MAX)
		json_kv_double(json, "timeout",
			(double)MAX(deadline - gavea_now(check), INT64_C(0)) / (double)NSEC_PER_SEC);
}

/* A message about a check, still to be ended. */
static void begin_about(struct json *json, struct buf *line, const char *kind, struct gavea_check *check)
{
	begin(json, line, kind);
	json_kv_int(json, "check", check_of(check)->number);
}

void request_run(struct buf *line, struct gavea_check *check)
{
	struct json json;

	begin_about(&json, line, "run", check);
	add_timeout(&json, check);
	end(&json, line);
}

void request_command(struct buf *line, struct gavea_check *check, struct gavea_command *command)
{
	const Gavea__Worker__V1__Command *message = command->message;
	struct json json;

	begin_about(&json, line, "command", check);
	json_kv_string(&json, "name", message->name);
	json_key(&json, "arguments");
	json_object_begin(&json);
	for (size_t i = 0; i < message->n_arguments; i++)
		json_kv_string(&json, message->arguments[i]->key, message->arguments[i]->value);
	json_object_end(&json);
	add_timeout(&json, check);
	end(&json, line);
}

void request_cancel(struct buf *line, struct gavea_check *check)
{
	struct json json;

	begin_about(&json, line, "cancel", check);
	end(&json, line);
}

void request_close(struct buf *line, struct gavea_check *check)
{
	struct json json;

	begin_about(&json, line, "close", check);
	end(&json, line);
}
