/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUT_MAX (32u << 20)
#define ERRORS_MAX (64u << 10)
#define PASSWORD_MAX 4096
#define ENVIRONMENT_MAX 65536
#define GRACE (NSEC_PER_SEC)
#define TIDYING (20 * NSEC_PER_SEC)

void tool_add(struct tool *tool, const char *argument)
{
	if (tool->count < TOOL_ARGUMENTS)
		tool->arguments[tool->count] = argument;
	else
		tool->failed = -E2BIG;
	tool->count = MIN(tool->count + 1, (size_t)TOOL_ARGUMENTS);
}

void tool_set(struct tool *tool, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text || tool->variables == TOOL_ARGUMENTS) {
		tool->failed = text ? -E2BIG : -ENOMEM;
		free(text);
		return;
	}
	tool->environment[tool->variables++] = text;
}

static void take_secret_environment(struct tool *tool)
{
	struct gavea_check *check = tool->context->check;
	const struct gavea_secret *secret = gavea_option_secret(check, "secret_environment");
	const char *text = secret ? gavea_secret_bytes(check, secret, NULL) : "";

	for (size_t size; *text; text += size + (text[size] == '\n')) {
		size = strcspn(text, "\n");
		if (size && *text != '#' && memchr(text, '=', size))
			tool_set(tool, "%.*s", (int)MIN(size, (size_t)ENVIRONMENT_MAX), text);
	}
}

/* Parts of any Debian; elsewhere it runs at our own priority. */
static void add_idle(struct tool *tool)
{
	if (access("/usr/bin/ionice", X_OK) == 0) {
		tool_add(tool, "/usr/bin/ionice");
		tool_add(tool, "-c3");
		tool_add(tool, "-t");
	}
	if (access("/usr/bin/nice", X_OK) == 0) {
		tool_add(tool, "/usr/bin/nice");
		tool_add(tool, "-n19");
	}
}

void tool_init(struct tool *tool, struct context *context, const char *path)
{
	const char *own = path ? path : context->settings->program;

	*tool = (struct tool){.context = context};
	if (context->idle)
		add_idle(tool);
	tool_add(tool, own);
	/* nice would say so, but with its own words and exit status. */
	if (access(own, X_OK) < 0)
		tool->failed = error_set(&tool->error, -errno, "%s: %s%s%s%s", own, strerror(errno),
			errno == ENOENT && context->settings->kind->package ? ": install the package " : "",
			errno == ENOENT && context->settings->kind->package ? context->settings->kind->package
									    : "",
			errno == ENOENT ? ", or name it with program" : "");
	tool_set(tool, "TZ=UTC");
	if (context->work)
		tool_set(tool, "HOME=%s", context->work);
	/* Our own may not be another user's to write. */
	if (context->temporary || context->work)
		tool_set(tool, "TMPDIR=%s", context->temporary ? context->temporary : context->work);
	take_secret_environment(tool);
}

static bool wants_stop(void *userdata)
{
	struct tool *tool = userdata;

	context_repeat_progress(tool->context);
	return (!tool->tidies && gavea_cancelled(tool->context->check)) ||
		(tool->stop && tool->stop(tool->userdata));
}

/* The first line of a small plain file. */
static int read_password_file(const char *path, char *buffer, size_t room, struct error *error)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -errno : fd_read_full(fd, buffer, room);

	if (n < 0)
		return error_set(error, (int)n, "password_file: cannot read %s: %s", path, strerror((int)-n));
	if ((size_t)n == room)
		return error_set(error, -EFBIG, "password_file: %s is no password: it is too long", path);
	buffer[n] = '\0';
	buffer[strcspn(buffer, "\r\n")] = '\0';
	return *buffer ? 0 : error_set(error, -ENODATA, "password_file: %s is empty", path);
}

static int take_password(struct tool *tool, char *buffer, size_t room)
{
	struct gavea_check *check = tool->context->check;
	const struct gavea_secret *secret = gavea_option_secret(check, "password");
	size_t size;

	buffer[0] = '\0';
	if (secret) {
		const char *bytes = gavea_secret_bytes(check, secret, &size);

		if (size >= room)
			return error_set(&tool->error, -E2BIG, "password: too long");
		memcpy(buffer, bytes, size + 1);
		return 0;
	}
	if (!tool->context->settings->password_file)
		return 0;
	return read_password_file(tool->context->settings->password_file, buffer, room, &tool->error);
}

static int explain_end(struct tool *tool)
{
	const struct program_result *result = &tool->result;
	const char *path = tool->context->settings->program ? tool->context->settings->program : "the tool";
	char end[64];

	if (result->end == PROGRAM_CANCELLED)
		return error_set(&tool->error, -ECANCELED, "%s was stopped", path);
	if (result->end == PROGRAM_TIMED_OUT || result->stuck)
		return error_set(&tool->error, -ETIME,
			"%s did not end in time: raise the check's timeout, or look whether the repository "
			"can be reached",
			path);
	if (result->end != PROGRAM_EXITED)
		return error_set(&tool->error, -EIO, "%s was %s", path, program_end_text(end, result));
	if (result->output_cut)
		return error_set(&tool->error, -EFBIG, "%s wrote more than %u MiB", path, OUTPUT_MAX >> 20);
	if (buf_error(&result->output) < 0 || buf_error(&result->errors) < 0)
		return error_set(&tool->error, -ENOMEM, "out of memory");
	return 0;
}

int tool_run(struct tool *tool)
{
	char password[PASSWORD_MAX];
	struct program program = {
		.arguments = tool->arguments,
		.environment = (const char *const *)tool->environment,
		.directory = tool->directory,
		.user = tool->context->settings->has_user && !tool->as_self ? &tool->context->settings->user
									    : NULL,
		.output_max = OUTPUT_MAX,
		.errors_max = ERRORS_MAX,
		.deadline = tool->tidies ? clock_ns(CLOCK_MONOTONIC) + TIDYING : tool->context->deadline,
		.grace = GRACE,
		.cancelled = wants_stop,
		.userdata = tool,
	};
	int r = tool->failed;

	if (r < 0)
		return tool->error.message
			? r
			: error_set(&tool->error, r, "cannot prepare the tool: %s", strerror(-r));
	if (tool->wants_password) {
		r = take_password(tool, password, sizeof(password));
		program.input = password;
		program.input_size = strlen(password);
	}
	if (r == 0)
		r = program_run(&program, &tool->result, &tool->error);
	explicit_bzero(password, sizeof(password));
	return r < 0 ? r : explain_end(tool);
}

/* Borg and restic say what matters first; warnings, and lines that go on, come besides. */
const char *tool_complaint(struct tool *tool)
{
	static const char *const loud[] = {
		"pg_verifybackup: error", "Fatal:", "ERROR", "error:", "Error:", "WARN"};
	char *text = tool->result.errors.data;

	if (!tool->result.errors.size)
		return "it said nothing";
	for (size_t i = 0; i < ARRAY_SIZE(loud); i++) {
		char *found = strstr(text, loud[i]);

		if (!found)
			continue;
		while (found > text && found[-1] != '\n')
			found--;
		text = found;
		break;
	}
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) > 300)
		text[300] = '\0';
	return text;
}

void tool_done(struct tool *tool)
{
	for (size_t i = 0; i < tool->variables; i++) {
		explicit_bzero(tool->environment[i], strlen(tool->environment[i]));
		free(tool->environment[i]);
	}
	program_result_done(&tool->result);
	error_done(&tool->error);
}
