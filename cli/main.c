/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavea - shows what the agent sees, runs checks, judges configuration
 *
 *   gavea [--socket PATH] [--plugins DIR] SUBCOMMAND [ARGUMENT...]
 *
 * See gavea(1).
 */
#include "base/log.h"
#include "base/suggest.h"
#include "cli/arguments.h"
#include "cli/say.h"

#include <stdio.h>

static const struct command commands[] = {
	{"status", "[CHECK]", "shows the agent, its checks and outputs; or one check with items and samples",
		"With CHECK the exit code is the check's: 0 ok, 1 warning, 2 critical, 3 unknown.",
		CLI_UNKNOWN, cmd_status},
	{"run", "PLUGIN [KEY=VALUE...] | PLUGIN/NAME",
		"runs a check now: with these options, without a daemon; or the configured one, by the "
		"daemon",
		"The exit code is the check's: 0 ok, 1 warning, 2 critical, 3 unknown.\n"
		"`gavea help PLUGIN` lists the options of a plugin.",
		CLI_UNKNOWN, cmd_run},
	{"plugins", "", "lists plugins: what their workers do, and what they may", NULL, CLI_USAGE,
		cmd_plugins},
	{"help", "[PLUGIN]", "explains a plugin: its options and what it needs", NULL, CLI_USAGE, cmd_help},
	{"config check", "", "judges the configuration; prints every error with its file and line", NULL,
		CLI_USAGE, cmd_config_check},
	{"reload", "", "has the daemon load its configuration again, and waits for the outcome", NULL,
		CLI_USAGE, cmd_reload},
	{"events", "", "shows what happened", NULL, CLI_USAGE, cmd_events},
	{"spool verify", "", "reads every record that waits on this host, and says where one is damaged",
		"The agent may run or not; nothing is changed. The exit code is 1 when something is damaged.",
		CLI_USAGE, cmd_spool_verify},
	{"spool export", "", "writes the records that wait on this host, for other programs",
		"The agent may run or not; nothing is changed. Names stand in the place of numbers.",
		CLI_USAGE, cmd_spool_export},
	{"spool", "", "shows what waits on this host for its receivers: segments, and how far each output is",
		"The agent may run or not; nothing is changed.", CLI_USAGE, cmd_spool},
	{"command", "CHECK COMMAND [KEY=VALUE...]", "tells a plugin to do something", NULL, CLI_USAGE,
		cmd_command},
	{"preflight", "APP", "shows the checklist of an app, and whether a swap may start",
		"The exit code is 0 only if it may.", CLI_USAGE, cmd_preflight},
	{"swap plan", "APP RELEASE", "says what a swap would do, step by step, and touches nothing", NULL,
		CLI_USAGE, cmd_swap},
	{"swap start", "APP RELEASE", "begins to bring a release to the clients of an app", NULL, CLI_USAGE,
		cmd_swap},
	{"swap status", "APP", "shows where a swap stands", NULL, CLI_USAGE, cmd_swap},
	{"swap watch", "APP", "the same, live, until it is over",
		"Ctrl-C ends the view, never the swap. The exit code is 1 when the swap was rolled back.",
		CLI_USAGE, cmd_swap},
	{"swap promote", "APP", "ends a hold now", NULL, CLI_USAGE, cmd_swap},
	{"swap pause", "APP", "stays at the next hold until it is resumed", NULL, CLI_USAGE, cmd_swap},
	{"swap resume", "APP", "goes on after a pause", NULL, CLI_USAGE, cmd_swap},
	{"swap abort", "APP", "goes back to the old release", NULL, CLI_USAGE, cmd_swap},
	{"swap rollback", "APP", "goes back, and bans the release", NULL, CLI_USAGE, cmd_swap},
	{"swap unfreeze", "APP", "goes on where a swap was frozen", NULL, CLI_USAGE, cmd_swap},
	{"swap sign", "APP POINT", "signs off a point \"manual POINT\" of the checklist", NULL, CLI_USAGE,
		cmd_swap},
	{"swap history", "APP", "lists swaps, the newest first", NULL, CLI_USAGE, cmd_swap},
	{"swap report", "APP [SWAP]", "tells all about one swap (the last one), as Markdown or JSON", NULL,
		CLI_USAGE, cmd_swap},
	{"enroll", "URL", "gets this host an identity from a fleet server, by which that knows it",
		"The key is made here and never leaves this host. The token comes from `gavea-fleetd token\n"
		"create --role enroll` on the server. Called again, it goes on where it was interrupted.",
		CLI_USAGE, cmd_enroll},
	{"backup ping", "NAME", "says for a backup job that it begins, ended well or failed",
		"NAME is a check of the group backup with kind = \"ping\". Nothing is printed when it went "
		"well.",
		CLI_USAGE, cmd_backup_ping},
	{"backup", "",
		"lists the backups that are looked after: age, size, last verification and restore test",
		NULL, CLI_USAGE, cmd_backup},
	{"fleet hosts", "", "lists the hosts that the fleet server knows", NULL, CLI_USAGE, cmd_fleet},
	{"fleet checks", "", "lists the checks of all hosts", NULL, CLI_USAGE, cmd_fleet},
	{"fleet events", "", "lists what happened on all hosts", NULL, CLI_USAGE, cmd_fleet},
	{"fleet forget", "HOST", "has the fleet server forget a host that is no more", NULL, CLI_USAGE,
		cmd_fleet_forget},
	{"plugin new", "NAME [DIR]", "makes the source of a new plugin, with a test", NULL, CLI_USAGE,
		cmd_plugin_new},
	{"plugin test", "FILE.so [KEY=VALUE...]",
		"puts a plugin through what the agent may put it through, and says how it did", NULL,
		CLI_USAGE, cmd_plugin_test},
};

static void print_usage(FILE *out)
{
	fputs("gavea - shows what the agent sees, runs checks, judges configuration\n\n"
	      "usage: gavea [--socket PATH] [--plugins DIR] SUBCOMMAND [ARGUMENT...]\n\n",
		out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`gavea SUBCOMMAND --help` says more; so does gavea(1).\n", out);
}

/* How many words of argv the name takes; 0: it is not this one. */
static int match(const char *name, int argc, char **argv)
{
	const char *space = strchr(name, ' ');

	if (!space)
		return argc > 0 && streq(argv[0], name);
	if (argc < 2 || strlen(argv[0]) != (size_t)(space - name))
		return 0;
	return strncmp(argv[0], name, (size_t)(space - name)) == 0 && streq(argv[1], space + 1) ? 2 : 0;
}

/* What begins with this word. */
static int group_help(const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strncmp(commands[i].name, word, length) == 0 && commands[i].name[length] == ' ')
			printf("  gavea %-14s %s\n", commands[i].name, commands[i].summary);
	printf("\n`gavea SUBCOMMAND --help` says more.\n");
	return 0;
}

static int unknown(int argc, char **argv)
{
	const char *names[ARRAY_SIZE(commands)];
	_cleanup_free_ char *two = NULL;
	const char *word = argv[0], *meant;
	size_t group = strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		names[i] = commands[i].name;
		if (strncmp(names[i], word, group) != 0 || names[i][group] != ' ')
			continue;
		if (argc > 1 && (streq(argv[1], "--help") || streq(argv[1], "-h")))
			return group_help(word);
		if (argc < 2 || asprintf(&two, "%s %s", argv[0], argv[1]) < 0)
			return complain(CLI_USAGE,
				"%s: a word is missing, as in `gavea %s`; see gavea --help", word, names[i]);
		word = two;
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	meant = suggest(word, names, ARRAY_SIZE(names));
	if (meant)
		return complain(
			CLI_USAGE, "there is no subcommand \"%s\"; did you mean `gavea %s`?", word, meant);
	return complain(CLI_USAGE, "there is no subcommand \"%s\"; see gavea --help", word);
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int words = match(commands[i].name, argc, argv);

		if (words > 0)
			return commands[i].run(cli, &commands[i], argc - words, argv + words);
	}
	return unknown(argc, argv);
}

/* Takes the options that stand before the subcommand. Returns the number of arguments that were taken; below
 * 0: that was all, with the exit code. */
static int take_options(struct cli *cli, int argc, char **argv, int *ret_exit)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		_cleanup_buf_ struct buf errors = BUF_INIT;
		int count, n = strchr(argv[at], '=') || at + 1 == argc ? 1 : 2;

		*ret_exit = 0;
		if (streq(argv[at], "--version")) {
			puts("gavea " GAVEA_VERSION);
			return -1;
		}
		if (streq(argv[at], "--help") || streq(argv[at], "-h")) {
			print_usage(stdout);
			return -1;
		}
		*ret_exit = CLI_USAGE;
		if (arguments_read(
			    cli, NULL, 0, (struct argument_range){0, 0}, n, argv + at, &count, &errors) < 0) {
			complain(0, "%s", buf_str(&errors));
			return -1;
		}
		at += n - 1;
	}
	return at;
}

int main(int argc, char **argv)
{
	const char *path = getenv("GAVEA_SOCKET");
	struct cli cli = {.socket = str_empty(path) ? GAVEA_RUN_DIR "/control.sock" : path};
	int code, at = take_options(&cli, argc, argv, &code);

	if (at < 0)
		return code;
	if (at == argc) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	code = dispatch(&cli, argc - at, argv + at);
	if (fflush(stdout) != 0 && code == 0)
		return complain(CLI_FAILED, "cannot write to standard output");
	return code;
}
