/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/swap.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/say.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define ARGUMENTS_MAX 8

typedef Gavea__Worker__V1__Fact fact_t;

static int take_reply(const answer_t *answer, void *userdata)
{
	if (answer->body_case == GAVEA__CONTROL__V1__ANSWER__BODY_REPLY)
		buf_add_str(userdata, answer->reply->text);
	return 0;
}

/* Who asks, for the report. It is no proof: who may use the control socket may say any name. */
static const char *asker(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *entry = str_empty(name) ? getpwuid(getuid()) : NULL;

	if (!str_empty(name))
		return name;
	return entry ? entry->pw_name : "somebody";
}

static void add_fact(fact_t *fact, const char *key, const char *value)
{
	gavea__worker__v1__fact__init(fact);
	fact->key = (char *)key;
	fact->value = (char *)value;
}

int swap_ask(struct cli *cli, const char *app, const char *command, const struct swap_argument *arguments,
	size_t count, struct buf *reply, struct error *error)
{
	Gavea__Control__V1__SendCommand message = GAVEA__CONTROL__V1__SEND_COMMAND__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_free_ char *check = NULL;
	fact_t facts[ARGUMENTS_MAX + 1], *pointers[ARGUMENTS_MAX + 1];

	if (asprintf(&check, "%s%s", strchr(app, '/') ? "" : "swap/", app) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	add_fact(&facts[message.n_arguments++], "by", asker());
	for (size_t i = 0; i < MIN(count, (size_t)ARGUMENTS_MAX); i++)
		if (arguments[i].value)
			add_fact(&facts[message.n_arguments++], arguments[i].name, arguments[i].value);
	for (size_t i = 0; i < message.n_arguments; i++)
		pointers[i] = &facts[i];
	message.check = check;
	message.name = (char *)command;
	message.arguments = pointers;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_COMMAND;
	request.command = &message;
	return client_ask_all(cli->socket, &request, take_reply, reply, error);
}

int swap_ask_json(
	struct cli *cli, const char *app, const char *command, json_t **ret_answer, struct error *error)
{
	const struct swap_argument arguments[] = {{"json", "yes"}};
	_cleanup_buf_ struct buf reply = BUF_INIT;
	json_error_t why;
	json_t *answer;
	int r = swap_ask(cli, app, command, arguments, 1, &reply, error);

	if (r < 0)
		return r;
	answer = json_loadb(buf_str(&reply), reply.size, 0, &why);
	if (!json_is_object(answer)) {
		json_decref(answer);
		return error_set(
			error, -EBADMSG, "the agent's answer is not what this version of gavea reads");
	}
	*ret_answer = answer;
	return 0;
}

/* ---- Subcommands ---- */

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
