/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: lib/agent lib/conf lib/wire lib/base
/*
 * Any text as a configuration: read, judged against a plugin's description, and turned into checks. The
 * plugin is only a description here; nothing is started.
 */
#include "agent/config_private.h"

#include <stdio.h>

#define OPTIONS 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static option_t *make_option(uint32_t type)
{
	static const char *const ranges[OPTIONS] = {
		"", "", "1..100", "0..1", "1s..", "..1GiB", "0%..100%", "a|b|c"};
	option_t *option = malloc(sizeof *option);
	char key[8];

	if (!option)
		abort();
	gavea__worker__v1__option__init(option);
	snprintf(key, sizeof key, "o%u", type);
	option->key = strdup(key);
	option->type = type;
	option->flags = type == GAVEA_OPTION_STRING ? GAVEA_OPTION_REQUIRED : 0;
	option->range = strdup(ranges[type - 1] ? ranges[type - 1] : "");
	return option;
}

static hello_t *make_hello(const char *name)
{
	hello_t *hello = malloc(sizeof *hello);
	rights_t *needs = malloc(sizeof *needs);

	if (!hello || !needs)
		abort();
	gavea__worker__v1__hello__init(hello);
	gavea__worker__v1__rights__init(needs);
	hello->name = strdup(name);
	hello->runs = 1;
	hello->needs = needs;
	needs->network = GAVEA_NETWORK_CLIENT;
	needs->n_read_paths = 1;
	needs->read_paths = malloc(sizeof *needs->read_paths);
	hello->options = calloc(OPTIONS, sizeof *hello->options);
	if (!needs->read_paths || !hello->options)
		abort();
	needs->read_paths[0] = strdup("${o9}/x");
	for (uint32_t type = 1; type <= OPTIONS; type++)
		hello->options[hello->n_options++] = make_option(type);
	return hello;
}

static void judge(struct config_files *files, struct config_errors *errors)
{
	_cleanup_(config_freep) struct config *config = NULL;
	size_t count;
	const char *const *names = config_files_plugins(files, &count);

	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) < 8)
			config_files_describe(files, names[i], "/x.so", make_hello(names[i]));
	if ((config_resolve(files, &config, errors) == 0) != (errors->count == 0))
		abort();
	if (!config)
		return;
	for (size_t i = 0; i < config->plugin_count; i++)
		if (!config->plugins[i].check_count || !config->plugins[i].rights)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = CONFIG_ERRORS_INIT;
	_cleanup_(config_files_freep) struct config_files *files = config_files_new(&errors);
	const uint8_t *half = size ? memchr(data, 1, size) : NULL;
	size_t first = half ? (size_t)(half - data) : size;

	if (!files)
		abort();
	/* Byte 1 stands between two files. */
	(void)conf_read_text(files->conf, "a.conf", (const char *)data, first);
	if (half)
		(void)conf_read_text(files->conf, "b.conf", (const char *)half + 1, size - first - 1);
	if (config_files_read_groups(files, &errors) < 0)
		abort();
	judge(files, &errors);
	config_errors_done(&errors);
	return 0;
}
