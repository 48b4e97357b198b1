/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/swap.h"
#include "cli/arguments.h"
#include "cli/say.h"

#include <stdio.h>

struct options {
	const char *digest;
	bool supersede, allow_banned, again, forget;
};

static const char *yes(bool flag)
{
	return flag ? "yes" : NULL;
}

static int ask_and_say(
	struct cli *cli, const char *command, char **argv, int count, const struct options *options)
{
	bool report = streq(command, "report");
	const char *second = count > 1 ? argv[1] : NULL;
	const struct swap_argument arguments[] = {{"json", yes(cli->json)},
		{report                                  ? "id"
				: streq(command, "sign") ? "point"
							 : "release",
			second},
		{"digest", options->digest}, {"supersede", yes(options->supersede)},
		{"allow_banned", yes(options->allow_banned)}, {"again", yes(options->again)},
		{"forget", yes(options->forget)}};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf reply = BUF_INIT;
	int r = swap_ask(cli, argv[0], command, arguments, ARRAY_SIZE(arguments), &reply, &error);

	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	if (reply.size && reply.data[reply.size - 1] != '\n')
		buf_add_char(&reply, '\n');
	return say(&reply);
}

static int show_status(struct cli *cli, const char *app)
{
	struct terminal terminal = terminal_get();
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	json_t *status;
	int r = swap_ask_json(cli, app, "status", &status, &error);

	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	swap_text(status, &terminal, &out);
	json_decref(status);
	return say(&out);
}

/* How many arguments it takes, APP included. */
static struct argument_range range_of(const char *command)
{
	if (streq(command, "plan") || streq(command, "start") || streq(command, "sign"))
		return (struct argument_range){2, 2};
	return (struct argument_range){1, streq(command, "report") ? 2 : 1};
}

int cmd_swap(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const char *what = strchr(command->name, ' ') + 1;
	struct options chosen = {0};
	const struct argument options[] = {
		{.name = "json", .doc = "as JSON", .flag = &cli->json},
		{.name = "digest",
			.value = "SHA256",
			.doc = "plan, start: of the artefact",
			.text = &chosen.digest},
		{.name = "supersede",
			.doc = "start: a swap that is under way goes back, and this one comes next",
			.flag = &chosen.supersede},
		{.name = "allow-banned",
			.doc = "start: also a release that was rolled back",
			.flag = &chosen.allow_banned},
		{.name = "again",
			.doc = "start: also the release that serves already",
			.flag = &chosen.again},
		{.name = "forget",
			.doc = "unfreeze: drop a swap whose journal can't be read",
			.flag = &chosen.forget},
	};
	int code,
		n = arguments_parse(
			cli, command, options, ARRAY_SIZE(options), range_of(what), argc, argv, &code);

	if (n < 0)
		return code;
	if (streq(what, "watch"))
		return swap_watch(cli, argv[0]);
	if (streq(what, "status") && !cli->json)
		return show_status(cli, argv[0]);
	return ask_and_say(cli, what, argv, n, &chosen);
}

int cmd_preflight(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const struct argument options[] = {{.name = "json", .doc = "as JSON", .flag = &cli->json}};
	struct terminal terminal = terminal_get();
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	json_t *answer;
	bool ready;
	int code, r,
		n = arguments_parse(
			cli, command, options, 1, (struct argument_range){1, 1}, argc, argv, &code);

	if (n < 0)
		return code;
	r = swap_ask_json(cli, argv[0], "preflight", &answer, &error);
	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	ready = json_is_true(json_object_get(answer, "may_start"));
	if (cli->json) {
		char *text = json_dumps(answer, JSON_COMPACT);

		buf_printf(&out, "%s\n", text ? text : "{}");
		free(text);
	} else {
		swap_preflight_text(answer, &terminal, &out);
	}
	json_decref(answer);
	code = say(&out);
	return code ? code : ready ? 0 : CLI_FAILED;
}
