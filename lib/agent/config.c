/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define ERRORS_MAX 200

void config_errors_done(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		error_done(&errors->errors[i]);
	free(errors->errors);
	*errors = (struct config_errors)CONFIG_ERRORS_INIT;
}

/* The length of the file's name in "file:line", and the line. */
static size_t split_where(const char *where, long *ret_line)
{
	const char *colon = strrchr(where, ':');

	*ret_line = 0;
	if (!colon || !isdigit((unsigned char)colon[1]) ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return strlen(where);
	*ret_line = strtol(colon + 1, NULL, 10);
	return (size_t)(colon - where);
}

static int compare_places(const char *a, const char *b)
{
	long line_a, line_b;
	size_t length_a, length_b;
	int order;

	if (!a || !b)
		return !b - !a;
	length_a = split_where(a, &line_a);
	length_b = split_where(b, &line_b);
	order = memcmp(a, b, MIN(length_a, length_b));
	if (order)
		return order;
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return (line_a > line_b) - (line_a < line_b);
}

static void insert_error(struct config_errors *errors, struct error *error)
{
	size_t at = errors->count;

	while (at && compare_places(errors->errors[at - 1].where, error->where) > 0)
		at--;
	if (at == ERRORS_MAX || GROW(errors->errors, errors->count, errors->room) < 0) {
		errors->left_out++;
		return;
	}
	if (errors->count == ERRORS_MAX) {
		error_done(&errors->errors[--errors->count]);
		errors->left_out++;
	}
	memmove(&errors->errors[at + 1], &errors->errors[at], (errors->count - at) * sizeof *errors->errors);
	errors->errors[at] = *error;
	errors->count++;
	*error = (struct error)ERROR_INIT;
}

void config_error(struct config_errors *errors, const char *file, int line, const char *format, ...)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	error_set_at(&error, 0, file, line, "%s", message ? message : "out of memory");
	insert_error(errors, &error);
}

static void pairs_free(struct config_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

void config_plugin_done(struct config_plugin *plugin)
{
	for (size_t i = 0; i < plugin->check_count; i++)
		config_check_done(&plugin->checks[i]);
	free(plugin->checks);
	free(plugin->name);
	free(plugin->path);
	if (plugin->description)
		gavea__worker__v1__hello__free_unpacked(plugin->description, NULL);
	if (plugin->rights)
		gavea__worker__v1__rights__free_unpacked(plugin->rights, NULL);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->plugin_count; i++)
		config_plugin_done(&config->plugins[i]);
	free(config->plugins);
	pairs_free(config->labels, config->label_count);
	free(config->name);
	free(config);
}
