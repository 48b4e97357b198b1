/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "base/suggest.h"

#include <errno.h>
#include <stdio.h>

#define OPTIONS_MAX 16

/* Those of the subcommand and those of all. */
struct table {
	struct argument options[OPTIONS_MAX];
	size_t count;
	bool help;
	struct buf *errors;
};

static void table_init(struct table *table, struct cli *cli, const struct argument *options, size_t count)
{
	const struct argument common[] = {
		{.name = "socket",
			.value = "PATH",
			.doc = "the daemon's control socket",
			.text = &cli->socket},
		{.name = "plugins", .value = "DIR", .doc = "where the plugins are", .text = &cli->plugins},
		{.name = "help", .letter = 'h', .doc = "show this", .flag = &table->help},
	};

	table->count = 0;
	table->help = false;
	for (size_t i = 0; i < count && table->count < OPTIONS_MAX - ARRAY_SIZE(common); i++)
		table->options[table->count++] = options[i];
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		table->options[table->count++] = common[i];
}

static const struct argument *find(const struct table *table, const char *name, size_t length)
{
	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->options[i].name) == length &&
			strncmp(table->options[i].name, name, length) == 0)
			return &table->options[i];
	return NULL;
}

static const struct argument *find_letter(const struct table *table, char letter)
{
	for (size_t i = 0; i < table->count; i++)
		if (letter && table->options[i].letter == letter)
			return &table->options[i];
	return NULL;
}

static void unknown(const struct table *table, const char *name, size_t length)
{
	const char *names[OPTIONS_MAX];
	char word[64];
	const char *meant;

	snprintf(word, sizeof word, "%.*s", (int)length, name);
	for (size_t i = 0; i < table->count; i++)
		names[i] = table->options[i].name;
	meant = suggest(word, names, table->count);
	for (size_t i = 0; !meant && i < table->count; i++)
		if (length >= 2 && startswith(names[i], word))
			meant = names[i];
	if (meant)
		buf_printf(table->errors, "--%s: there is no such option; did you mean --%s?\n", word, meant);
	else
		buf_printf(table->errors, "--%s: there is no such option\n", word);
}

/* Takes the option at argv[*at] and its value. */
static void take_long(struct table *table, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct argument *option = find(table, name, length);

	if (!option) {
		unknown(table, name, length);
	} else if (!option->value) {
		if (equals)
			buf_printf(table->errors, "--%s: takes no value\n", option->name);
		*option->flag = true;
	} else if (equals) {
		*option->text = equals + 1;
	} else if (*at + 1 < argc) {
		*option->text = argv[++*at];
	} else {
		buf_printf(table->errors, "--%s: its value, %s, is missing\n", option->name, option->value);
	}
}

/* "-n 5" and "-n5"; flags can't be put together. */
static void take_short(struct table *table, int argc, char **argv, int *at)
{
	const char *text = argv[*at];
	const struct argument *option = find_letter(table, text[1]);

	if (!option || (!option->value && text[2])) {
		buf_printf(table->errors, "%s: there is no such option\n", text);
	} else if (!option->value) {
		*option->flag = true;
	} else if (text[2]) {
		*option->text = text + 2;
	} else if (*at + 1 < argc) {
		*option->text = argv[++*at];
	} else {
		buf_printf(table->errors, "-%c: its value, %s, is missing\n", option->letter, option->value);
	}
}

static void judge_count(struct table *table, struct argument_range range, int count, char **argv)
{
	if (count < range.least)
		buf_add_str(table->errors, "an argument is missing\n");
	for (int i = range.most; i < count; i++)
		buf_printf(table->errors, "\"%s\": one argument too many\n", argv[i]);
}

static int read_table(struct table *table, struct argument_range range, int argc, char **argv, int *ret_count)
{
	int count = 0;
	bool options = true;

	for (int i = 0; i < argc; i++) {
		if (options && streq(argv[i], "--"))
			options = false;
		else if (options && startswith(argv[i], "--"))
			take_long(table, argc, argv, &i);
		else if (options && argv[i][0] == '-' && argv[i][1])
			take_short(table, argc, argv, &i);
		else
			argv[count++] = argv[i];
	}
	if (table->help)
		return -ECANCELED;
	judge_count(table, range, count, argv);
	if (table->errors->size || buf_error(table->errors) < 0)
		return -EINVAL;
	*ret_count = count;
	return 0;
}

int arguments_read(struct cli *cli, const struct argument *options, size_t count, struct argument_range range,
	int argc, char **argv, int *ret_count, struct buf *errors)
{
	struct table table = {.errors = errors};

	table_init(&table, cli, options, count);
	return read_table(&table, range, argc, argv, ret_count);
}

void arguments_help(
	const struct command *command, const struct argument *options, size_t count, struct buf *out)
{
	struct table table = {.errors = NULL};
	struct cli nowhere;

	table_init(&table, &nowhere, options, count);
	buf_printf(out, "usage: gavea %s%s%s [OPTION...]\n\n%s\n", command->name,
		*command->arguments ? " " : "", command->arguments, command->summary);
	if (command->text)
		buf_printf(out, "\n%s\n", command->text);
	buf_add_str(out, "\n");
	for (size_t i = 0; i < table.count; i++) {
		const struct argument *option = &table.options[i];
		char left[64], letter[8] = "";

		if (option->letter)
			snprintf(letter, sizeof letter, "-%c, ", option->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
			option->value ? option->value : "");
		buf_printf(out, "  %-20s %s\n", left, option->doc);
	}
}

int arguments_parse(struct cli *cli, const struct command *command, const struct argument *options,
	size_t count, struct argument_range range, int argc, char **argv, int *ret_exit)
{
	_cleanup_buf_ struct buf errors = BUF_INIT;
	int n, r = arguments_read(cli, options, count, range, argc, argv, &n, &errors);

	if (r == 0)
		return n;
	if (r == -ECANCELED) {
		buf_reset(&errors);
		arguments_help(command, options, count, &errors);
		fputs(buf_str(&errors), stdout);
		*ret_exit = 0;
		return -1;
	}
	for (const char *line = buf_str(&errors), *end; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		fprintf(stderr, "gavea %s: %.*s\n", command->name, (int)(end - line), line);
		if (!*end)
			break;
	}
	fprintf(stderr, "usage: gavea %s%s%s (see gavea %s --help)\n", command->name,
		*command->arguments ? " " : "", command->arguments, command->name);
	*ret_exit = command->usage_error;
	return -1;
}
