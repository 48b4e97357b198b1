/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/describe.h"
#include "cli/result_text.h"
#include "cli/say.h"
#include "cli/show_check.h"
#include "cli/signals.h"
#include "wire/convert.h"

#include <stdio.h>

#define TIMEOUT_LEAST (10 * INT64_C(1000000))
#define TIMEOUT_MOST (3600 * INT64_C(1000000000))

struct run {
	struct cli *cli;
	const char *plugin;
	const char *path;
	const hello_t *hello;
	struct config_check check;
	int64_t timeout; /* 0: the check's own */
	bool all_samples;
};

static int show(const struct run *run, const struct outcome *outcome)
{
	struct terminal terminal = terminal_get();
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct result_view view = {.check = run->check.name,
		.result = outcome->result,
		.samples = outcome->samples,
		.sample_count = outcome->sample_count,
		.all_samples = run->all_samples,
		.all_attributes = true};
	struct json json;

	if (run->cli->json) {
		json_init(&json, &out);
		result_json(&json, run->check.name, outcome->result, outcome->samples, outcome->sample_count);
		buf_add_char(&out, '\n');
	} else {
		result_text(&view, &terminal, &out);
	}
	return say(&out) ? CLI_UNKNOWN : (int)status_from_wire(outcome->result->status);
}

/* open() has failed: a result all the same, for whoever reads JSON. */
static int show_failed_open(const struct run *run, const struct error *error, int r)
{
	Gavea__V1__Result result = GAVEA__V1__RESULT__INIT;
	struct outcome outcome = {.result = &result};

	result.status = result.state = GAVEA__V1__STATUS__UNKNOWN;
	result.summary = (char *)error_text(error, r);
	return show(run, &outcome);
}

static int run_check(struct run *run)
{
	_cleanup_(session_freep) struct session *session = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_outcome_ struct outcome outcome = {.result = NULL};
	_cleanup_fd_ int signals = signals_open();
	struct run_limits limits = {.timeout = run->check.timeout, .signals = signals};
	int r = session_start(run->hello, run->path, &run->check, false, &session, &error);

	if (r < 0)
		return complain_error(CLI_UNKNOWN, &error, r);
	r = session_open(session, &run->check, &error);
	if (r < 0)
		return show_failed_open(run, &error, r);
	r = session_run(session, &limits, &outcome);
	if (r < 0)
		return complain(CLI_UNKNOWN, "%s", strerror(-r));
	if (outcome.end <= OUTCOME_FAILED)
		session_close(session, NULL);
	return show(run, &outcome);
}

static int run_described(struct run *run, int argc, char **argv)
{
	struct config_errors errors = CONFIG_ERRORS_INIT;
	int r;

	if (!run->hello->runs)
		return complain(CLI_UNKNOWN,
			"%s is %s: it has nothing to run; configure it in " GAVEA_CONF_DIR
			"/conf.d/%s.conf (`gavea help %s` lists its options)",
			run->plugin, run->hello->delivers ? "an output" : "an actor", run->plugin,
			run->plugin);
	r = config_check_from_arguments(
		run->hello, "run", (const char *const *)argv, (size_t)argc, &run->check, &errors);
	for (size_t i = 0; i < errors.count; i++)
		complain(0, "%s: %s", run->plugin, error_text(&errors.errors[i], -EINVAL));
	config_errors_done(&errors);
	if (r < 0) {
		if (r != -EINVAL)
			return complain(CLI_UNKNOWN, "%s", strerror(-r));
		fprintf(stderr, "`gavea help %s` lists its options\n", run->plugin);
		return CLI_UNKNOWN;
	}
	/* It is named after no configuration: there is none. */
	free(run->check.name);
	run->check.name = strdup(run->plugin);
	if (run->timeout)
		run->check.timeout = run->timeout;
	r = run->check.name ? run_check(run) : complain(CLI_UNKNOWN, "out of memory");
	config_check_done(&run->check);
	return r;
}

static int run_plugin(struct run *run, int argc, char **argv)
{
	_cleanup_free_ char *path = find_plugin(run->cli->plugins, run->plugin);
	_cleanup_(hello_freep) hello_t *hello = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!path)
		return CLI_UNKNOWN;
	r = session_describe(run->plugin, path, &hello, &error);
	if (r < 0)
		return complain(CLI_UNKNOWN, "%s: %s", path, error_text(&error, r));
	run->path = path;
	run->hello = hello;
	return run_described(run, argc, argv);
}

static int run_configured(struct cli *cli, const char *check)
{
	Gavea__Control__V1__RunNow now = GAVEA__CONTROL__V1__RUN_NOW__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;

	now.check = (char *)check;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_RUN;
	request.run = &now;
	return show_check(cli, &request);
}

int cmd_run(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct run run = {.cli = cli};
	const char *timeout = NULL;
	const struct argument options[] = {
		{.name = "json", .doc = "the result with all samples, as JSON", .flag = &cli->json},
		{.name = "samples", .doc = "show all samples, not only how many", .flag = &run.all_samples},
		{.name = "timeout",
			.value = "D",
			.doc = "end it after that long (\"5s\"; 10s by default)",
			.text = &timeout},
	};
	int code,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options),
			(struct argument_range){1, 10000}, argc, argv, &code);

	if (n < 0)
		return code;
	if (timeout &&
		(parse_duration(timeout, &run.timeout) < 0 || run.timeout < TIMEOUT_LEAST ||
			run.timeout > TIMEOUT_MOST))
		return complain(CLI_UNKNOWN, "--timeout: \"%s\" is not a duration from 10ms to 1h", timeout);
	run.plugin = argv[0];
	if (!strchr(run.plugin, '/'))
		return run_plugin(&run, n - 1, argv + 1);
	if (n > 1 || timeout)
		return complain(CLI_UNKNOWN,
			"%s is a configured check: it runs with the options of its configuration, not with "
			"others",
			run.plugin);
	return run_configured(cli, run.plugin);
}
