/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/hello.h"
#include "base/parse.h"
#include "core/worker/plugin_check.h"

#include <errno.h>

static const char *const types[] = {
	[GAVEA_OPTION_STRING] = "string",
	[GAVEA_OPTION_BOOL] = "bool",
	[GAVEA_OPTION_INT] = "int",
	[GAVEA_OPTION_FLOAT] = "float",
	[GAVEA_OPTION_DURATION] = "duration",
	[GAVEA_OPTION_SIZE] = "size",
	[GAVEA_OPTION_PERCENT] = "percent",
	[GAVEA_OPTION_CHOICE] = "choice",
	[GAVEA_OPTION_STRINGS] = "strings",
	[GAVEA_OPTION_SECRET] = "secret",
};

static const char *const networks[] = {
	[GAVEA_NETWORK_NONE] = "none",
	[GAVEA_NETWORK_CLIENT] = "client",
	[GAVEA_NETWORK_SERVER] = "server",
};

/* The place of a word in a list, or -EINVAL. */
static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] && streq(words[i], word))
			return (int)i;
	return -EINVAL;
}

/* A member that is text; *ret_text is untouched when there is none. */
static int read_text(json_t *object, const char *key, const char **ret_text, struct error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return error_set(error, -EINVAL, "hello: \"%s\" is not a string", key);
	*ret_text = json_string_value(value);
	return 0;
}

static int read_flag(json_t *object, const char *key, bool *ret_flag, struct error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return error_set(error, -EINVAL, "hello: \"%s\" is neither true nor false", key);
	*ret_flag = json_is_true(value);
	return 0;
}

static int read_count(json_t *object, const char *key, uint32_t *ret_count, struct error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > UINT32_MAX)
		return error_set(error, -EINVAL, "hello: \"%s\" is not a whole number", key);
	*ret_count = (uint32_t)json_integer_value(value);
	return 0;
}

/* A list of strings as the SDK has them, NULL at the end. */
static int read_list(json_t *object, const char *key, const char ***ret_list, struct error *error)
{
	json_t *list = json_object_get(object, key), *value;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return error_set(error, -EINVAL, "hello: \"%s\" is not a list", key);
	*ret_list = calloc(json_array_size(list) + 1, sizeof **ret_list);
	if (!*ret_list)
		return -ENOMEM;
	json_array_foreach(list, i, value)
	{
		if (!json_is_string(value))
			return error_set(
				error, -EINVAL, "hello: \"%s\" holds something that is not a string", key);
		(*ret_list)[i] = json_string_value(value);
	}
	return 0;
}

/* Refuses members that this release does not know: a typing error must not pass for a default. */
static int check_keys(json_t *object, const char *const *known, size_t count, struct error *error)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) if (find_word(known, count, key) < 0) return error_set(
		error, -EINVAL, "hello: \"%s\" is not known here", key);
	return 0;
}

static int read_option(json_t *object, struct gavea_option *option, struct error *error)
{
	static const char *const known[] = {"key", "type", "required", "default", "range", "doc"};
	const char *type = "string";
	bool required = false;
	int r = json_is_object(object) ? check_keys(object, known, ARRAY_SIZE(known), error)
				       : error_set(error, -EINVAL, "hello: an option is not an object");

	if (r == 0)
		r = read_text(object, "key", &option->key, error);
	if (r == 0)
		r = read_text(object, "type", &type, error);
	if (r == 0)
		r = read_text(object, "default", &option->default_value, error);
	if (r == 0)
		r = read_text(object, "range", &option->range, error);
	if (r == 0)
		r = read_text(object, "doc", &option->doc, error);
	if (r == 0)
		r = read_flag(object, "required", &required, error);
	if (r < 0)
		return r;
	r = find_word(types, ARRAY_SIZE(types), type);
	if (r < 0)
		return error_set(error, -EINVAL, "hello: \"%s\" is not the type of an option", type);
	option->type = (uint32_t)r;
	option->flags = required ? GAVEA_OPTION_REQUIRED : 0;
	return 0;
}

static int read_options(json_t *object, struct hello *hello, struct error *error)
{
	json_t *list = json_object_get(object, "options"), *value;
	size_t i;
	int r = 0;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > PLUGIN_OPTIONS_MAX)
		return error_set(
			error, -EINVAL, "hello: \"options\" is not a list of at most %d", PLUGIN_OPTIONS_MAX);
	hello->options = calloc(MAX(json_array_size(list), (size_t)1), sizeof *hello->options);
	if (!hello->options)
		return -ENOMEM;
	json_array_foreach(list, i, value)
	{
		r = read_option(value, &hello->options[i], error);
		if (r < 0)
			return r;
	}
	hello->plugin.options = hello->options;
	hello->plugin.option_count = (uint32_t)json_array_size(list);
	return 0;
}

static int read_memory(json_t *needs, uint64_t *ret_bytes, struct error *error)
{
	const char *text = NULL;
	int r = read_text(needs, "memory", &text, error);

	if (r == 0 && text && parse_size(text, ret_bytes) < 0)
		return error_set(error, -EINVAL, "hello: \"memory\" is no size such as \"64MiB\"");
	return r;
}

static int read_network(json_t *needs, uint32_t *ret_network, struct error *error)
{
	const char *text = "none";
	int r = read_text(needs, "network", &text, error);

	if (r < 0)
		return r;
	r = find_word(networks, ARRAY_SIZE(networks), text);
	if (r < 0)
		return error_set(error, r, "hello: \"network\" is none, client or server");
	*ret_network = (uint32_t)r;
	return 0;
}

static int read_needs(json_t *object, struct hello *hello, struct error *error)
{
	static const char *const known[] = {
		"network", "memory", "open_files", "stays", "capabilities", "read_paths", "write_paths"};
	json_t *needs = json_object_get(object, "needs");
	bool stays = false;
	int r;

	if (!needs)
		return 0;
	r = json_is_object(needs) ? check_keys(needs, known, ARRAY_SIZE(known), error)
				  : error_set(error, -EINVAL, "hello: \"needs\" is not an object");
	if (r == 0)
		r = read_network(needs, &hello->needs.network, error);
	if (r == 0)
		r = read_memory(needs, &hello->needs.memory, error);
	if (r == 0)
		r = read_count(needs, "open_files", &hello->needs.open_files, error);
	if (r == 0)
		r = read_flag(needs, "stays", &stays, error);
	if (r == 0)
		r = read_list(needs, "capabilities", &hello->lists[1], error);
	if (r == 0)
		r = read_list(needs, "read_paths", &hello->lists[2], error);
	if (r == 0)
		r = read_list(needs, "write_paths", &hello->lists[3], error);
	hello->needs.stays = stays;
	hello->needs.capabilities = hello->lists[1];
	hello->needs.read_paths = hello->lists[2];
	hello->needs.write_paths = hello->lists[3];
	return r;
}

static int read_all(json_t *object, struct hello *hello, struct error *error)
{
	static const char *const known[] = {
		"name", "version", "summary", "options", "needs", "runs", "commands", "protocol"};
	int r = check_keys(object, known, ARRAY_SIZE(known), error);

	if (r == 0)
		r = read_text(object, "name", &hello->plugin.name, error);
	if (r == 0)
		r = read_text(object, "version", &hello->plugin.version, error);
	if (r == 0)
		r = read_text(object, "summary", &hello->plugin.summary, error);
	if (r == 0)
		r = read_flag(object, "runs", &hello->runs, error);
	if (r == 0)
		r = read_list(object, "commands", &hello->lists[0], error);
	if (r == 0)
		r = read_options(object, hello, error);
	if (r == 0)
		r = read_needs(object, hello, error);
	hello->plugin.commands = hello->lists[0];
	return r;
}

int hello_read(json_t *object, struct hello *ret_hello, struct error *error)
{
	int r;

	if (!json_is_object(object))
		return error_set(error, -EINVAL, "hello: not an object");
	*ret_hello = (struct hello){
		.plugin = {.magic = GAVEA_PLUGIN_MAGIC,
			.abi_major = GAVEA_ABI_MAJOR,
			.abi_minor = GAVEA_ABI_MINOR,
			.size = sizeof(struct gavea_plugin),
			.option_size = sizeof(struct gavea_option)},
		.needs = {.size = sizeof(struct gavea_needs), .exec = 1},
		.runs = true,
		.root = json_incref(object),
	};
	r = read_all(object, ret_hello, error);
	if (r < 0)
		hello_done(ret_hello);
	return r;
}

void hello_done(struct hello *hello)
{
	for (size_t i = 0; i < ARRAY_SIZE(hello->lists); i++)
		free(hello->lists[i]);
	free(hello->options);
	json_decref(hello->root);
	*hello = (struct hello){.runs = false};
}
