/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/say.h"
#include "cli/show_check.h"
#include "cli/status_text.h"
#include "cli/watch.h"

static int take_whole(const answer_t *answer, void *userdata)
{
	return snapshot_take(userdata, (answer_t *)answer);
}

static int show_all(struct cli *cli)
{
	_cleanup_snapshot_ struct snapshot snapshot = {.agent = NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	struct terminal terminal = terminal_get();
	int r;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	r = client_ask_all(cli->socket, &request, take_whole, &snapshot, &error);
	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	if (cli->json)
		status_json(&snapshot, &out);
	else
		status_text(&snapshot, &terminal, clock_unix_ms(), &out);
	return say(&out);
}

int cmd_status(struct cli *cli, const struct command *command, int argc, char **argv)
{
	bool watch = false;
	const struct argument options[] = {
		{.name = "json", .doc = "as JSON; with --watch, a line for each change", .flag = &cli->json},
		{.name = "watch",
			.letter = 'w',
			.doc = "keep showing it as it changes, until Ctrl-C",
			.flag = &watch},
	};
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 1},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (watch)
		return watch_status(cli, n ? argv[0] : NULL);
	if (n == 0)
		return show_all(cli);
	get.check = argv[0];
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	return show_check(cli, &request);
}
