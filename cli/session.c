/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "agent/link.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/say.h"
#include "cli/session_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#define DESCRIBE_TIMEOUT_MS 10000
#define DEATH_TIMEOUT_MS 2000
#define LET_GO_TIMEOUT_MS 5000

void hello_free(hello_t *hello)
{
	gavea__worker__v1__hello__free_unpacked(hello, NULL);
}

int session_describe(const char *plugin, const char *path, hello_t **ret_hello, struct error *error)
{
	_cleanup_(link_freep) struct link *link = NULL;
	struct link_spec spec = {.plugin = plugin, .path = path, .describe = true, .cgroup_fd = -1};
	int r = link_spawn(&spec, &link, error);

	return r < 0 ? r : link_describe(link, DESCRIBE_TIMEOUT_MS, ret_hello, error);
}

int session_start(const hello_t *hello, const char *path, const struct config_check *check, bool quiet,
	struct session **ret_session, struct error *error)
{
	_cleanup_(session_freep) struct session *session = calloc(1, sizeof *session);
	Gavea__Worker__V1__Rights *rights = config_check_rights(hello, check);
	struct link_spec spec = {.plugin = hello->name, .path = path, .rights = rights, .cgroup_fd = -1};
	int r;

	if (!session || !rights) {
		gavea__worker__v1__rights__free_unpacked(rights, NULL);
		return error_set(error, -ENOMEM, "out of memory");
	}
	session->quiet = quiet;
	r = link_spawn(&spec, &session->link, error);
	gavea__worker__v1__rights__free_unpacked(rights, NULL);
	if (r == 0)
		r = link_describe(session->link, DESCRIBE_TIMEOUT_MS, &session->hello, error);
	if (r == 0)
		*ret_session = TAKE_PTR(session);
	return r;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	link_free(session->link);
	hello_free(session->hello);
	for (size_t i = 0; i < session->series_count; i++)
		gavea__v1__series__free_unpacked(session->series[i], NULL);
	free(session->series);
	free(session);
}

pid_t session_pid(const struct session *session)
{
	return link_pid(session->link);
}

/* ---- Messages ---- */

static void show_log(const struct session *session, const Gavea__Worker__V1__Log *log)
{
	static const char *const levels[] = {
		"error", "error", "error", "error", "warning", "notice", "info", "debug"};

	if (!session->quiet)
		complain(0, "%s: %s: %s", session->hello->name,
			levels[MIN(log->level, (uint32_t)ARRAY_SIZE(levels) - 1)], log->text);
}

static int death(int status, const char *when, struct error *error)
{
	char text[64];

	return error_set(error, -EPIPE, "the worker %s%s%s", WIFSIGNALED(status) ? "was " : "",
		link_death(status, text), when);
}

int session_died(struct session *session, struct error *error)
{
	struct pollfd p = {.fd = link_pidfd(session->link), .events = POLLIN};
	int status;

	if (poll(&p, 1, DEATH_TIMEOUT_MS) > 0 && link_reap(session->link, &status))
		return death(status, "", error);
	return error_set(error, -EPIPE, "the worker has closed its socket");
}

int session_next(struct session *session, int64_t deadline, int signals,
	Gavea__Worker__V1__FromWorker **ret_message, struct error *error)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = link_fd(session->link), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		int64_t left = deadline - clock_ns(CLOCK_MONOTONIC);
		int r = link_receive(session->link, ret_message);

		if (r == 0 || r == -ECONNRESET || r == -EPIPE)
			return session_died(session, error);
		if (r == -EBADMSG)
			return error_set(error, r, "the worker sent a malformed frame");
		if (r > 0 && (*ret_message)->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_LOG) {
			show_log(session, (*ret_message)->log);
			gavea__worker__v1__from_worker__free_unpacked(*ret_message, NULL);
			continue;
		}
		if (r != -EAGAIN)
			return r > 0 ? 0
				     : error_set(error, r, "cannot speak with the worker: %s", strerror(-r));
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, signals >= 0 ? 2 : 1, (int)MIN(left / NSEC_PER_MSEC + 1, (int64_t)3600000)) >
				0 &&
			fds[1].revents && signals >= 0)
			return -EINTR;
	}
}

/* ---- Open and close ---- */

/* Waits for an answer of this kind to the only check. 0 with the message. */
static int wait_for(struct session *session, int64_t deadline, Gavea__Worker__V1__FromWorker__BodyCase kind,
	Gavea__Worker__V1__FromWorker **ret_message, struct error *error)
{
	for (;;) {
		int r = session_next(session, deadline, -1, ret_message, error);

		if (r < 0 || (*ret_message)->body_case == kind)
			return r;
		/* Events and progress of open() and close(). */
		gavea__worker__v1__from_worker__free_unpacked(*ret_message, NULL);
	}
}

static void end_worker(struct session *session)
{
	link_kill(session->link);
}

int session_open(struct session *session, const struct config_check *check, struct error *error)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Open open = GAVEA__WORKER__V1__OPEN__INIT;
	Gavea__Worker__V1__FromWorker *answer;
	char text[32];
	int r;

	open.check = SESSION_CHECK;
	open.name = check->name;
	open.options = check->options;
	open.n_options = check->option_count;
	open.thresholds = check->thresholds;
	open.n_thresholds = check->threshold_count;
	open.stateless = true;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN;
	message.open = &open;
	r = link_send(session->link, &message, -1);
	if (r < 0)
		return r == -EPIPE ? session_died(session, error)
				   : error_set(error, r, "cannot speak with the worker: %s", strerror(-r));
	r = wait_for(session, clock_ns(CLOCK_MONOTONIC) + check->timeout + SESSION_GRACE,
		GAVEA__WORKER__V1__FROM_WORKER__BODY_OPENED, &answer, error);
	if (r == -ETIMEDOUT) {
		end_worker(session);
		return error_set(error, r, "open() did not return in %s; its worker was killed",
			format_duration(text, check->timeout + SESSION_GRACE));
	}
	if (r < 0)
		return r;
	r = MIN(answer->opened->error, 0);
	if (r < 0)
		error_set(error, r, "%s",
			str_empty(answer->opened->message) ? strerror(-r) : answer->opened->message);
	gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	return r;
}

int session_close(struct session *session, struct error *error)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;
	Gavea__Worker__V1__Close close = GAVEA__WORKER__V1__CLOSE__INIT;
	Gavea__Worker__V1__FromWorker *answer;
	int r;

	close.check = SESSION_CHECK;
	message.body_case = GAVEA__WORKER__V1__TO_WORKER__BODY_CLOSE;
	message.close = &close;
	r = link_send(session->link, &message, -1);
	if (r == 0)
		r = wait_for(session, clock_ns(CLOCK_MONOTONIC) + 10 * NSEC_PER_SEC,
			GAVEA__WORKER__V1__FROM_WORKER__BODY_CLOSED, &answer, error);
	else if (r == -EPIPE)
		r = session_died(session, error);
	if (r == -ETIMEDOUT) {
		end_worker(session);
		return error_set(error, r, "close() did not return in 10 s; its worker was killed");
	}
	if (r == 0)
		gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	return r;
}

int session_let_go(struct session *session, struct error *error)
{
	struct pollfd p = {.fd = link_pidfd(session->link), .events = POLLIN};
	int status;

	link_close(session->link);
	if (poll(&p, 1, LET_GO_TIMEOUT_MS) <= 0 || !link_reap(session->link, &status))
		return error_set(error, -ETIMEDOUT, "the worker did not end within 5 s: does close() hang?");
	if (status)
		return death(status, " in the end", error);
	return 0;
}
