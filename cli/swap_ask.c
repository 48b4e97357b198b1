/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"
#include "cli/swap.h"

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
