/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"
#include "cli/arguments.h"
#include "cli/describe.h"
#include "cli/say.h"

#include <stdio.h>
#include <time.h>

/* The page's date: SOURCE_DATE_EPOCH where the build is to be reproducible. */
static void page_date(char date[static 64])
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"};
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		gmtime_r(&(time_t){0}, &tm);
	snprintf(date, 64, "%s %d, %d", months[tm.tm_mon], tm.tm_mday, 1900 + tm.tm_year);
}

static int help_plugin(struct cli *cli, const char *plugin, bool mdoc)
{
	_cleanup_free_ char *path = find_plugin(cli->plugins, plugin);
	_cleanup_(hello_freep) hello_t *hello = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct terminal terminal = terminal_get();
	char date[64];
	int r;

	if (!path)
		return CLI_FAILED;
	r = session_describe(plugin, path, &hello, &error);
	if (r < 0)
		return complain(CLI_FAILED, "%s: %s", path, error_text(&error, r));
	page_date(date);
	if (mdoc)
		help_mdoc(hello, date, &out);
	else
		help_text(hello, &terminal, &out);
	return say(&out);
}

int cmd_help(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const char *format = "text";
	const struct argument options[] = {
		{.name = "format", .value = "F", .doc = "text, or mdoc: a manual page", .text = &format},
	};
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 1},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (!streq(format, "text") && !streq(format, "mdoc"))
		return complain(CLI_USAGE, "--format: \"%s\" is neither text nor mdoc", format);
	if (n == 0)
		return complain(CLI_USAGE,
			"help about which plugin? `gavea plugins --available` lists them; "
			"`gavea --help` lists the subcommands");
	return help_plugin(cli, argv[0], streq(format, "mdoc"));
}
