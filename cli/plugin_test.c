/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"
#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/say.h"
#include "cli/terminal.h"
#include "cli/trial.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static const struct point {
	const char *name;
	enum trial_verdict (*try)(struct trial *trial);
	bool runs; /* only of plugins that have run() */
} points[] = {
	{"description", trial_description, false},
	{"runs", trial_result, true},
	{"odd options", trial_odd_options, false},
	{"series", trial_series, true},
	{"amount of output", trial_limits, true},
	{"cancellation", trial_cancel, true},
	{"deadline", trial_deadline, true},
	{"close and reopen", trial_reopen, false},
	{"open files", trial_files, true},
	{"memory", trial_memory, true},
	{"ends when let go", trial_end, false},
};

static void print_point(const struct terminal *terminal, const struct point *point,
	enum trial_verdict verdict, const char *finding)
{
	static const char *const words[] = {"ok", "FAILED", "-"};
	static const enum style styles[] = {STYLE_OK, STYLE_CRITICAL, STYLE_DIM};
	_cleanup_buf_ struct buf out = BUF_INIT;

	style_begin(terminal, styles[verdict], &out);
	buf_printf(&out, "%-6s", words[verdict]);
	style_end(terminal, styles[verdict], &out);
	buf_printf(&out, "  %s%s", point->name, *finding ? ": " : "");
	text_clean(finding, &out);
	buf_add_char(&out, '\n');
	say(&out);
}

static int try_all(struct trial *trial)
{
	struct terminal terminal = terminal_get();
	size_t failed = 0, tried = 0;

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		enum trial_verdict verdict;

		if (points[i].runs && !trial->hello->runs)
			continue;
		buf_reset(&trial->finding);
		verdict = points[i].try(trial);
		print_point(&terminal, &points[i], verdict, buf_str(&trial->finding));
		tried += verdict != TRIAL_SKIPPED;
		failed += verdict == TRIAL_FAILED;
	}
	if (!trial->hello->runs)
		puts("-       its deliver() and command() are not tried: that takes a daemon");
	if (failed) {
		printf("%zu of %zu points FAILED\n", failed, tried);
		return CLI_FAILED;
	}
	printf("all %zu points are good\n", tried);
	return 0;
}

/* "./tides.so", or a program "./tides", to its path in full and "tides". NULL after a complaint. */
static char *plugin_of(const char *file, char **ret_path)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	size_t length = strlen(base);
	char *path = realpath(file, NULL);

	if (!path) {
		complain(0, "%s: %s", file, strerror(errno));
		return NULL;
	}
	if (plugin_is_program(base) ? access(path, X_OK) < 0 : length < 4) {
		free(path);
		complain(0, "%s: the file of a plugin is called NAME.so, or NAME and may be run", file);
		return NULL;
	}
	*ret_path = path;
	return strndup(base, plugin_is_program(base) ? length : length - 3);
}

static int test(struct trial *trial, int argc, char **argv)
{
	struct config_errors errors = CONFIG_ERRORS_INIT;
	int r = config_check_from_arguments(
		trial->hello, "test", (const char *const *)argv, (size_t)argc, &trial->check, &errors);

	for (size_t i = 0; i < errors.count; i++)
		complain(0, "%s: %s", trial->hello->name, error_text(&errors.errors[i], -EINVAL));
	config_errors_done(&errors);
	if (r < 0)
		return complain(
			CLI_FAILED, "give it the options that it needs behind the file, as KEY=VALUE");
	r = try_all(trial);
	config_check_done(&trial->check);
	buf_done(&trial->finding);
	return r;
}

int cmd_plugin_test(struct cli *cli, const struct command *command, int argc, char **argv)
{
	_cleanup_free_ char *path = NULL, *name = NULL;
	_cleanup_(hello_freep) hello_t *hello = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct trial trial = {.finding = BUF_INIT};
	int code, r,
		n = arguments_parse(
			cli, command, NULL, 0, (struct argument_range){1, 10000}, argc, argv, &code);

	if (n < 0)
		return code;
	name = plugin_of(argv[0], &path);
	if (!name)
		return CLI_FAILED;
	r = session_describe(name, path, &hello, &error);
	if (r < 0)
		return complain(CLI_FAILED, "FAILED: description: %s", error_text(&error, r));
	trial.path = path;
	trial.hello = hello;
	return test(&trial, n - 1, argv + 1);
}
