/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "cli/describe.h"
#include "cli/say.h"

#include <errno.h>
#include <stdio.h>

static void config_files_done(struct config_files **files)
{
	config_files_free(*files);
}

/* Asks the plugins, side by side, and hands what they say to the files. */
static int describe_wanted(struct config_files *files, const char *folder)
{
	size_t count;
	const char *const *names = config_files_plugins(files, &count);
	_cleanup_free_ struct description *descriptions = calloc(count + 1, sizeof *descriptions);
	int r = descriptions ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++)
		descriptions[i].plugin = names[i];
	if (r == 0)
		r = describe_all(folder ? folder : config_files_plugin_directory(files), descriptions, count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct description *d = &descriptions[i];

		if (d->hello)
			r = config_files_describe(files, d->plugin, d->path, TAKE_PTR(d->hello));
		else
			r = config_files_describe_failed(files, d->plugin, d->failure);
	}
	if (descriptions)
		descriptions_done(descriptions, count);
	return r;
}

static void print_errors(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct error *error = &errors->errors[i];

		fprintf(stderr, "%s%s%s\n", error->where ? error->where : "", error->where ? ": " : "",
			error_text(error, -EINVAL));
	}
	if (errors->left_out)
		fprintf(stderr, "and %zu errors more\n", errors->left_out);
}

static void print_good(const struct config *config)
{
	size_t checks = 0, outputs = 0;

	for (size_t i = 0; i < config->plugin_count; i++) {
		const struct config_plugin *plugin = &config->plugins[i];

		*(plugin->description->delivers ? &outputs : &checks) += plugin->check_count;
	}
	printf("configuration is good: %zu check%s, %zu output%s in %zu plugin%s\n", checks,
		checks == 1 ? "" : "s", outputs, outputs == 1 ? "" : "s", config->plugin_count,
		config->plugin_count == 1 ? "" : "s");
}

static int judge(const char *folder, const char *plugins, struct config_errors *errors)
{
	_cleanup_(config_files_done) struct config_files *files = NULL;
	_cleanup_(config_freep) struct config *config = NULL;
	int r = config_read(folder, &files, errors);

	if (r == 0)
		r = describe_wanted(files, plugins);
	if (r == 0)
		r = config_resolve(files, &config, errors);
	print_errors(errors);
	if (errors->count || errors->left_out) {
		fprintf(stderr, "%zu error%s; gavead will not load this\n", errors->count + errors->left_out,
			errors->count + errors->left_out == 1 ? "" : "s");
		return CLI_FAILED;
	}
	if (r < 0)
		return complain(CLI_FAILED, "cannot judge the configuration in %s: %s", folder, strerror(-r));
	print_good(config);
	return 0;
}

int cmd_config_check(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const char *folder = GAVEA_CONF_DIR;
	const struct argument options[] = {
		{.name = "config",
			.value = "DIR",
			.doc = "where gavea.conf and conf.d are (" GAVEA_CONF_DIR ")",
			.text = &folder},
	};
	struct config_errors errors = CONFIG_ERRORS_INIT;
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0)
		return code;
	code = judge(folder, cli->plugins, &errors);
	config_errors_done(&errors);
	return code;
}
