/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MIB (INT64_C(1) << 20)

#define DEFAULT_MEMORY ((uint64_t)64 * MIB)
#define DEFAULT_OPEN_FILES 256

/* A worker that has less can't even start. */
#define LEAST_MEMORY (4 * MIB)
#define LEAST_OPEN_FILES 16

static const char *const networks[] = {"none", "client", "server"};

static int add_text(char ***texts, size_t *count, char *text)
{
	char **bigger;

	if (!text)
		return -ENOMEM;
	bigger = reallocarray(*texts, *count + 1, sizeof *bigger);
	if (!bigger) {
		free(text);
		return -ENOMEM;
	}
	bigger[(*count)++] = text;
	*texts = bigger;
	return 0;
}

static void take_numbers(struct conf_node *limits, rights_t *rights)
{
	int64_t value;
	char text[32];

	if (conf_take_size(limits, "memory", LEAST_MEMORY, INT64_MAX, &value) > 0) {
		if ((uint64_t)value > rights->memory)
			conf_error(conf_take(limits, "memory"),
				"more than the plugin asks for, %s; limits only take away",
				format_size(text, rights->memory));
		else
			rights->memory = (uint64_t)value;
	}
	if (conf_take_int(limits, "open_files", LEAST_OPEN_FILES, INT32_MAX, &value) > 0) {
		if (value > rights->open_files)
			conf_error(conf_take(limits, "open_files"),
				"more than the plugin asks for, %" PRIu32 "; limits only take away",
				rights->open_files);
		else
			rights->open_files = (uint32_t)value;
	}
	if (conf_take_int(limits, "concurrency", 1, 64, &value) > 0) {
		if (value > rights->concurrency)
			conf_error(conf_take(limits, "concurrency"),
				"more than the plugin asks for, %" PRIu32 "; limits only take away",
				rights->concurrency);
		else
			rights->concurrency = (uint32_t)value;
	}
}

static void take_network(struct conf_node *limits, rights_t *rights)
{
	_cleanup_free_ char *name = NULL;
	uint32_t network = 0;

	if (conf_take_string(limits, "network", &name) <= 0)
		return;
	while (network < ARRAY_SIZE(networks) && !streq(networks[network], name))
		network++;
	if (network == ARRAY_SIZE(networks))
		conf_error(conf_take(limits, "network"), "is none of none, client, server");
	else if (network > rights->network)
		conf_error(conf_take(limits, "network"),
			"more than the plugin asks for, %s; limits only take away",
			networks[rights->network]);
	else
		rights->network = network;
}

static void take_limits(struct conf_node *group, rights_t *rights)
{
	static const char *const known[] = {"memory", "open_files", "concurrency", "network", "exec"};
	struct conf_node *limits;
	bool exec = rights->exec;

	if (conf_take_kind(group, "limits", CONF_GROUP, &limits) <= 0)
		return;
	take_numbers(limits, rights);
	take_network(limits, rights);
	if (conf_take_bool(limits, "exec", &exec) > 0 && exec && !rights->exec)
		conf_error(conf_take(limits, "exec"),
			"more than the plugin asks for, false; limits only take away");
	else
		rights->exec = exec;
	conf_leftovers(limits, known, ARRAY_SIZE(known));
}

/* A path up to the folder where its first pattern begins: who matches names must be able to list that folder.
 * "${root}/etc" with the root "/" has two slashes, of which one stays. */
static char *without_pattern(const char *path)
{
	const char *end = strpbrk(path, "*?[");
	char *folder, *to;

	while (end && end > path + 1 && *end != '/')
		end--;
	folder = end ? strndup(path, (size_t)(end - path)) : strdup(path);
	to = folder;
	for (const char *from = folder; from && *from; from++)
		if (from[0] != '/' || from[1] != '/')
			*to++ = *from;
	if (to)
		*to = '\0';
	return folder;
}

/* Only absolute paths: a name that is none grants nothing. */
static int add_path(char ***paths, size_t *count, const char *path)
{
	_cleanup_free_ char *folder = NULL;

	if (*path != '/')
		return 0;
	folder = without_pattern(path);
	if (!folder)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++)
		if (streq((*paths)[i], folder))
			return 0;
	if (*count > CONFIG_PATHS_MAX)
		return 0;
	return add_text(paths, count, TAKE_PTR(folder));
}

struct hole {
	const char *start; /* of "${KEY}" in a path, and where the path goes on */
	const char *end;
};

static int fill_option(
	const char *path, const struct hole *hole, const option_value_t *option, char ***paths, size_t *count)
{
	for (size_t i = 0; i < option->n_values; i++) {
		_cleanup_free_ char *filled = NULL;
		const ProtobufCBinaryData *value = &option->values[i];
		int r;

		if (memchr(value->data, 0, value->len))
			continue;
		if (asprintf(&filled, "%.*s%.*s%s", (int)(hole->start - path), path, (int)value->len,
			    (const char *)value->data, hole->end) < 0) {
			filled = NULL;
			return -ENOMEM;
		}
		r = add_path(paths, count, filled);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One declared path, with the option in it, if there is one, as each of the checks has it. */
static int fill_path(const struct config_plugin *plugin, const char *path, char ***paths, size_t *count)
{
	_cleanup_free_ char *key = NULL;
	struct hole hole = {.start = strstr(path, "${")};

	hole.end = hole.start ? strchr(hole.start, '}') : NULL;
	if (!hole.end)
		return add_path(paths, count, path);
	key = strndup(hole.start + 2, (size_t)(hole.end++ - hole.start - 2));
	if (!key)
		return -ENOMEM;
	for (size_t i = 0; i < plugin->check_count; i++)
		for (size_t j = 0; j < plugin->checks[i].option_count; j++) {
			const option_value_t *option = plugin->checks[i].options[j];

			if (streq(option->key, key) && option->type != GAVEA_OPTION_SECRET &&
				fill_option(path, &hole, option, paths, count) < 0)
				return -ENOMEM;
		}
	return 0;
}

static int fill_paths(const struct config_plugin *plugin, const rights_t *needs, rights_t *rights)
{
	for (size_t i = 0; i < needs->n_capabilities; i++)
		if (add_text(&rights->capabilities, &rights->n_capabilities, strdup(needs->capabilities[i])) <
			0)
			return -ENOMEM;
	for (size_t i = 0; i < needs->n_read_paths; i++)
		if (fill_path(plugin, needs->read_paths[i], &rights->read_paths, &rights->n_read_paths) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < needs->n_write_paths; i++)
		if (fill_path(plugin, needs->write_paths[i], &rights->write_paths, &rights->n_write_paths) <
			0)
			return -ENOMEM;
	return 0;
}

rights_t *config_rights(const struct config_plugin *plugin, struct conf_node *group)
{
	const rights_t *needs = plugin->description->needs;
	rights_t *rights = malloc(sizeof *rights);

	if (!rights)
		return NULL;
	gavea__worker__v1__rights__init(rights);
	if (needs) {
		rights->network = MIN(needs->network, (uint32_t)GAVEA_NETWORK_SERVER);
		rights->exec = needs->exec;
		rights->concurrency = needs->concurrency;
		rights->memory = needs->memory;
		rights->stays = needs->stays;
		rights->open_files = needs->open_files;
	}
	rights->concurrency = rights->concurrency ? rights->concurrency : 1;
	rights->memory = rights->memory ? rights->memory : DEFAULT_MEMORY;
	rights->open_files = rights->open_files ? rights->open_files : DEFAULT_OPEN_FILES;
	take_limits(group, rights);
	if (needs && fill_paths(plugin, needs, rights) < 0) {
		gavea__worker__v1__rights__free_unpacked(rights, NULL);
		return NULL;
	}
	return rights;
}

rights_t *config_check_rights(const hello_t *description, const struct config_check *check)
{
	const struct config_plugin plugin = {
		.description = (hello_t *)description,
		.checks = (struct config_check *)check,
		.check_count = 1,
	};

	return config_rights(&plugin, NULL);
}
