/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "conf/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <libconfig.h>
#include <stdio.h>

DEFINE_CLEANUP(config_t *, config_destroy);

int conf_new(conf_report_fn *report, void *data, struct conf **ret_conf)
{
	_cleanup_(conf_freep) struct conf *conf = calloc(1, sizeof *conf);

	if (!conf)
		return -ENOMEM;
	conf_set_report(conf, report, data);
	conf->root = conf_node_new(conf, NULL, NULL, NULL, 0);
	if (!conf->root)
		return -ENOMEM;
	*ret_conf = TAKE_PTR(conf);
	return 0;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	conf_node_free(conf->root);
	for (size_t i = 0; i < conf->file_count; i++)
		free(conf->files[i]);
	free(conf->files);
	free(conf);
}

void conf_set_report(struct conf *conf, conf_report_fn *report, void *data)
{
	conf->report = report;
	conf->data = data;
}

static int add_setting(struct conf_node *parent, const config_setting_t *setting, const char *file);

static int add_children(struct conf_node *node, const config_setting_t *setting, const char *file)
{
	int r = 0;

	for (int i = 0; r != -ENOMEM && i < config_setting_length(setting); i++) {
		int child = add_setting(node, config_setting_get_elem(setting, (unsigned)i), file);

		r = child < 0 ? child : r;
	}
	return r;
}

static int fill_node(struct conf_node *node, const config_setting_t *setting, const char *file)
{
	const char *text;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		node->kind = CONF_GROUP;
		return add_children(node, setting, file);
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		node->kind = CONF_LIST;
		return add_children(node, setting, file);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		node->kind = CONF_INT;
		node->number = config_setting_get_int64(setting);
		return 0;
	case CONFIG_TYPE_FLOAT:
		node->kind = CONF_FLOAT;
		node->real = config_setting_get_float(setting);
		return 0;
	case CONFIG_TYPE_BOOL:
		node->kind = CONF_BOOL;
		node->number = config_setting_get_bool(setting);
		return 0;
	default:
		node->kind = CONF_STRING;
		text = config_setting_get_string(setting);
		node->text = strdup(text ? text : "");
		if (!node->text)
			return -ENOMEM;
		if (!utf8_valid(node->text, strlen(node->text)))
			return conf_error(node, "not valid UTF-8");
		return 0;
	}
}

/* Adds a setting and all below it; a group to the group of that name, if there is one. */
static int add_setting(struct conf_node *parent, const config_setting_t *setting, const char *file)
{
	const char *name = config_setting_name(setting);
	int line = (int)config_setting_source_line(setting);
	struct conf_node *node = name ? conf_node_find(parent, name) : NULL;

	if (node && node->kind == CONF_GROUP && config_setting_is_group(setting))
		return add_children(node, setting, file);
	if (node)
		return conf_report(parent->conf, file, line,
			"%s: defined twice; the first definition is at %s:%d", name, node->file, node->line);
	node = conf_node_new(parent->conf, parent, name, file, line);
	return node ? fill_node(node, setting, file) : -ENOMEM;
}

static int report_libconfig(struct conf *conf, const char *file, const config_t *config)
{
	const char *text = config_error_text(config);

	if (text && strstr(text, "mismatched"))
		text = "the elements of an array, [ ], must be of one type; a list, ( ), may mix them";
	else
		text = "syntax error; look for a missing \"=\", value, comma or bracket here and on the line "
		       "before";
	return conf_report(conf, file, config_error_line(config), "%s", text);
}

/* The name of a file, kept for the nodes; NULL: no memory. */
static const char *keep_name(struct conf *conf, const char *name)
{
	char *copy = strdup(name);

	if (!copy || GROW(conf->files, conf->file_count, conf->file_room) < 0) {
		free(copy);
		return NULL;
	}
	conf->files[conf->file_count++] = copy;
	return copy;
}

int conf_read_text(struct conf *conf, const char *name, const char *text, size_t size)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;
	const char *file = keep_name(conf, name);
	config_t config;
	_cleanup_(config_destroyp) config_t *parsed = &config;
	int r;

	config_init(&config);
	if (!file)
		return conf_report(conf, name, 0, "out of memory");
	if (size > CONF_FILE_MAX)
		return conf_report(conf, file, 0, "is larger than 1 MiB");
	r = conf_scan(conf, file, text, size, &clean);
	if (r < 0)
		return r;
	if (!config_read_string(parsed, buf_str(&clean)))
		return report_libconfig(conf, file, parsed);
	r = add_children(conf->root, config_root_setting(parsed), file);
	if (r == -ENOMEM)
		return conf_report(conf, file, 0, "out of memory");
	return r;
}

int conf_read_file(struct conf *conf, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char buffer[64];
	int r = conf_slurp(path, CONF_FILE_MAX, &text);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return conf_report(conf, path, 0, "%s", conf_slurp_text(r, CONF_FILE_MAX, buffer));
	return conf_read_text(conf, path, buf_str(&text), text.size);
}

static int is_config(const struct dirent *entry)
{
	return fnmatch("*.conf", entry->d_name, FNM_PERIOD) == 0;
}

/* alphasort() goes by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_entry(struct conf *conf, const char *folder, const char *name)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return conf_report(conf, folder, 0, "out of memory");
	}
	r = conf_read_file(conf, path);
	/* It was listed, so it is a link to nowhere. */
	return r == -ENOENT ? conf_report(conf, path, 0, "%s", strerror(ENOENT)) : r;
}

int conf_read_folder(struct conf *conf, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_config, by_bytes), r = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : conf_report(conf, path, 0, "%s", strerror(errno));
	if (count > (int)CONF_FILES_MAX)
		r = conf_report(conf, path, 0, "has more than %d files", CONF_FILES_MAX);
	for (int i = 0; i < count; i++) {
		if (i < (int)CONF_FILES_MAX && read_entry(conf, path, entries[i]->d_name) < 0)
			r = -EINVAL;
		free(entries[i]);
	}
	free(entries);
	return r;
}
