/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/say.h"

#include <stdio.h>

int cmd_reload(struct cli *cli, const struct command *command, int argc, char **argv)
{
	Gavea__Control__V1__Reload reload = GAVEA__CONTROL__V1__RELOAD__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	int code, r,
		n = arguments_parse(cli, command, NULL, 0, (struct argument_range){0, 0}, argc, argv, &code);

	if (n < 0)
		return code;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_RELOAD;
	request.reload = &reload;
	r = client_ask_all(cli->socket, &request, NULL, NULL, &error);
	if (r < 0)
		return complain_error(CLI_FAILED, &error, r);
	puts("reloaded: the new configuration is in force");
	return 0;
}
