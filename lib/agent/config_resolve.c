/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "agent/link.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "wire/frame.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define CHECK_NAME_MAX 64

static const char *const plugin_keys[] = {
	"enabled", "every", "timeout", "attempts", "labels", "limits", "thresholds", "checks", NULL};
static const char *const check_keys[] = {
	"name", "enabled", "every", "timeout", "attempts", "labels", "thresholds", NULL};

/* What a plugin's group says for all its checks. */
struct defaults {
	int64_t every;
	int64_t timeout;
	int64_t attempts;
	struct labels labels;
	option_value_t **options; /* as in the description; NULL: no value */
	bool *wrong; /* a value that was refused, so that it is not called missing as well */
	struct config_check shared; /* has the thresholds, and nothing else */
};

struct resolver {
	struct config_files *files;
	struct config_errors *errors;
	const struct wanted *wanted;
	const hello_t *hello;
	struct config_plugin plugin;
	size_t check_room;
	struct defaults defaults;
};

/* An error about the plugin as a whole, where it is wanted. */
#define PLUGIN_ERROR(resolver, ...) \
	config_error((resolver)->errors, \
		(resolver)->wanted->group ? conf_file((resolver)->wanted->group) : NULL, \
		(resolver)->wanted->group ? conf_line((resolver)->wanted->group) : 0, __VA_ARGS__)

static void take_schedule(struct conf_node *group, int64_t *every, int64_t *timeout, int64_t *attempts)
{
	conf_take_duration(group, "every", 100 * NSEC_PER_MSEC, INT64_C(400) * 86400 * NSEC_PER_SEC, every);
	conf_take_duration(group, "timeout", 10 * NSEC_PER_MSEC, 3600 * NSEC_PER_SEC, timeout);
	conf_take_int(group, "attempts", 1, 100, attempts);
}

static void defaults_done(struct defaults *defaults, size_t count)
{
	labels_done(&defaults->labels);
	for (size_t i = 0; defaults->options && i < count; i++)
		option_free(defaults->options[i]);
	config_check_done(&defaults->shared);
	free(defaults->options);
	free(defaults->wrong);
}

static int read_defaults(struct resolver *resolver)
{
	struct defaults *defaults = &resolver->defaults;
	struct conf_node *group = resolver->wanted->group;
	const hello_t *hello = resolver->hello;

	*defaults = (struct defaults){
		.every = (hello->delivers ? 10 : 15) * NSEC_PER_SEC,
		.timeout = (hello->delivers ? 30 : 10) * NSEC_PER_SEC,
		.attempts = 1,
		.options = calloc(hello->n_options + 1, sizeof(option_value_t *)),
		.wrong = calloc(hello->n_options + 1, sizeof(bool)),
	};
	if (!defaults->options || !defaults->wrong)
		return -ENOMEM;
	take_schedule(group, &defaults->every, &defaults->timeout, &defaults->attempts);
	labels_take(group, &defaults->labels);
	if (config_thresholds_take(group, &defaults->shared) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < hello->n_options; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		const option_t *option = hello->options[i];
		const struct conf_node *node = conf_take(group, option->key);
		int r = node ? option_from_node(option, node, &defaults->options[i])
			     : option_default(option, &defaults->options[i], &error);

		if (!node && r < 0)
			PLUGIN_ERROR(resolver, "%s: %s", option->key, error_text(&error, r));
		defaults->wrong[i] = r < 0;
	}
	return 0;
}

/* The place of a check: its own group, that of the plugin, or none. */
static char *place_of(const struct conf_node *node)
{
	char *place;

	if (!node)
		return strdup("built in");
	return asprintf(&place, "%s:%d", conf_file(node), conf_line(node)) < 0 ? NULL : place;
}

static void missing(struct resolver *resolver, const struct config_check *check, const struct conf_node *node,
	const option_t *option)
{
	const struct conf_node *place = node ? node : resolver->wanted->group;

	config_error(resolver->errors, place ? conf_file(place) : NULL, place ? conf_line(place) : 0,
		"%s: %s is missing, it has no default (%s)", check->name, option->key, option->doc);
}

/* node: the check's own group; NULL: there is none. */
static int read_options(struct resolver *resolver, struct conf_node *node, struct config_check *check)
{
	for (size_t i = 0; i < resolver->hello->n_options; i++) {
		const option_t *option = resolver->hello->options[i];
		const struct conf_node *own = conf_take(node, option->key);
		option_value_t *value = NULL;

		if (own && option_from_node(option, own, &value) < 0)
			continue;
		if (!own && resolver->defaults.options[i]) {
			value = option_copy(resolver->defaults.options[i]);
			if (!value)
				return -ENOMEM;
		}
		if (!value && !resolver->defaults.wrong[i] && option->flags & GAVEA_OPTION_REQUIRED)
			missing(resolver, check, node, option);
		if (value && check_add_option(check, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_check_name(const char *name)
{
	if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return strlen(name) <= CHECK_NAME_MAX;
}

/* The name of a check; NULL: it has none that can be used, and that was reported. */
static char *take_check_name(struct resolver *resolver, struct conf_node *node)
{
	_cleanup_free_ char *name = NULL, *full = NULL;
	int r = conf_take_string(node, "name", &name);

	if (r == 0)
		conf_error(node, "has no name");
	if (r <= 0)
		return NULL;
	if (!is_check_name(name)) {
		conf_error(conf_take(node, "name"),
			"must be 1 to %d letters, digits, \".\", \"_\" or \"-\", with a small letter or a "
			"digit first",
			CHECK_NAME_MAX);
		return NULL;
	}
	if (asprintf(&full, "%s/%s", resolver->wanted->name, name) < 0) {
		full = NULL;
		conf_error(node, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < resolver->plugin.check_count; i++)
		if (streq(resolver->plugin.checks[i].name, full)) {
			conf_error(conf_take(node, "name"), "\"%s\" is taken by the check at %s", name,
				resolver->plugin.checks[i].where);
			return NULL;
		}
	return TAKE_PTR(full);
}

/* Judges all of a check. It takes name. */
static int read_check(
	struct resolver *resolver, char *name, struct conf_node *node, struct config_check *check)
{
	const struct defaults *defaults = &resolver->defaults;
	_cleanup_labels_ struct labels labels = {0};
	int64_t attempts = defaults->attempts;
	int r;

	*check = (struct config_check){.name = name, .every = defaults->every, .timeout = defaults->timeout};
	check->where = place_of(node ? node : resolver->wanted->group);
	if (!check->name || !check->where || labels_copy(&defaults->labels, &labels) < 0)
		return -ENOMEM;
	take_schedule(node, &check->every, &check->timeout, &attempts);
	check->attempts = (unsigned)attempts;
	labels_take(node, &labels);
	check->labels = TAKE_PTR(labels.pairs);
	check->label_count = labels.count;
	labels = (struct labels){0};
	r = read_options(resolver, node, check);
	if (r == 0)
		r = config_thresholds_copy(&defaults->shared, check);
	if (r == 0)
		r = config_thresholds_take(node, check);
	if (r < 0)
		return r;
	if (check_finish(check) < 0)
		config_error(resolver->errors, node ? conf_file(node) : NULL, node ? conf_line(node) : 0,
			"%s: its options are too large; all together may have %u KiB", check->name,
			FRAME_MAX / 1024 - 1);
	return 0;
}

static int add_check(struct resolver *resolver, char *name, struct conf_node *node, bool enabled)
{
	struct config_plugin *plugin = &resolver->plugin;
	struct config_check check = {0};
	int r = read_check(resolver, name, node, &check);

	if (r == 0 && enabled) {
		r = GROW(plugin->checks, plugin->check_count, resolver->check_room);
		if (r == 0) {
			plugin->checks[plugin->check_count++] = check;
			return 0;
		}
	}
	config_check_done(&check);
	return r;
}

static int read_listed(struct resolver *resolver, struct conf_node *node)
{
	_cleanup_free_ const char **known = NULL;
	bool enabled = true;
	size_t count;
	char *name;
	int r;

	if (conf_kind(node) != CONF_GROUP) {
		conf_error(node, "must be a group, { name = \"…\"; … }");
		return 0;
	}
	conf_take_bool(node, "enabled", &enabled);
	name = take_check_name(resolver, node);
	if (!name) {
		/* What else it says is judged all the same; it is never used. */
		enabled = false;
		if (asprintf(&name, "%s/?", resolver->wanted->name) < 0)
			return -ENOMEM;
	}
	r = add_check(resolver, name, node, enabled);
	known = option_names(resolver->hello, check_keys, &count);
	if (r < 0 || !known)
		return -ENOMEM;
	if (conf_take(node, "limits"))
		conf_error(conf_take(node, "limits"),
			"belongs into the group of the plugin: its checks share one worker");
	conf_leftovers(node, known, count);
	return 0;
}

static int read_checks(struct resolver *resolver)
{
	struct conf_node *group = resolver->wanted->group, *list;
	int r = conf_take_kind(group, "checks", CONF_LIST, &list);

	if (r < 0)
		return 0;
	if (r == 0) {
		char *name;

		if (asprintf(&name, "%s/default", resolver->wanted->name) < 0)
			return -ENOMEM;
		return add_check(resolver, name, NULL, true);
	}
	if (conf_size(list) == 0)
		conf_error(list, "has no checks; without this list there is one, %s/default",
			resolver->wanted->name);
	if (conf_size(list) > CONFIG_CHECKS_MAX) {
		conf_error(list, "more than %d checks", CONFIG_CHECKS_MAX);
		return 0;
	}
	for (size_t i = 0; i < conf_size(list); i++) {
		r = read_listed(resolver, conf_at(list, i));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Why a plugin could not be described, in words that help. */
static int explain_failure(struct resolver *resolver)
{
	const struct wanted *wanted = resolver->wanted;
	size_t count = 0;
	char **names = plugin_list(resolver->files->plugin_directory, &count);
	const char *meant = suggest(wanted->name, (const char *const *)names, count);
	bool exists = false;

	for (size_t i = 0; i < count; i++)
		exists = exists || streq(names[i], wanted->name);
	if (exists || (!wanted->failure && !wanted->group))
		PLUGIN_ERROR(resolver, "plugin %s: %s", wanted->name,
			wanted->failure ? wanted->failure : "was not described");
	else if (wanted->group && meant)
		PLUGIN_ERROR(
			resolver, "there is no plugin \"%s\"; did you mean \"%s\"?", wanted->name, meant);
	else if (wanted->group)
		PLUGIN_ERROR(resolver, "there is no plugin \"%s\"", wanted->name);
	plugin_list_free(names);
	return 0;
}

/* A worker is told of its paths in one packet. */
static void judge_paths(struct resolver *resolver)
{
	const rights_t *rights = resolver->plugin.rights;

	if (rights->n_read_paths > CONFIG_PATHS_MAX || rights->n_write_paths > CONFIG_PATHS_MAX ||
		gavea__worker__v1__rights__get_packed_size(rights) > FRAME_MAX / 2)
		PLUGIN_ERROR(resolver,
			"%s: its checks name more than %d paths, or %u KiB of them; name folders",
			resolver->wanted->name, CONFIG_PATHS_MAX, FRAME_MAX / 2048);
}

static int add_plugin(struct resolver *resolver, struct config *config)
{
	struct config_plugin *plugin = &resolver->plugin, *bigger;

	if (!plugin->check_count)
		return 0;
	bigger = reallocarray(config->plugins, config->plugin_count + 1, sizeof *bigger);
	if (!bigger)
		return -ENOMEM;
	config->plugins = bigger;
	config->plugins[config->plugin_count++] = *plugin;
	*plugin = (struct config_plugin){0};
	return 0;
}

static int resolve_plugin(struct resolver *resolver, struct wanted *wanted, struct config *config)
{
	struct config_plugin *plugin = &resolver->plugin;
	_cleanup_free_ const char **known = NULL;
	size_t count;
	int r;

	if (!wanted->hello)
		return explain_failure(resolver);
	resolver->hello = wanted->hello;
	*plugin = (struct config_plugin){.name = strdup(wanted->name)};
	r = plugin->name ? read_defaults(resolver) : -ENOMEM;
	if (r == 0)
		r = read_checks(resolver);
	if (r < 0)
		return r;
	plugin->path = TAKE_PTR(wanted->path);
	plugin->description = TAKE_PTR(wanted->hello);
	plugin->rights = config_rights(plugin, wanted->group);
	known = option_names(plugin->description, plugin_keys, &count);
	if (!plugin->rights || !known)
		return -ENOMEM;
	if (wanted->group)
		conf_leftovers(wanted->group, known, count);
	judge_paths(resolver);
	return add_plugin(resolver, config);
}

static void resolver_done(struct resolver *resolver)
{
	defaults_done(&resolver->defaults, resolver->hello ? resolver->hello->n_options : 0);
	config_plugin_done(&resolver->plugin);
}

static void report(void *data, const char *file, int line, const char *message)
{
	config_error(data, file, line, "%s", message);
}

int config_resolve(struct config_files *files, struct config **ret_config, struct config_errors *errors)
{
	struct config *config = files->config;
	int r = 0;

	assert(config);
	conf_set_report(files->conf, report, errors);
	for (size_t i = 0; r == 0 && i < files->wanted_count; i++) {
		_cleanup_(resolver_done) struct resolver resolver = {
			.files = files, .errors = errors, .wanted = &files->wanted[i]};

		r = resolve_plugin(&resolver, &files->wanted[i], config);
	}
	if (r < 0)
		config_error(errors, NULL, 0, "%s", strerror(-r));
	if (files->broken && !errors->count)
		config_error(errors, NULL, 0, "the files have errors that were reported before");
	if (errors->count + errors->left_out)
		return -EINVAL;
	*ret_config = TAKE_PTR(files->config);
	return 0;
}
