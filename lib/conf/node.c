/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "conf/internal.h"

#include <errno.h>
#include <stdio.h>

int conf_report(struct conf *conf, const char *file, int line, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	conf->report(conf->data, file, line, message ? message : "out of memory");
	return -EINVAL;
}

struct conf_node *conf_node_new(
	struct conf *conf, struct conf_node *parent, const char *name, const char *file, int line)
{
	_cleanup_(conf_node_freep) struct conf_node *node = calloc(1, sizeof *node);

	if (!node)
		return NULL;
	node->conf = conf;
	node->parent = parent;
	node->file = file;
	node->line = line;
	if (name && !(node->name = strdup(name)))
		return NULL;
	if (parent) {
		if (parent->count == parent->room &&
			grow_array((void **)&parent->children, &parent->room, sizeof(struct conf_node *)) < 0)
			return NULL;
		parent->children[parent->count++] = node;
	}
	return TAKE_PTR(node);
}

void conf_node_free(struct conf_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		conf_node_free(node->children[i]);
	free(node->children);
	free(node->name);
	if (node->text)
		explicit_bzero(node->text, strlen(node->text));
	free(node->text);
	free(node);
}

struct conf_node *conf_node_find(const struct conf_node *group, const char *name)
{
	for (size_t i = 0; i < group->count; i++)
		if (streq(group->children[i]->name, name))
			return group->children[i];
	return NULL;
}

struct conf_node *conf_root(struct conf *conf)
{
	return conf->root;
}

const char *conf_name(const struct conf_node *node)
{
	return node->name;
}

enum conf_kind conf_kind(const struct conf_node *node)
{
	return node->kind;
}

const char *conf_file(const struct conf_node *node)
{
	return node->file;
}

int conf_line(const struct conf_node *node)
{
	return node->line;
}

const char *conf_text(const struct conf_node *node)
{
	return node->text;
}

size_t conf_size(const struct conf_node *node)
{
	return node->count;
}

struct conf_node *conf_at(const struct conf_node *node, size_t index)
{
	return node->children[index];
}

struct conf_node *conf_take(struct conf_node *group, const char *key)
{
	struct conf_node *node = group ? conf_node_find(group, key) : NULL;

	if (node)
		node->taken = true;
	return node;
}

int conf_take_kind(struct conf_node *group, const char *key, enum conf_kind kind, struct conf_node **ret_node)
{
	struct conf_node *node = conf_take(group, key);

	if (!node)
		return 0;
	if (node->kind != kind)
		return conf_error(
			node, kind == CONF_GROUP ? "must be a group, { … }" : "must be a list, ( … )");
	*ret_node = node;
	return 1;
}

size_t conf_leftovers(struct conf_node *group, const char *const *known, size_t known_count)
{
	size_t found = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct conf_node *node = group->children[i];
		const char *meant;

		if (node->taken)
			continue;
		found++;
		meant = suggest(node->name, known, known_count);
		if (meant)
			conf_error(node, "unknown key; did you mean \"%s\"?", meant);
		else
			conf_error(node, "unknown key");
	}
	return found;
}

/* "limits.memory" and "files[2]", but plain "every" in a top-level group: file and line tell the rest. */
static int node_path(const struct conf_node *node, char **ret_path)
{
	const struct conf_node *parent = node->parent;

	if (parent && parent->kind == CONF_LIST) {
		size_t at = 0;

		while (at < parent->count && parent->children[at] != node)
			at++;
		return asprintf(ret_path, "%s[%zu]", parent->name ? parent->name : "", at);
	}
	if (parent && parent->name && parent->parent && parent->parent->parent)
		return asprintf(ret_path, "%s.%s", parent->name, node->name);
	return asprintf(ret_path, "%s", node->name ? node->name : "");
}

int conf_error(const struct conf_node *node, const char *format, ...)
{
	_cleanup_free_ char *message = NULL, *path = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (node_path(node, &path) < 0)
		path = NULL;
	return conf_report(node->conf, node->file, node->line, "%s: %s", path ? path : "?",
		message ? message : "out of memory");
}
