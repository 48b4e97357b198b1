/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fleet.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/say.h"

#include <stdio.h>

static const char no_url[] = "where is the fleet server? say it with --url or in GAVEA_FLEET_URL, "
			     "as in https://fleet.example.com:8470";

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return str_empty(value) ? NULL : value;
}

static int show_json(const char *list, const json_t *entries)
{
	char *text = json_dumps(entries, JSON_COMPACT | JSON_ENSURE_ASCII);
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!text)
		return complain(CLI_FAILED, "out of memory");
	buf_printf(&out, "{\"%s\":%s}\n", list, text);
	free(text);
	return say(&out);
}

static int show(struct cli *cli, const char *list, const json_t *entries)
{
	struct terminal terminal = terminal_get();
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (cli->json)
		return show_json(list, entries);
	fleet_text(list, entries, &terminal, clock_unix_ms(), &out);
	return say(&out);
}

int cmd_fleet(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct fleet_settings settings = {.url = environment("GAVEA_FLEET_URL"),
		.token_file = environment("GAVEA_FLEET_TOKEN_FILE"),
		.ca_file = environment("GAVEA_FLEET_CA")};
	struct fleet_query query = {.list = strchr(command->name, ' ') + 1};
	const char *last = streq(query.list, "events") ? "50" : "0";
	const struct argument options[] = {
		{.name = "url",
			.value = "URL",
			.doc = "of the fleet server (GAVEA_FLEET_URL)",
			.text = &settings.url},
		{.name = "token-file",
			.value = "FILE",
			.doc = "holds the token (GAVEA_FLEET_TOKEN_FILE)",
			.text = &settings.token_file},
		{.name = "ca",
			.value = "FILE",
			.doc = "authorities to trust, PEM (GAVEA_FLEET_CA)",
			.text = &settings.ca_file},
		{.name = "host", .value = "NAME", .doc = "only of this one", .text = &query.host},
		{.name = "status",
			.value = "S",
			.doc = "only those: live or lost hosts; ok, warning, … checks",
			.text = &query.status},
		{.name = "last",
			.letter = 'n',
			.value = "N",
			.doc = "at most so many (events: 50; 0: all)",
			.text = &last},
		{.name = "json", .doc = "as JSON", .flag = &cli->json},
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	json_t *entries = NULL;
	uint64_t most;
	int code, r,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (!settings.url)
		return complain(CLI_USAGE, "%s", no_url);
	if (parse_uint64(last, &most) < 0 || most > 1000000)
		return complain(CLI_USAGE, "--last: \"%s\" is not a number from 0 to 1000000", last);
	query.most = (size_t)most;
	r = fleet_fetch(&settings, &query, &entries, &error);
	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	code = show(cli, query.list, entries);
	json_decref(entries);
	return code;
}

int cmd_fleet_forget(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct fleet_settings settings = {.url = environment("GAVEA_FLEET_URL"),
		.token_file = environment("GAVEA_FLEET_TOKEN_FILE"),
		.ca_file = environment("GAVEA_FLEET_CA")};
	const struct argument options[] = {
		{.name = "url",
			.value = "URL",
			.doc = "of the fleet server (GAVEA_FLEET_URL)",
			.text = &settings.url},
		{.name = "token-file",
			.value = "FILE",
			.doc = "holds the token (GAVEA_FLEET_TOKEN_FILE)",
			.text = &settings.token_file},
		{.name = "ca",
			.value = "FILE",
			.doc = "authorities to trust, PEM (GAVEA_FLEET_CA)",
			.text = &settings.ca_file},
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	int code, r,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){1, 1},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (!settings.url)
		return complain(CLI_USAGE, "%s", no_url);
	r = fleet_forget(&settings, argv[0], &error);
	return r < 0 ? complain_error(CLI_FAILED, &error, r) : 0;
}
