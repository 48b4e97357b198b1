/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"
#include "words.h"

#include "base/clock.h"
#include "kit/program.h"

#include <errno.h>
#include <stdio.h>

#define OUTPUT_MAX 4096
#define GRACE NSEC_PER_SEC
#define STATUS_STOPPED 3 /* as systemctl(1) and the init scripts of the LSB have it */

struct exec_service {
	struct service service; /* must be first */
	const struct service_settings *settings;
	char **start[COLOURS], **stop[COLOURS], **status[COLOURS];
};

/* The first line of what a program said. */
static const char *first_line(struct program_result *result)
{
	char *text = result->errors.size ? result->errors.data : result->output.data;

	if (!text)
		return "";
	text += strspn(text, " \t\r\n");
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static int run(const struct exec_service *service, char **arguments, int64_t deadline,
	struct program_result *result, struct error *error)
{
	const struct program program = {.arguments = (const char *const *)arguments,
		.output_max = OUTPUT_MAX,
		.errors_max = OUTPUT_MAX,
		.deadline = deadline - GRACE,
		.grace = GRACE / 2,
		.cancelled = service->settings->cancelled,
		.userdata = service->settings->userdata};

	return program_run(&program, result, error);
}

static int act(const struct exec_service *service, char **arguments, int64_t deadline, struct error *error)
{
	_cleanup_program_result_ struct program_result result = {0};
	char end[64];
	int r = run(service, arguments, deadline, &result, error);

	if (r < 0)
		return r;
	if (result.end == PROGRAM_EXITED && result.code == 0)
		return 0;
	return error_set(error, result.end == PROGRAM_TIMED_OUT ? -ETIMEDOUT : -EIO, "%s %s: %s",
		arguments[0], program_end_text(end, &result), first_line(&result));
}

static int exec_observe(struct service *base, enum colour colour, struct service_view *ret_view,
	int64_t deadline, struct error *error)
{
	const struct exec_service *service = (const struct exec_service *)base;
	_cleanup_program_result_ struct program_result result = {0};
	char **arguments = service->status[colour], end[64];
	int r = run(service, arguments, deadline, &result, error);

	if (r < 0)
		return r;
	if (result.end != PROGRAM_EXITED)
		return error_set(error, result.end == PROGRAM_TIMED_OUT ? -ETIMEDOUT : -EIO, "%s %s",
			arguments[0], program_end_text(end, &result));
	*ret_view = (struct service_view){.state = result.code == 0 ? SERVICE_RUNNING
			: result.code == STATUS_STOPPED             ? SERVICE_STOPPED
								    : SERVICE_FAILED};
	snprintf(ret_view->text, sizeof ret_view->text, "%s", first_line(&result));
	if (!*ret_view->text)
		snprintf(ret_view->text, sizeof ret_view->text, "status %d", result.code);
	return 0;
}

static int exec_start(
	struct service *base, enum colour colour, bool fresh, int64_t deadline, struct error *error)
{
	const struct exec_service *service = (const struct exec_service *)base;
	struct service_view view;
	int r = exec_observe(base, colour, &view, deadline, error);

	if (r == 0 && view.state == SERVICE_RUNNING && !fresh)
		return 0;
	if (r == 0 && view.state == SERVICE_RUNNING)
		r = act(service, service->stop[colour], deadline, error);
	return r == 0 ? act(service, service->start[colour], deadline, error) : r;
}

static int exec_stop(struct service *base, enum colour colour, int64_t deadline, struct error *error)
{
	const struct exec_service *service = (const struct exec_service *)base;

	return act(service, service->stop[colour], deadline, error);
}

static void exec_close(struct service *base)
{
	struct exec_service *service = (struct exec_service *)base;

	for (int i = 0; i < COLOURS; i++) {
		words_free(service->start[i]);
		words_free(service->stop[i]);
		words_free(service->status[i]);
	}
	free(service);
}

static const struct service_driver driver = {
	.name = "exec",
	.observe = exec_observe,
	.start = exec_start,
	.stop = exec_stop,
	.close = exec_close,
};

static int missing(const char *key, struct error *error)
{
	return error_set(error, -EINVAL, "%s: expected a program (absolute path) and its arguments", key);
}

int service_open_exec(
	const struct service_settings *settings, struct service **ret_service, struct error *error)
{
	struct exec_service *service;

	if (!settings->start || settings->start[0][0] != '/')
		return missing("start", error);
	if (!settings->stop || settings->stop[0][0] != '/')
		return missing("stop", error);
	if (!settings->status || settings->status[0][0] != '/')
		return missing("status", error);
	service = calloc(1, sizeof *service);
	if (!service)
		return error_set(error, -ENOMEM, "out of memory");
	service->service.driver = &driver;
	service->settings = settings;
	for (enum colour i = 0; i < COLOURS; i++) {
		const char *const values[] = {colour_name(i), settings->app};

		service->start[i] = words_fill(settings->start, "ca", values);
		service->stop[i] = words_fill(settings->stop, "ca", values);
		service->status[i] = words_fill(settings->status, "ca", values);
		if (!service->start[i] || !service->stop[i] || !service->status[i]) {
			exec_close(&service->service);
			return error_set(error, -ENOMEM, "out of memory");
		}
	}
	*ret_service = &service->service;
	return 0;
}
