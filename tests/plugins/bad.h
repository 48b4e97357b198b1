/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of which one thing is wrong: the file that includes this has said which. */
#include <gavea/plugin.h>

#ifndef MAGIC
#define MAGIC GAVEA_PLUGIN_MAGIC
#endif
#ifndef MAJOR
#define MAJOR GAVEA_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR GAVEA_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(struct gavea_plugin)
#endif
#ifndef NEEDS_SIZE
#define NEEDS_SIZE sizeof(struct gavea_needs)
#endif
#ifndef RUN
#define RUN bad_run
#endif
#ifndef DOC
#define DOC "An option"
#endif
#ifndef RETURN
#define RETURN &plugin
#endif

static int __attribute__((unused)) bad_run(struct gavea_check *check, void *state)
{
	(void)state;
	gavea_result(check, GAVEA_OK, "it ran");
	return 0;
}

static const struct gavea_option options[] = {{"key", GAVEA_OPTION_INT, 0, "1", "0..2", DOC}};
static const struct gavea_needs needs = {.size = NEEDS_SIZE};

static const struct gavea_plugin plugin __attribute__((unused)) = {
	.magic = MAGIC,
	.abi_major = MAJOR,
	.abi_minor = MINOR,
	.size = SIZE,
	.name = NAME,
	.version = "1",
	.summary = "Has something wrong",
	.options = options,
	.option_count = 1,
	.option_size = sizeof options[0],
	.needs = &needs,
	.run = RUN,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return RETURN;
}
