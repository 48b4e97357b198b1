/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/say.h"

typedef Gavea__Worker__V1__Fact fact_t;

static int take_reply(const answer_t *answer, void *userdata)
{
	struct buf *out = userdata;

	if (answer->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_REPLY)
		return 0;
	buf_add_str(out, answer->reply->text);
	if (out->size && out->data[out->size - 1] != '\n')
		buf_add_char(out, '\n');
	return 0;
}

static int send_command(struct cli *cli, Gavea__Control__V1__SendCommand *message)
{
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r, code;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_COMMAND;
	request.command = message;
	r = client_ask_all(cli->socket, &request, take_reply, &out, &error);
	code = say(&out);
	if (r < 0)
		return complain(
			CLI_FAILED, "%s %s: %s", message->check, message->name, error_text(&error, r));
	return code;
}

/* Splits "key=value" in place. */
static int read_argument(char *text, fact_t *fact)
{
	char *equals = strchr(text, '=');

	/* Not shown: it may be a secret that went astray. */
	if (!equals || equals == text)
		return complain(CLI_USAGE, "an argument is not of the form KEY=VALUE");
	*equals = 0;
	gavea__worker__v1__fact__init(fact);
	fact->key = text;
	fact->value = equals + 1;
	return 0;
}

int cmd_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
	Gavea__Control__V1__SendCommand message = GAVEA__CONTROL__V1__SEND_COMMAND__INIT;
	_cleanup_free_ fact_t *facts = NULL;
	_cleanup_free_ fact_t **pointers = NULL;
	int code, r = 0,
		  n = arguments_parse(
			  cli, command, NULL, 0, (struct argument_range){2, 1000}, argc, argv, &code);

	if (n < 0)
		return code;
	facts = calloc((size_t)n, sizeof *facts);
	pointers = calloc((size_t)n, sizeof *pointers);
	if (!facts || !pointers)
		return complain(CLI_FAILED, "out of memory");
	for (int i = 2; r == 0 && i < n; i++) {
		r = read_argument(argv[i], &facts[i - 2]);
		pointers[i - 2] = &facts[i - 2];
	}
	if (r)
		return r;
	message.check = argv[0];
	message.name = argv[1];
	message.arguments = pointers;
	message.n_arguments = (size_t)n - 2;
	return send_command(cli, &message);
}
