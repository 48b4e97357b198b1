/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/plugin_check.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "core/worker/option_value.h"

#include <cap-ng.h>
#include <errno.h>

#define KEY_MAX_BYTES 63
#define TEXT_MAX_BYTES 4096
#define PATHS_MAX 256
#define COMMANDS_MAX 64
#define OPEN_FILES_MAX 65536
#define MEMORY_MAX (UINT64_C(1) << 40)

struct gavea_option plugin_option(const struct gavea_plugin *plugin, size_t i)
{
	struct gavea_option option = {.key = NULL};
	const char *at = (const char *)plugin->options + i * plugin->option_size;

	memcpy(&option, at, MIN(sizeof option, (size_t)plugin->option_size));
	return option;
}

int plugin_option_find(const struct gavea_plugin *plugin, const char *key)
{
	for (size_t i = 0; i < plugin->option_count; i++)
		if (streq(plugin_option(plugin, i).key, key))
			return (int)i;
	return -ENOENT;
}

/* Lower-case letters, then also digits and one more character. */
static bool word_valid(const char *word, char also, size_t limit)
{
	size_t n = word ? strnlen(word, limit + 1) : 0;

	if (n == 0 || n > limit || word[0] < 'a' || word[0] > 'z')
		return false;
	for (size_t i = 1; i < n; i++)
		if (!(word[i] >= 'a' && word[i] <= 'z') && !(word[i] >= '0' && word[i] <= '9') &&
			word[i] != also)
			return false;
	return true;
}

bool plugin_name_valid(const char *name)
{
	return word_valid(name, '-', 31);
}

static bool line_valid(const char *text)
{
	size_t n = text ? strnlen(text, TEXT_MAX_BYTES + 1) : 0;

	return n > 0 && n <= TEXT_MAX_BYTES && utf8_valid(text, n) && !strpbrk(text, "\r\n");
}

static int bad(struct error *error, const char *what, const char *name, const char *why)
{
	return error_set(error, -EINVAL, "%s %s %s", what, name, why);
}

static int check_key(const struct gavea_plugin *plugin, size_t i, const char *key, struct error *error)
{
	static const char *const reserved[] = {"name", "checks", "enabled", "every", "timeout", "attempts",
		"labels", "limits", "thresholds"};

	if (!word_valid(key, '_', KEY_MAX_BYTES))
		return error_set(error, -EINVAL,
			"option %zu has no valid key: a key is [a-z][a-z0-9_]* and at most 63 bytes", i + 1);
	for (size_t k = 0; k < ARRAY_SIZE(reserved); k++)
		if (streq(key, reserved[k]))
			return bad(error, "option", key, "has a key that belongs to gavea itself: rename it");
	if (plugin_option_find(plugin, key) != (int)i)
		return bad(error, "option", key, "is in the table twice: take one out");
	return 0;
}

static int check_default(const struct gavea_option *option, struct error *error)
{
	struct option_number number;
	int r;

	if (!option->default_value)
		return 0;
	if (option->flags & GAVEA_OPTION_REQUIRED)
		return bad(
			error, "option", option->key, "is required and has a default: take one of both out");
	if (strnlen(option->default_value, TEXT_MAX_BYTES + 1) > TEXT_MAX_BYTES ||
		!utf8_valid(option->default_value, strlen(option->default_value)))
		return bad(error, "option", option->key, "has a default that is too long or not UTF-8");
	r = option_value_parse(option->type, option->default_value, &number);
	if (r < 0)
		return error_set(error, -EINVAL,
			"option %s has a default that does not parse as its type: \"%s\"", option->key,
			option->default_value);
	if (option->range &&
		option_range_check(option->type, option->range, option->default_value, &number) < 0)
		return error_set(error, -EINVAL,
			"option %s has a default outside its range: \"%s\" is not in \"%s\"", option->key,
			option->default_value, option->range);
	return 0;
}

static int check_option(const struct gavea_plugin *plugin, size_t i, struct error *error)
{
	struct gavea_option option = plugin_option(plugin, i);
	int r = check_key(plugin, i, option.key, error);

	if (r < 0)
		return r;
	if (option.type < GAVEA_OPTION_STRING || option.type > GAVEA_OPTION_SECRET)
		return error_set(error, -EINVAL,
			"option %s has type %u, which this gavea does not know: use one of enum "
			"gavea_option_type",
			option.key, option.type);
	if (option.type == GAVEA_OPTION_CHOICE && !option.range)
		return bad(error, "option", option.key,
			"is a choice without words: list them in range, \"a|b\"");
	if (option.range && option.type != GAVEA_OPTION_CHOICE && !option_type_numeric(option.type))
		return bad(error, "option", option.key, "has a range, which its type does not take");
	if (option.range && option_range_check(option.type, option.range, NULL, NULL) < 0)
		return error_set(error, -EINVAL,
			"option %s has a range that does not parse: \"%s\" should be %s", option.key,
			option.range,
			option.type == GAVEA_OPTION_CHOICE ? "\"a|b|c\""
							   : "\"MIN..MAX\" in the option's own form");
	if (!line_valid(option.doc))
		return bad(error, "option", option.key, "has no one-line doc: say what it does");
	return check_default(&option, error);
}

static int check_options(const struct gavea_plugin *plugin, struct error *error)
{
	size_t least = offsetof(struct gavea_option, doc) + sizeof(const char *);
	int r;

	if (plugin->option_count == 0)
		return 0;
	if (!plugin->options || plugin->option_count > PLUGIN_OPTIONS_MAX)
		return error_set(error, -EINVAL, "the option table is missing or has over %d options",
			PLUGIN_OPTIONS_MAX);
	if (plugin->option_size < least || plugin->option_size > 4096)
		return error_set(error, -EINVAL, "option_size is %u: set it to sizeof(struct gavea_option)",
			plugin->option_size);
	/* Keys first: all else looks options up by key. */
	for (size_t i = 0; i < plugin->option_count; i++)
		if (!word_valid(plugin_option(plugin, i).key, '_', KEY_MAX_BYTES))
			return check_key(plugin, i, NULL, error);
	for (size_t i = 0; i < plugin->option_count; i++) {
		r = check_option(plugin, i, error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Judges the "${KEY}" in a path. */
static bool path_valid(const struct gavea_plugin *plugin, const char *path)
{
	size_t n = strnlen(path, TEXT_MAX_BYTES + 1);

	if (n > TEXT_MAX_BYTES || !utf8_valid(path, n) || (path[0] != '/' && !startswith(path, "${")))
		return false;
	for (const char *at = strstr(path, "${"); at; at = strstr(at, "${")) {
		const char *end = strchr(at, '}');
		_cleanup_free_ char *key = end ? strndup(at + 2, (size_t)(end - at - 2)) : NULL;

		if (!key || plugin_option_find(plugin, key) < 0)
			return false;
		at = end;
	}
	return true;
}

static int check_paths(const struct gavea_plugin *plugin, const char *const *paths, struct error *error)
{
	for (size_t i = 0; paths && paths[i]; i++) {
		if (i == PATHS_MAX)
			return error_set(error, -EINVAL, "needs has over %d paths", PATHS_MAX);
		if (!path_valid(plugin, paths[i]))
			return bad(error, "path", paths[i],
				"in needs is neither absolute nor made of ${KEY} with the key of an option");
	}
	return 0;
}

static int check_capabilities(const char *const *names, struct error *error)
{
	for (size_t i = 0; names && names[i]; i++) {
		const char *name = startswith(names[i], "CAP_");

		if (i >= 64 || !name || capng_name_to_capability(name) < 0)
			return bad(error, "capability", names[i],
				"in needs is not known: write it as in capabilities(7), \"CAP_NET_RAW\"");
	}
	return 0;
}

static int check_needs(const struct gavea_plugin *plugin, struct error *error)
{
	const struct gavea_needs *needs = plugin->needs;
	int r;

	if (!needs)
		return 0;
	if (needs->network > GAVEA_NETWORK_SERVER)
		return error_set(
			error, -EINVAL, "needs.network is %u: use one of enum gavea_network", needs->network);
	if (needs->exec > 1 || needs->stays > 1)
		return error_set(error, -EINVAL, "needs.exec and needs.stays are 0 or 1");
	if (needs->concurrency > 64)
		return error_set(error, -EINVAL, "needs.concurrency is %u: at most 64", needs->concurrency);
	if (needs->memory > MEMORY_MAX || needs->open_files > OPEN_FILES_MAX)
		return error_set(error, -EINVAL, "needs asks for more than 1 TiB of memory or %d open files",
			OPEN_FILES_MAX);
	r = check_capabilities(needs->capabilities, error);
	if (r == 0)
		r = check_paths(plugin, needs->read_paths, error);
	return r < 0 ? r : check_paths(plugin, needs->write_paths, error);
}

static int check_callbacks(const struct gavea_plugin *plugin, struct error *error)
{
	if (!plugin->run && !plugin->deliver && !plugin->command)
		return error_set(error, -EINVAL,
			"it has none of the callbacks run, deliver and command: a probe needs run");
	if (!plugin->command != !(plugin->commands && plugin->commands[0]))
		return error_set(error, -EINVAL, "command and commands go together: it has only one of both");
	for (size_t i = 0; plugin->commands && plugin->commands[i]; i++)
		if (i == COMMANDS_MAX || !word_valid(plugin->commands[i], '-', KEY_MAX_BYTES))
			return error_set(error, -EINVAL,
				"command %zu has no valid name ([a-z][a-z0-9-]*), or there are over %d",
				i + 1, COMMANDS_MAX);
	return 0;
}

int plugin_check(const struct gavea_plugin *plugin, struct error *error)
{
	int r;

	if (!plugin_name_valid(plugin->name))
		return error_set(error, -EINVAL,
			"it has no valid name: a name is [a-z][a-z0-9-]* and at most 31 bytes");
	if (!line_valid(plugin->version) || !line_valid(plugin->summary))
		return error_set(error, -EINVAL, "it lacks its version or its one-line summary");
	r = check_options(plugin, error);
	if (r == 0)
		r = check_needs(plugin, error);
	return r < 0 ? r : check_callbacks(plugin, error);
}
