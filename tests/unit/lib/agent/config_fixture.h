/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations from texts, and plugins that are only descriptions, for the tests of lib/agent. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include "agent/config_private.h"
#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[32]; /* what a test puts there, and plugins/ with files of the plugins' names */
	struct config_files *files;
	struct config_errors errors;
	struct config *config;
};

static const struct gavea_option probe_options[] = {
	{.key = "endpoint",
		.type = GAVEA_OPTION_STRING,
		.flags = GAVEA_OPTION_REQUIRED,
		.doc = "host and port"},
	{.key = "strict", .type = GAVEA_OPTION_BOOL, .default_value = "no"},
	{.key = "port", .type = GAVEA_OPTION_INT, .range = "1..65535"},
	{.key = "low", .type = GAVEA_OPTION_INT, .range = "10.."},
	{.key = "high", .type = GAVEA_OPTION_INT, .range = "..10"},
	{.key = "ratio", .type = GAVEA_OPTION_FLOAT, .default_value = "0.1", .range = "0..1"},
	{.key = "pause", .type = GAVEA_OPTION_DURATION, .default_value = "1min", .range = "0..1h"},
	{.key = "buffer", .type = GAVEA_OPTION_SIZE, .range = "1KiB..1GiB"},
	{.key = "warning", .type = GAVEA_OPTION_PERCENT, .range = "0%..100%"},
	{.key = "mode", .type = GAVEA_OPTION_CHOICE, .default_value = "auto", .range = "auto|blue|green"},
	{.key = "files", .type = GAVEA_OPTION_STRINGS, .default_value = "/a, /b"},
	{.key = "password", .type = GAVEA_OPTION_SECRET},
	{.key = "sly", .type = GAVEA_OPTION_STRING, .default_value = "${file:/etc/shadow}"},
};

static const char *const probe_reads[] = {"/var/lib/probe", "${files}", "${endpoint}", "${password}"};
static const char *const probe_writes[] = {"/srv/${mode}/x"};

static const struct gavea_option future_options[] = {
	{.key = "colour", .type = 99},
	{.key = "odd", .type = GAVEA_OPTION_INT, .range = "few"},
	{.key = "wrong", .type = GAVEA_OPTION_INT, .default_value = "many"},
};

static inline char **copy_texts(const char *const *texts, size_t count)
{
	char **copy = calloc(count, sizeof *copy);

	assert_non_null(copy);
	for (size_t i = 0; i < count; i++)
		assert_non_null(copy[i] = strdup(texts[i]));
	return copy;
}

static inline char *text_or_empty(const char *text)
{
	char *copy = text ? strdup(text) : (char *)protobuf_c_empty_string;

	assert_non_null(copy);
	return copy;
}

static inline void give_options(hello_t *hello, const struct gavea_option *options, size_t count)
{
	hello->options = calloc(count, sizeof *hello->options);
	hello->n_options = count;
	assert_non_null(hello->options);
	for (size_t i = 0; i < count; i++) {
		option_t *option = malloc(sizeof *option);

		assert_non_null(option);
		gavea__worker__v1__option__init(option);
		option->key = strdup(options[i].key);
		option->type = options[i].type;
		option->flags = options[i].flags;
		option->default_value = text_or_empty(options[i].default_value);
		option->range = text_or_empty(options[i].range);
		option->doc = text_or_empty(options[i].doc);
		hello->options[i] = option;
	}
}

/* "probe", "future", "output"; anything else is a plugin without options and needs. */
static inline hello_t *fixture_hello(const char *name)
{
	hello_t *hello = malloc(sizeof *hello);
	rights_t *needs = malloc(sizeof *needs);

	assert_non_null(hello);
	assert_non_null(needs);
	gavea__worker__v1__hello__init(hello);
	gavea__worker__v1__rights__init(needs);
	hello->name = strdup(name);
	hello->needs = needs;
	hello->runs = !streq(name, "output");
	hello->delivers = !hello->runs;
	if (streq(name, "probe")) {
		give_options(hello, probe_options, ARRAY_SIZE(probe_options));
		needs->network = GAVEA_NETWORK_CLIENT;
		needs->concurrency = 4;
		needs->memory = 128u << 20;
		needs->read_paths = copy_texts(probe_reads, needs->n_read_paths = ARRAY_SIZE(probe_reads));
		needs->write_paths =
			copy_texts(probe_writes, needs->n_write_paths = ARRAY_SIZE(probe_writes));
	} else if (streq(name, "future")) {
		give_options(hello, future_options, ARRAY_SIZE(future_options));
	}
	return hello;
}

static inline void fixture_put(struct fixture *fixture, const char *name, const char *text)
{
	_cleanup_free_ char *path = NULL, *folder = NULL;

	assert_true(asprintf(&path, "%s/%s", fixture->folder, name) > 0);
	folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	assert_int_equal(make_directories(folder, 0700), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600), 0);
}

static inline int fixture_setup(void **state)
{
	static const char *const plugins[] = {"probe", "output", "future", "host", "broken"};
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	strcpy(fixture->folder, "/tmp/gavea-config-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		char name[64];

		snprintf(name, sizeof name, "plugins/%s.so", plugins[i]);
		fixture_put(fixture, name, "");
	}
	*state = fixture;
	return 0;
}

/* Forgets everything but the folder. */
static inline void fixture_reset(struct fixture *fixture)
{
	config_files_free(TAKE_PTR(fixture->files));
	config_free(TAKE_PTR(fixture->config));
	config_errors_done(&fixture->errors);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];

	fixture_reset(fixture);
	snprintf(command, sizeof command, "rm -r '%s'", fixture->folder);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

/* Describes what is wanted, as far as it is in the folder, and resolves. */
static inline int fixture_resolve(struct fixture *fixture)
{
	size_t count;
	const char *const *names = config_files_plugins(fixture->files, &count);
	_cleanup_free_ char *folder = NULL;

	assert_true(asprintf(&folder, "%s/plugins", fixture->folder) > 0);
	free(fixture->files->plugin_directory);
	fixture->files->plugin_directory = strdup(folder);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = NULL;

		assert_true(asprintf(&path, "%s/%s.so", folder, names[i]) > 0);
		if (streq(names[i], "broken"))
			assert_int_equal(
				config_files_describe_failed(fixture->files, names[i], "no magic"), 0);
		else if (access(path, F_OK) == 0)
			assert_int_equal(config_files_describe(
						 fixture->files, names[i], path, fixture_hello(names[i])),
				0);
		else
			assert_int_equal(
				config_files_describe_failed(fixture->files, names[i], "no such file"), 0);
	}
	return config_resolve(fixture->files, &fixture->config, &fixture->errors);
}

/* Judges one text, as the file "f". */
static inline int fixture_judge(struct fixture *fixture, const char *text)
{
	fixture_reset(fixture);
	fixture->files = config_files_new(&fixture->errors);
	assert_non_null(fixture->files);
	(void)conf_read_text(fixture->files->conf, "f", text, strlen(text));
	assert_int_equal(config_files_read_groups(fixture->files, &fixture->errors), 0);
	return fixture_resolve(fixture);
}

/* All errors, "WHERE: MESSAGE\n" each; "@/" stands for the folder. */
static inline void assert_errors(const struct fixture *fixture, const char *expected)
{
	_cleanup_buf_ struct buf all = BUF_INIT, filled = BUF_INIT;

	for (size_t i = 0; i < fixture->errors.count; i++) {
		const struct error *error = &fixture->errors.errors[i];

		buf_printf(&all, "%s%s%s\n", error->where ? error->where : "", error->where ? ": " : "",
			error->message);
	}
	for (const char *p = expected; *p; p++)
		if (p[0] == '@' && p[1] == '/')
			buf_add_str(&filled, fixture->folder);
		else
			buf_add_char(&filled, *p);
	assert_string_equal(buf_str(&all), buf_str(&filled));
}

/* An option as text, its values separated by "|"; "(unset)". Returns buffer. */
static inline const char *option_text(
	const struct config_check *check, const char *key, char buffer[static 256])
{
	snprintf(buffer, 256, "(unset)");
	for (size_t i = 0; i < check->option_count; i++) {
		const option_value_t *option = check->options[i];
		size_t used = 0;

		if (!streq(option->key, key))
			continue;
		*buffer = 0;
		for (size_t j = 0; j < option->n_values && used < 200; j++)
			used += (size_t)snprintf(buffer + used, 256 - used, "%s%.*s", j ? "|" : "",
				(int)option->values[j].len, (const char *)option->values[j].data);
	}
	return buffer;
}

#endif
