/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link.h"
#include "agent/place.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/describe.h"
#include "cli/format.h"
#include "cli/say.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>

typedef Gavea__Control__V1__PluginStatus plugin_status_t;

struct listing {
	struct terminal terminal;
	bool json;
	struct json writer;
	struct buf out;
	size_t count;
};

/* ---- What the daemon has ---- */

static void add_strings(struct json *json, const char *key, char **texts, size_t count)
{
	json_key(json, key);
	json_array_begin(json);
	for (size_t i = 0; i < count; i++)
		json_string(json, texts[i]);
	json_array_end(json);
}

static void add_rights(struct json *json, const Gavea__Worker__V1__Rights *rights)
{
	json_key(json, "rights");
	json_object_begin(json);
	json_kv_int(json, "network", rights->network);
	json_kv_bool(json, "exec", rights->exec);
	json_kv_int(json, "concurrency", rights->concurrency);
	json_key(json, "memory");
	json_uint(json, rights->memory);
	json_kv_bool(json, "stays", rights->stays);
	json_kv_int(json, "open_files", rights->open_files);
	add_strings(json, "capabilities", rights->capabilities, rights->n_capabilities);
	add_strings(json, "read_paths", rights->read_paths, rights->n_read_paths);
	add_strings(json, "write_paths", rights->write_paths, rights->n_write_paths);
	json_object_end(json);
}

static void add_json(struct json *json, const plugin_status_t *plugin)
{
	json_object_begin(json);
	json_kv_string(json, "name", plugin->name);
	json_kv_string(json, "version", plugin->version);
	json_kv_string(json, "summary", plugin->summary);
	json_kv_string(json, "path", plugin->path);
	json_kv_string(json, "state", plugin->state);
	json_kv_string(json, "cause", plugin->cause);
	json_kv_int(json, "pid", plugin->pid);
	json_key(json, "memory_bytes");
	json_uint(json, plugin->memory_bytes);
	json_kv_int(json, "restarts", plugin->restarts);
	json_kv_int(json, "checks", plugin->checks);
	if (plugin->rights)
		add_rights(json, plugin->rights);
	add_strings(json, "sandbox", plugin->sandbox, plugin->n_sandbox);
	json_object_end(json);
}

static void add_running(struct listing *listing, const plugin_status_t *plugin)
{
	char text[32], wait[FORMAT_SIZE];
	struct buf *out = &listing->out;
	bool bad = !str_empty(plugin->cause);

	buf_add_str(out, listing->count ? "\n" : "");
	style_begin(&listing->terminal, STYLE_BOLD, out);
	text_clean(plugin->name, out);
	style_end(&listing->terminal, STYLE_BOLD, out);
	buf_add_char(out, ' ');
	text_clean(plugin->version, out);
	buf_add_str(out, ": ");
	style_begin(&listing->terminal, bad ? STYLE_CRITICAL : STYLE_OK, out);
	text_clean(plugin->state, out);
	style_end(&listing->terminal, bad ? STYLE_CRITICAL : STYLE_OK, out);
	if (plugin->pid)
		buf_printf(
			out, ", pid %" PRIu32 ", %s", plugin->pid, format_size(text, plugin->memory_bytes));
	buf_printf(out, ", %" PRIu32 " check%s, %" PRIu32 " restart%s\n", plugin->checks,
		plugin->checks == 1 ? "" : "s", plugin->restarts, plugin->restarts == 1 ? "" : "s");
	buf_add_str(out, "  ");
	text_clean(plugin->summary, out);
	buf_add_char(out, '\n');
	if (bad) {
		buf_add_str(out, "  cause: ");
		text_clean(plugin->cause, out);
		if (plugin->next_start_ms)
			buf_printf(out, "; it is started again %s",
				format_wait(wait, plugin->next_start_ms, clock_unix_ms()));
		buf_add_char(out, '\n');
	}
	if (plugin->rights)
		format_rights(plugin->rights, "  ", out);
	for (size_t i = 0; i < plugin->n_sandbox; i++) {
		buf_add_str(out, "  sandbox: ");
		text_clean(plugin->sandbox[i], out);
		buf_add_char(out, '\n');
	}
}

static int take_plugin(const answer_t *answer, void *userdata)
{
	struct listing *listing = userdata;

	if (answer->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_PLUGIN)
		return 0;
	if (listing->json)
		add_json(&listing->writer, answer->plugin);
	else
		add_running(listing, answer->plugin);
	listing->count++;
	return 0;
}

static int list_running(struct listing *listing, const char *socket, struct error *error)
{
	Gavea__Control__V1__GetPlugins get = GAVEA__CONTROL__V1__GET_PLUGINS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	int r;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_PLUGINS;
	request.plugins = &get;
	if (listing->json)
		json_array_begin(&listing->writer);
	r = client_ask_all(socket, &request, take_plugin, listing, error);
	if (listing->json) {
		json_array_end(&listing->writer);
		buf_add_char(&listing->out, '\n');
	}
	return r;
}

/* ---- What is installed ---- */

static void add_available(struct listing *listing, struct table *table, const struct description *description)
{
	const hello_t *hello = description->hello;
	struct json *json = &listing->writer;

	if (!listing->json) {
		table_add(table, STYLE_BOLD, "%s", description->plugin);
		table_add(table, STYLE_PLAIN, "%s", hello ? hello->version : "-");
		table_add(table, hello ? STYLE_PLAIN : STYLE_CRITICAL, "%s",
			hello ? hello->summary : description->failure);
		return;
	}
	json_object_begin(json);
	json_kv_string(json, "name", description->plugin);
	json_kv_string(json, "path", description->path ? description->path : "");
	json_kv_string(json, "version", hello ? hello->version : "");
	json_kv_string(json, "summary", hello ? hello->summary : "");
	json_kv_string(json, "error", hello ? "" : description->failure);
	json_object_end(json);
}

static int list_available(struct listing *listing, const char *folder)
{
	static const struct table_column columns[] = {
		{.title = "PLUGIN"}, {.title = "VERSION"}, {.title = "SUMMARY"}};
	_cleanup_table_ struct table table = {.columns = NULL};
	size_t count = 0;
	char **names = plugin_list(folder, &count);
	_cleanup_free_ char *place = folder ? strdup(folder) : place_plugins();
	_cleanup_free_ struct description *descriptions = calloc(count + 1, sizeof *descriptions);
	int r = names && descriptions && place ? 0 : -ENOMEM;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; r == 0 && i < count; i++)
		descriptions[i].plugin = names[i];
	if (r == 0)
		r = describe_all(folder, descriptions, count);
	if (listing->json)
		json_array_begin(&listing->writer);
	for (size_t i = 0; r == 0 && i < count; i++)
		add_available(listing, &table, &descriptions[i]);
	if (listing->json) {
		json_array_end(&listing->writer);
		buf_add_char(&listing->out, '\n');
	} else if (count == 0) {
		buf_printf(&listing->out, "There are no plugins in %s.\n", place ? place : "");
	} else if (r == 0) {
		r = table_write(&table, &listing->terminal, 0, &listing->out);
	}
	if (descriptions)
		descriptions_done(descriptions, count);
	plugin_list_free(names);
	return r < 0 ? complain(CLI_FAILED, "%s", strerror(-r)) : say(&listing->out);
}

int cmd_plugins(struct cli *cli, const struct command *command, int argc, char **argv)
{
	bool available = false;
	const struct argument options[] = {
		{.name = "json", .doc = "as JSON", .flag = &cli->json},
		{.name = "available",
			.doc = "those that are installed, whether in use or not",
			.flag = &available},
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct listing listing = {.terminal = terminal_get(), .out = BUF_INIT};
	int code, r,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0)
		return code;
	listing.json = cli->json;
	json_init(&listing.writer, &listing.out);
	r = available ? 0 : list_running(&listing, cli->socket, &error);
	if (r < 0 || available) {
		if (r < 0)
			complain(0, "%s\nThese are the plugins that are installed:", error_text(&error, r));
		buf_reset(&listing.out);
		json_init(&listing.writer, &listing.out);
		code = list_available(&listing, cli->plugins);
	} else {
		code = say(&listing.out);
	}
	buf_done(&listing.out);
	return code;
}
