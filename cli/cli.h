/* SPDX-License-Identifier: Apache-2.0 */
/* What all subcommands share: the options that come before or after any of them, and how they end. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#define CLI_FAILED 1 /* it could not be done, or what was judged is not good */
#define CLI_USAGE 2 /* the arguments make no sense */
#define CLI_UNKNOWN 3 /* of what ends with a Nagios code: there is no answer */

struct cli {
	const char *socket; /* of the daemon's control socket */
	const char *plugins; /* folder; NULL: the default one */
	bool json;
};

/* A subcommand gets the arguments behind its name and returns the exit code. */
struct command {
	const char *name; /* "config check" */
	const char *arguments; /* "[CHECK]", for the usage line */
	const char *summary;
	const char *text; /* more for its --help; NULL: nothing */
	int usage_error; /* the exit code when the arguments make no sense */
	int (*run)(struct cli *cli, const struct command *command, int argc, char **argv);
};

int cmd_status(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_run(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_plugins(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_help(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_config_check(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_reload(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_events(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_spool(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_spool_verify(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_spool_export(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_command(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_preflight(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_swap(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_backup(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_backup_ping(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_fleet(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_enroll(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_fleet_forget(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_plugin_new(struct cli *cli, const struct command *command, int argc, char **argv);
int cmd_plugin_test(struct cli *cli, const struct command *command, int argc, char **argv);

#endif
