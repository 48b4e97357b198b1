/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of subcommands: one table says which options there are, reads them, and prints the help. Options
 * may stand before, between and after the other arguments; "--" ends them.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/buf.h"
#include "cli/cli.h"

struct argument {
	const char *name; /* without the dashes */
	char letter; /* 0: no short form */
	const char *value; /* what the help calls its value; NULL: a flag */
	const char *doc;
	union {
		bool *flag;
		const char **text; /* points into argv */
	};
};

/* How many other arguments a subcommand takes. */
struct argument_range {
	int least, most;
};

/*
 * Reads the options of a subcommand and those of all (--socket, --plugins, --help). What is no option is
 * moved to the front of argv. Returns how many these are, or -1 with *ret_exit: the help was printed, or all
 * that is wrong with the arguments was.
 */
int arguments_parse(struct cli *cli, const struct command *command, const struct argument *options,
	size_t count, struct argument_range range, int argc, char **argv, int *ret_exit);

/* The same without printing: 0 and *ret_count; -ECANCELED: --help was asked for; -EINVAL: a line for each
 * thing that is wrong in errors. */
int arguments_read(struct cli *cli, const struct argument *options, size_t count, struct argument_range range,
	int argc, char **argv, int *ret_count, struct buf *errors);

/* The help of a subcommand. */
void arguments_help(
	const struct command *command, const struct argument *options, size_t count, struct buf *out);

#endif
