/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with nothing special about it: it says its word, and counts how often it ran. */
#include <gavea/plugin.h>

#include <stdlib.h>

struct plain {
	int series;
	double runs;
};

static int plain_open(struct gavea_check *check, void **ret_state)
{
	struct plain *plain = calloc(1, sizeof *plain);

	if (!plain)
		return -1;
	plain->series = gavea_series(check, "plain_runs_total", GAVEA_COUNTER, "", "Runs", NULL, 0);
	*ret_state = plain;
	return 0;
}

static int plain_run(struct gavea_check *check, void *state)
{
	struct plain *plain = state;

	gavea_sample(check, plain->series, ++plain->runs);
	gavea_result(check, GAVEA_OK, "the word is %s", gavea_option_string(check, "word"));
	return 0;
}

static void plain_close(struct gavea_check *check, void *state)
{
	(void)check;
	free(state);
}

static const struct gavea_option options[] = {
	{"word", GAVEA_OPTION_STRING, 0, "none", NULL, "What to say"},
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "plain",
	.version = "1",
	.summary = "Says a word",
	.options = options,
	.option_count = 1,
	.option_size = sizeof(struct gavea_option),
	.open = plain_open,
	.run = plain_run,
	.close = plain_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
