/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/session.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/worker/sandbox.h"
#include "core/worker/worker.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PROTOCOL 1

typedef Gavea__Worker__V1__ToWorker Message;

static void message_free(Message *message)
{
	gavea__worker__v1__to_worker__free_unpacked(message, NULL);
}
DEFINE_CLEANUP(Message *, message_free);

/* Whatever the host left open or ignored is not the plugin's. */
static void clean_process(void)
{
	struct sigaction action;
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			(void)signal(number, SIG_DFL);
	/* Writes to what is gone, or too large, fail with an error instead. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)close_range(SESSION_SOCKET + 1, ~0u, 0);
	(void)fcntl(SESSION_SOCKET, F_SETFD, FD_CLOEXEC);
}

static int receive_start(Message **ret_message)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	_cleanup_(message_freep) Message *message = NULL;
	ProtobufCMessage *received;
	int r = frame_receive_wait(
		SESSION_SOCKET, &gavea__worker__v1__to_worker__descriptor, &received, NULL, &scratch, -1);

	if (r <= 0)
		return r;
	message = (Message *)received;
	if (message->body_case != GAVEA__WORKER__V1__TO_WORKER__BODY_START)
		return -EBADMSG;
	*ret_message = TAKE_PTR(message);
	return 1;
}

static int send_message(const Gavea__Worker__V1__FromWorker *message)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;

	return frame_send_wait(SESSION_SOCKET, &message->base, -1, &scratch, -1);
}

static void send_refused(const char *why)
{
	Gavea__Worker__V1__FromWorker message = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Refused refused = GAVEA__WORKER__V1__REFUSED__INIT;

	refused.error = (char *)why;
	message.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_REFUSED;
	message.refused = &refused;
	if (send_message(&message) < 0)
		log_error("%s", why);
}

static int send_hello(const struct plugin *plugin, const struct sandbox_report *report, struct error *error)
{
	Gavea__Worker__V1__FromWorker message = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Hello *hello = loader_hello(plugin, report->lines, report->count);
	int r;

	if (!hello)
		return -ENOMEM;
	message.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_HELLO;
	message.hello = hello;
	r = send_message(&message);
	loader_hello_free(hello);
	if (r == -EMSGSIZE)
		return error_set(error, r,
			"the plugin's option table is larger than %u KiB: shorten its docs",
			FRAME_MAX / 1024);
	return r;
}

/* Sandbox first, then the plugin. */
static int load(const Gavea__Worker__V1__Start *start, const Gavea__Worker__V1__Rights *rights,
	struct plugin *ret_plugin, struct error *error)
{
	struct sandbox_spec spec = {
		.plugin_path = start->path,
		.state_directory =
			start->describe || str_empty(start->state_directory) ? NULL : start->state_directory,
		.rights = rights,
		.describe = start->describe,
	};
	struct sandbox_report report = {.lines = NULL};
	int r;

	if (start->protocol != PROTOCOL)
		return error_set(error, -EPROTONOSUPPORT,
			"the host speaks protocol %u, this worker %u: install both from one release",
			start->protocol, PROTOCOL);
	/* It has to be there for a rule to name it. When it can't be made, the plugin is told when it asks.
	 */
	if (spec.state_directory)
		(void)make_directories(spec.state_directory, 0700);
	r = sandbox_apply(&spec, &report, error);
	if (r == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (r == 0)
		r = loader_load(start->plugin, start->path, ret_plugin, error);
	if (r == 0)
		r = send_hello(ret_plugin, &report, error);
	sandbox_report_done(&report);
	return r;
}

static int serve(const Gavea__Worker__V1__Start *start, const Gavea__Worker__V1__Rights *rights,
	const struct plugin *plugin)
{
	_cleanup_(worker_freep) struct worker *worker = NULL;
	int r = worker_new(SESSION_SOCKET, plugin, rights->concurrency,
		start->describe ? NULL : start->state_directory, &worker);

	if (r == 0)
		r = worker_serve(worker);
	return r;
}

int session_run(void)
{
	Gavea__Worker__V1__Rights least = GAVEA__WORKER__V1__RIGHTS__INIT;
	const Gavea__Worker__V1__Rights *rights = &least;
	_cleanup_(message_freep) Message *message = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct plugin plugin;
	int r;

	clean_process();
	r = receive_start(&message);
	if (r > 0) {
		if (message->start->rights && !message->start->describe)
			rights = message->start->rights;
		(void)prctl(PR_SET_NAME, message->start->plugin, 0, 0, 0);
		r = load(message->start, rights, &plugin, &error);
		if (r < 0 && r != -EPIPE) {
			send_refused(error_text(&error, r));
			return 0;
		}
		if (r == 0)
			r = serve(message->start, rights, &plugin);
	}
	if (r == -EPIPE)
		return 0;
	if (r < 0)
		log_error("the host sent something that is not understood: %s", strerror(-r));
	return r;
}
