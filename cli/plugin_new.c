#include "cli/cli.h"
int cmd_plugin_new(struct cli *cli, const struct command *command, int argc, char **argv)
{
	(void)cli;
	(void)command;
	(void)argc;
	(void)argv;
	return 1;
}
