/* SPDX-License-Identifier: Apache-2.0 */
/* `gavea backup ping`: what a backup job says of itself. Silent when it went well, since cron makes mail of any word. */
#include "base/parse.h"
#include "base/suggest.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/say.h"
#include "cli/snapshot.h"

#include <errno.h>
#include <stdio.h>

#define GROUP "backup/"

typedef Gavea__Worker__V1__Fact fact_t;

struct ping {
	bool started;
	bool failed;
	const char *size;
	const char *duration;
};

static int take_snapshot(const answer_t *answer, void *userdata)
{
	return snapshot_take(userdata, (answer_t *)answer);
}

/* Of the daemon's backup checks, whether name is one; if not, which may have been meant: NULL, or free it. */
static bool is_known(struct cli *cli, const char *name, char **ret_meant)
{
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_snapshot_ struct snapshot snapshot = {.agent = NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ const char **names = NULL;
	const char *meant;
	size_t count = 0;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	if (client_ask_all(cli->socket, &request, take_snapshot, &snapshot, &error) < 0 ||
		snapshot_check(&snapshot, name))
		return true;
	names = calloc(snapshot.check_count + 1, sizeof *names);
	for (size_t i = 0; names && i < snapshot.check_count; i++)
		if (startswith(snapshot.checks[i]->name, GROUP))
			names[count++] = snapshot.checks[i]->name;
	meant = names ? suggest(name, names, count) : NULL;
	*ret_meant = meant ? strdup(meant + strlen(GROUP)) : NULL;
	return false;
}

static int explain(struct cli *cli, const char *check, const struct error *error, int r)
{
	_cleanup_free_ char *meant = NULL;

	if (r != -EREMOTEIO || is_known(cli, check, &meant))
		return complain(CLI_FAILED, "%s: the ping did not arrive: %s", check, error_text(error, r));
	if (meant)
		return complain(CLI_FAILED, "there is no check \"%s\"; did you mean `gavea backup ping %s`?",
			check, meant);
	return complain(CLI_FAILED,
		"there is no check \"%s\"; add one with kind = \"ping\" to the group backup: see "
		"gavea-backup(7)",
		check);
}

static int send_ping(struct cli *cli, char *check, fact_t **arguments, size_t count)
{
	Gavea__Control__V1__SendCommand message = GAVEA__CONTROL__V1__SEND_COMMAND__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	message.check = check;
	message.name = (char[]){"ping"};
	message.arguments = arguments;
	message.n_arguments = count;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_COMMAND;
	request.command = &message;
	r = client_ask_all(cli->socket, &request, NULL, NULL, &error);
	return r < 0 ? explain(cli, check, &error, r) : 0;
}

/* 0, or an exit code: refused here, the job's author sees it without a daemon. */
static int judge(const struct ping *ping)
{
	uint64_t bytes;
	int64_t ns;

	if (ping->started && ping->failed)
		return complain(CLI_USAGE, "--start and --fail: a job cannot have begun and failed at once");
	if (ping->started && (ping->size || ping->duration))
		return complain(
			CLI_USAGE, "--start takes neither --size nor --duration: these come at the end");
	if (ping->size && parse_size(ping->size, &bytes) < 0)
		return complain(
			CLI_USAGE, "--size: \"%s\" is not a number of bytes, or such as 10MiB", ping->size);
	if (ping->duration && (parse_duration(ping->duration, &ns) < 0 || ns < 0))
		return complain(
			CLI_USAGE, "--duration: \"%s\" is not of the form 90s or 1h 30min", ping->duration);
	return 0;
}

static void add(fact_t **pointers, fact_t *facts, size_t *count, const char *key, const char *value)
{
	fact_t *fact = &facts[*count];

	if (!value)
		return;
	gavea__worker__v1__fact__init(fact);
	fact->key = (char *)key;
	fact->value = (char *)value;
	pointers[(*count)++] = fact;
}

int cmd_backup_ping(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct ping ping = {.size = NULL};
	const struct argument options[] = {
		{.name = "start", .doc = "the job begins", .flag = &ping.started},
		{.name = "fail", .doc = "it failed; without either it ended well", .flag = &ping.failed},
		{.name = "size",
			.value = "N",
			.doc = "how much it backed up: bytes, or such as 10MiB",
			.text = &ping.size},
		{.name = "duration",
			.value = "D",
			.doc = "how long it took, if no --start came before: 90s",
			.text = &ping.duration},
	};
	_cleanup_free_ char *check = NULL;
	fact_t facts[3], *pointers[3];
	size_t count = 0;
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){1, 1},
			argc, argv, &code);

	if (n < 0)
		return code;
	code = judge(&ping);
	if (code)
		return code;
	if (asprintf(&check, "%s%s", startswith(argv[0], GROUP) ? "" : GROUP, argv[0]) < 0)
		return complain(CLI_FAILED, "out of memory");
	add(pointers, facts, &count, "state", ping.started ? "start" : ping.failed ? "fail" : "success");
	add(pointers, facts, &count, "size", ping.size);
	add(pointers, facts, &count, "duration", ping.duration);
	return send_ping(cli, check, pointers, count);
}
