/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_MAX_BYTES 253
#define MIB (INT64_C(1) << 20)

static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug"};

static void report(void *data, const char *file, int line, const char *message)
{
	config_error(data, file, line, "%s", message);
}

static char *host_name(void)
{
	char name[256];

	if (gethostname(name, sizeof name) < 0)
		return strdup("localhost");
	name[sizeof name - 1] = 0;
	return strdup(*name ? name : "localhost");
}

struct config_files *config_files_new(struct config_errors *errors)
{
	_cleanup_(config_files_freep) struct config_files *files = calloc(1, sizeof *files);
	struct config *config;

	if (!files || conf_new(report, errors, &files->conf) < 0)
		return NULL;
	files->config = config = calloc(1, sizeof *config);
	if (!config)
		return NULL;
	config->name = host_name();
	config->spool_max_bytes = (uint64_t)256 * MIB;
	config->spool_max_age = 7 * 86400 * NSEC_PER_SEC;
	config->backlog_rate = (uint64_t)MIB;
	config->flush_every = 5 * NSEC_PER_SEC;
	config->worker_idle = 60 * NSEC_PER_SEC;
	config->log_level = LOG_LEVEL_INFO;
	return config->name ? TAKE_PTR(files) : NULL;
}

static void wanted_done(struct wanted *wanted)
{
	free(wanted->name);
	free(wanted->path);
	free(wanted->failure);
	if (wanted->hello)
		gavea__worker__v1__hello__free_unpacked(wanted->hello, NULL);
}

void config_files_free(struct config_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->wanted_count; i++)
		wanted_done(&files->wanted[i]);
	free(files->wanted);
	free(files->names);
	free(files->plugin_directory);
	config_free(files->config);
	conf_free(files->conf);
	free(files);
}

static void take_name(struct conf_node *agent, char **name)
{
	_cleanup_free_ char *text = NULL;
	bool fits;

	if (conf_take_string(agent, "name", &text) <= 0)
		return;
	fits = *text && strlen(text) <= NAME_MAX_BYTES;
	for (const char *p = text; *p; p++)
		fits = fits && (unsigned char)*p >= ' ' && *p != 0x7f;
	if (!fits) {
		conf_error(conf_take(agent, "name"), "must be 1 to %d bytes, without control characters",
			NAME_MAX_BYTES);
		return;
	}
	free(*name);
	*name = TAKE_PTR(text);
}

static void take_log_level(struct conf_node *agent, int *level)
{
	_cleanup_free_ char *name = NULL;
	const struct conf_node *node;
	const char *meant;
	int r;

	if (conf_take_string(agent, "log_level", &name) <= 0)
		return;
	r = log_level_from_name(name);
	if (r >= 0) {
		*level = r;
		return;
	}
	node = conf_take(agent, "log_level");
	meant = conf_has_reference(conf_text(node)) ? NULL
						    : suggest(name, log_levels, ARRAY_SIZE(log_levels));
	if (meant)
		conf_error(
			node, "is none of error, warning, notice, info, debug; did you mean \"%s\"?", meant);
	else
		conf_error(node, "is none of error, warning, notice, info, debug");
}

static void take_plugin_directory(struct conf_node *agent, char **path)
{
	if (conf_take_string(agent, "plugin_directory", path) <= 0 || **path == '/')
		return;
	conf_error(conf_take(agent, "plugin_directory"), "must be a path that begins with a slash");
	free(*path);
	*path = NULL;
}

static void read_agent(struct config_files *files)
{
	static const char *const known[] = {"name", "labels", "plugin_directory", "spool_size", "spool_age",
		"backlog_rate", "flush", "worker_idle", "log_level"};
	struct config *config = files->config;
	struct labels labels = {0};
	struct conf_node *agent;
	int64_t size;

	if (conf_take_kind(conf_root(files->conf), "agent", CONF_GROUP, &agent) <= 0)
		return;
	take_name(agent, &config->name);
	labels_take(agent, &labels);
	config->labels = labels.pairs;
	config->label_count = labels.count;
	take_plugin_directory(agent, &files->plugin_directory);
	if (conf_take_size(agent, "spool_size", 4 * MIB, 1024 * 1024 * MIB, &size) > 0)
		config->spool_max_bytes = (uint64_t)size;
	if (conf_take_size(agent, "backlog_rate", 64 * 1024, 1024 * MIB, &size) > 0)
		config->backlog_rate = (uint64_t)size;
	conf_take_duration(
		agent, "spool_age", 60 * NSEC_PER_SEC, 366 * 86400 * NSEC_PER_SEC, &config->spool_max_age);
	conf_take_duration(agent, "flush", 10 * NSEC_PER_MSEC, 600 * NSEC_PER_SEC, &config->flush_every);
	conf_take_duration(agent, "worker_idle", NSEC_PER_SEC, 86400 * NSEC_PER_SEC, &config->worker_idle);
	take_log_level(agent, &config->log_level);
	conf_leftovers(agent, known, ARRAY_SIZE(known));
}

static int add_wanted(struct config_files *files, const char *name, struct conf_node *group)
{
	char *copy = strdup(name);

	if (!copy || GROW(files->wanted, files->wanted_count, files->wanted_room) < 0) {
		free(copy);
		return -ENOMEM;
	}
	files->wanted[files->wanted_count++] = (struct wanted){.name = copy, .group = group};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

/* Every group but "agent" is a plugin's. */
static int read_plugins(struct config_files *files)
{
	struct conf_node *root = conf_root(files->conf);
	bool any = false;

	for (size_t i = 0; i < conf_size(root); i++) {
		struct conf_node *node = conf_at(root, i);
		bool enabled = true;

		if (streq(conf_name(node), "agent"))
			continue;
		any = true;
		if (conf_kind(node) != CONF_GROUP) {
			conf_error(
				node, "only groups stand here: \"agent\", or one with the name of a plugin");
			continue;
		}
		conf_take_bool(node, "enabled", &enabled);
		if (enabled && add_wanted(files, conf_name(node), node) < 0)
			return -ENOMEM;
	}
	if (!any && add_wanted(files, "host", NULL) < 0)
		return -ENOMEM;
	if (files->wanted_count)
		qsort(files->wanted, files->wanted_count, sizeof *files->wanted, by_name);
	files->names = calloc(files->wanted_count + 1, sizeof *files->names);
	if (!files->names)
		return -ENOMEM;
	for (size_t i = 0; i < files->wanted_count; i++)
		files->names[i] = files->wanted[i].name;
	return 0;
}

int config_files_read_groups(struct config_files *files, struct config_errors *errors)
{
	int r;

	read_agent(files);
	r = read_plugins(files);
	files->broken = errors->count + errors->left_out > 0;
	return r;
}

int config_read(const char *folder, struct config_files **ret_files, struct config_errors *errors)
{
	_cleanup_(config_files_freep) struct config_files *files = config_files_new(errors);
	_cleanup_free_ char *main_file = NULL, *more = NULL;
	int r;

	if (!files)
		return -ENOMEM;
	if (asprintf(&main_file, "%s/gavea.conf", folder) < 0)
		main_file = NULL;
	if (asprintf(&more, "%s/conf.d", folder) < 0)
		more = NULL;
	if (!main_file || !more)
		return -ENOMEM;
	/* What goes wrong in one of them is in errors. */
	(void)conf_read_file(files->conf, main_file);
	(void)conf_read_folder(files->conf, more);
	r = config_files_read_groups(files, errors);
	if (r < 0)
		return r;
	*ret_files = TAKE_PTR(files);
	return 0;
}

const char *const *config_files_plugins(const struct config_files *files, size_t *ret_count)
{
	*ret_count = files->wanted_count;
	return files->names;
}

int config_files_set_plugin_directory(struct config_files *files, const char *folder)
{
	char *copy = strdup(folder);

	if (!copy)
		return -ENOMEM;
	free(files->plugin_directory);
	files->plugin_directory = copy;
	return 0;
}

const char *config_files_plugin_directory(const struct config_files *files)
{
	return files->plugin_directory;
}

static struct wanted *find_wanted(const struct config_files *files, const char *plugin)
{
	for (size_t i = 0; i < files->wanted_count; i++)
		if (streq(files->wanted[i].name, plugin))
			return &files->wanted[i];
	return NULL;
}

int config_files_describe_failed(struct config_files *files, const char *plugin, const char *reason)
{
	struct wanted *wanted = find_wanted(files, plugin);
	char *copy = strdup(reason);

	if (!wanted || !copy) {
		free(copy);
		return wanted ? -ENOMEM : -ENOENT;
	}
	free(wanted->failure);
	wanted->failure = copy;
	return 0;
}

int config_files_describe(
	struct config_files *files, const char *plugin, const char *path, Gavea__Worker__V1__Hello *hello)
{
	struct wanted *wanted = find_wanted(files, plugin);
	char *copy = strdup(path);

	if (!wanted || !copy || wanted->hello) {
		free(copy);
		gavea__worker__v1__hello__free_unpacked(hello, NULL);
		return !wanted ? -ENOENT : !copy ? -ENOMEM : -EEXIST;
	}
	wanted->path = copy;
	wanted->hello = hello;
	return 0;
}
