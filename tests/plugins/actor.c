/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that only takes commands. */
#include <gavea/plugin.h>

static int actor_command(struct gavea_check *check, void *state, struct gavea_command *command)
{
	(void)state;
	gavea_command_reply(check, command, "done: %s", gavea_command_name(check, command));
	return 0;
}

static const char *const commands[] = {"act", NULL};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "actor",
	.version = "1",
	.summary = "Acts when it is told to",
	.command = actor_command,
	.commands = commands,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
