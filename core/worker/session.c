/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/session.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/worker/sandbox.h"
#include "core/worker/worker.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTOCOL 1

#if defined(__SANITIZE_ADDRESS__)
/* The check for leaks works with ptrace(), which the sandbox forbids. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

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

static bool declares(const struct gavea_needs *needs, const char *capability)
{
	for (size_t i = 0; needs->capabilities && needs->capabilities[i]; i++)
		if (streq(needs->capabilities[i], capability))
			return true;
	return false;
}

/* The host grants by what the plugin once said of itself, which it may have on disk. Whoever changed that file shall
 * gain nothing. */
static int check_grant(
	const struct plugin *plugin, const Gavea__Worker__V1__Rights *rights, struct error *error)
{
	const struct gavea_needs *needs = &plugin->needs;
	bool fits = rights->network <= needs->network && (!rights->exec || needs->exec) &&
		(rights->n_write_paths == 0 || needs->write_paths) &&
		(rights->n_read_paths == 0 || needs->read_paths);

	for (size_t i = 0; fits && i < rights->n_capabilities; i++)
		fits = declares(needs, rights->capabilities[i]);
	if (!fits)
		return error_set(error, -EPERM,
			"granted more rights than the plugin declares: is the file \"descriptions\" in the "
			"state "
			"directory damaged? Remove it, and it is made again");
	return 0;
}

/* Sandbox first, then the plugin. */
static int load(const struct session_loader *loader, const Gavea__Worker__V1__Start *start,
	const Gavea__Worker__V1__Rights *rights, struct plugin *ret_plugin, struct error *error)
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
		r = loader->load(start->plugin, start->path, start->describe, ret_plugin, error);
	if (r == 0 && !start->describe)
		r = check_grant(ret_plugin, rights, error);
	if (r == 0)
		r = send_hello(ret_plugin, &report, error);
	sandbox_report_done(&report);
	return r;
}

static int serve(const Gavea__Worker__V1__Start *start, const Gavea__Worker__V1__Rights *rights,
	const struct plugin *plugin)
{
	_cleanup_(worker_freep) struct worker *worker = NULL;
	struct granted *granted = NULL;
	int r = start->describe ? 0 : granted_new(rights, &granted);

	if (r == 0)
		r = worker_new(SESSION_SOCKET, plugin, rights->concurrency,
			start->describe ? NULL : start->state_directory, granted, &worker);
	if (r == 0)
		r = worker_serve(worker);
	granted_free(granted);
	return r;
}

static int session_run(const struct session_loader *loader)
{
	Gavea__Worker__V1__Rights least = GAVEA__WORKER__V1__RIGHTS__INIT;
	const Gavea__Worker__V1__Rights *rights = &least;
	_cleanup_(message_freep) Message *message = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct plugin plugin = {.loaded = NULL};
	int r;

	least.exec = loader->program;
	clean_process();
	r = receive_start(&message);
	if (r > 0) {
		if (message->start->rights && !message->start->describe)
			rights = message->start->rights;
		(void)prctl(PR_SET_NAME, message->start->plugin, 0, 0, 0);
		r = load(loader, message->start, rights, &plugin, &error);
		if (r < 0 && r != -EPIPE) {
			send_refused(error_text(&error, r));
			r = -EPIPE;
		}
		if (r == 0)
			r = serve(message->start, rights, &plugin);
		if (loader->unload)
			loader->unload(&plugin);
	}
	if (r == -EPIPE)
		return 0;
	if (r < 0)
		log_error("the host sent something that is not understood: %s", strerror(-r));
	return r;
}

static bool has_host(void)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(SESSION_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int session_main(int argc, const struct session_loader *loader)
{
	if (argc != 2 || !has_host()) {
		fprintf(stderr,
			"gavea-worker: this program is started by gavead and by gavea, with a socket as "
			"descriptor %d. To run a check by hand: gavea run PLUGIN\n",
			SESSION_SOCKET);
		return 2;
	}
	return session_run(loader) < 0 ? 1 : 0;
}
