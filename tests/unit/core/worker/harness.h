/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a real gavea-worker with one of the plugins of tests/plugins and speaks with it. */
#ifndef TESTS_WORKER_HARNESS_H
#define TESTS_WORKER_HARNESS_H

#include "agent/link.h"
#include "base/fd.h"
#include "wire/frame.h"

#include <gavea/plugin.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* Last: it defines fail() as a macro, which the SDK has as a member. */
#include <cmocka.h>

typedef Gavea__Worker__V1__FromWorker Answer;
typedef Gavea__Worker__V1__Rights Rights;

/* Long enough for a machine under load: nothing is measured by it. */
#define PATIENCE_MS 30000

struct harness {
	char *build; /* build/VARIANT */
	char *scratch;
	struct link *link;
	Gavea__Worker__V1__Hello *hello;
	char refused[2048];
	char logs[65536]; /* what the worker has said meanwhile, a line each */
	uint64_t job;
};

static inline char *path_format(const char *format, ...)
{
	char *path;
	va_list args;

	va_start(args, format);
	assert_true(vasprintf(&path, format, args) > 0);
	va_end(args);
	return path;
}

/* The folder of the build that this test belongs to: four levels up, build/VARIANT/unit/core/worker/test_x.
 */
static inline char *build_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	assert_true(n > 0);
	path[n] = 0;
	for (int i = 0; i < 4; i++)
		*strrchr(path, '/') = 0;
	return strdup(path);
}

static inline char *test_plugin(const struct harness *h, const char *name)
{
	return path_format("%s/test-plugins/%s.so", h->build, name);
}

static inline int harness_setup(void **state)
{
	struct harness *h = calloc(1, sizeof *h);
	char scratch[] = "/tmp/gavea-worker-XXXXXX";

	assert_non_null(h);
	assert_non_null(mkdtemp(scratch));
	h->scratch = strdup(scratch);
	h->build = build_folder();
	*state = h;
	return 0;
}

static inline void remove_tree(const char *path)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", "--", path, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static inline void harness_stop(struct harness *h)
{
	link_free(TAKE_PTR(h->link));
	if (h->hello)
		gavea__worker__v1__hello__free_unpacked(TAKE_PTR(h->hello), NULL);
}

static inline int harness_teardown(void **state)
{
	struct harness *h = *state;

	harness_stop(h);
	remove_tree(h->scratch);
	free(h->scratch);
	free(h->build);
	free(h);
	return 0;
}

/* The next message that is no log line; those are kept. NULL: the worker has closed its end. */
static inline Answer *next_answer(struct harness *h)
{
	for (;;) {
		struct pollfd p = {.fd = link_fd(h->link), .events = POLLIN};
		Answer *answer;
		size_t used = strlen(h->logs);
		int r;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		r = link_receive(h->link, &answer);
		if (r == 0)
			return NULL;
		assert_int_equal(r, 1);
		if (answer->body_case != GAVEA__WORKER__V1__FROM_WORKER__BODY_LOG)
			return answer;
		snprintf(h->logs + used, sizeof h->logs - used, "%u: %s\n", answer->log->level,
			answer->log->text);
		gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	}
}

/* Starts a worker. 0: it said Hello; -1: it refused; -2: it ended. */
static inline int harness_start(
	struct harness *h, const char *plugin, const char *path, const Rights *rights, bool describe)
{
	char *worker = path_format("%s/gavea-worker", h->build);
	char *file = path ? strdup(path) : test_plugin(h, plugin),
	     *state = path_format("%s/state", h->scratch);
	struct link_spec spec = {
		.worker = worker,
		.plugin = plugin,
		.path = file,
		.rights = rights,
		.describe = describe,
		.state_directory = state,
		.cgroup_fd = -EBADF,
	};
	struct error error = ERROR_INIT;
	Answer *answer;
	int r;

	h->refused[0] = h->logs[0] = 0;
	r = link_spawn(&spec, &h->link, &error);
	if (r < 0)
		fail_msg("%s", error_text(&error, r));
	free(worker);
	free(file);
	free(state);
	answer = next_answer(h);
	if (!answer)
		return -2;
	if (answer->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_HELLO)
		h->hello = TAKE_PTR(answer->hello);
	else if (answer->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_REFUSED)
		snprintf(h->refused, sizeof h->refused, "%s", answer->refused->error);
	else
		fail_msg("answered out of turn");
	answer->body_case = h->hello ? GAVEA__WORKER__V1__FROM_WORKER__BODY__NOT_SET : answer->body_case;
	gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	return h->hello ? 0 : -1;
}

/* Sends what part points to (a pointer to the message of that case). */
static inline void send_part(
	struct harness *h, Gavea__Worker__V1__ToWorker__BodyCase part, void *body, int fd)
{
	Gavea__Worker__V1__ToWorker message = GAVEA__WORKER__V1__TO_WORKER__INIT;

	message.body_case = part;
	message.run = body;
	assert_int_equal(link_send(h->link, &message, fd), 0);
}

#define OPTIONS_MAX 8

/* Opens a check with options that are text, "key=value" with the type in types. Returns the error; the
 * message goes to refused. */
static inline int open_check(struct harness *h, uint32_t check, const char *name, bool stateless,
	const char *const *options, const uint32_t *types)
{
	Gavea__Worker__V1__Open open = GAVEA__WORKER__V1__OPEN__INIT;
	Gavea__Worker__V1__OptionValue values[OPTIONS_MAX] = {{.key = NULL}}, *list[OPTIONS_MAX];
	ProtobufCBinaryData bytes[OPTIONS_MAX];
	Answer *answer;
	int r;

	open.check = check;
	open.name = (char *)name;
	open.stateless = stateless;
	open.options = list;
	for (; options && options[open.n_options]; open.n_options++) {
		size_t i = open.n_options;
		char *equals = strchr(options[i], '=');

		assert_true(i < OPTIONS_MAX);
		list[i] = &values[i];
		values[i] = (Gavea__Worker__V1__OptionValue)GAVEA__WORKER__V1__OPTION_VALUE__INIT;
		values[i].key = strndup(options[i], (size_t)(equals - options[i]));
		values[i].type = types[i];
		bytes[i] = (ProtobufCBinaryData){strlen(equals + 1), (uint8_t *)equals + 1};
		values[i].values = &bytes[i];
		values[i].n_values = 1;
	}
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_OPEN, &open, -1);
	for (size_t i = 0; i < open.n_options; i++)
		free(values[i].key);
	answer = next_answer(h);
	assert_non_null(answer);
	assert_int_equal(answer->body_case, GAVEA__WORKER__V1__FROM_WORKER__BODY_OPENED);
	assert_int_equal(answer->opened->check, check);
	r = answer->opened->error;
	snprintf(h->refused, sizeof h->refused, "%s", answer->opened->message);
	gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	return r;
}

/* A check whose "mode" option has this value. */
static inline int open_mode(struct harness *h, uint32_t check, const char *name, const char *mode)
{
	char *option = path_format("mode=%s", mode);
	const char *options[] = {option, NULL};
	uint32_t types[] = {8 /* choice */};
	int r = open_check(h, check, name, false, options, types);

	free(option);
	return r;
}

static inline uint64_t send_run(struct harness *h, uint32_t check)
{
	Gavea__Worker__V1__Run run = GAVEA__WORKER__V1__RUN__INIT;

	run.check = check;
	run.job = ++h->job;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_RUN, &run, -1);
	return run.job;
}

static inline void send_cancel(struct harness *h, uint64_t job)
{
	Gavea__Worker__V1__Cancel cancel = GAVEA__WORKER__V1__CANCEL__INIT;

	cancel.job = job;
	send_part(h, GAVEA__WORKER__V1__TO_WORKER__BODY_CANCEL, &cancel, -1);
}

/* The next answer of that kind; outputs before it are passed over. */
static inline Answer *await_answer(struct harness *h, Gavea__Worker__V1__FromWorker__BodyCase part)
{
	for (;;) {
		Answer *answer = next_answer(h);

		assert_non_null(answer);
		if (answer->body_case == part)
			return answer;
		assert_int_equal(answer->body_case, GAVEA__WORKER__V1__FROM_WORKER__BODY_OUTPUT);
		gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	}
}

/* The Done of a job; outputs before it are passed over. NULL: the worker ended. */
static inline Answer *await_done(struct harness *h, uint64_t job)
{
	for (;;) {
		Answer *answer = next_answer(h);

		if (!answer)
			return NULL;
		if (answer->body_case == GAVEA__WORKER__V1__FROM_WORKER__BODY_DONE) {
			assert_int_equal(answer->done->job, job);
			return answer;
		}
		gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
	}
}

static inline Answer *run_check(struct harness *h, uint32_t check)
{
	return await_done(h, send_run(h, check));
}

static inline void answer_free(Answer *answer)
{
	gavea__worker__v1__from_worker__free_unpacked(answer, NULL);
}
DEFINE_CLEANUP(Answer *, answer_free);

/* The death of the worker, as link_death() says it. */
static inline char *await_death(struct harness *h, char buffer[static 64])
{
	struct pollfd p = {.fd = link_pidfd(h->link), .events = POLLIN};
	int status;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_true(link_reap(h->link, &status));
	return link_death(status, buffer);
}

/* Lets the worker go; it has to end with 0. */
static inline void let_go(struct harness *h)
{
	char buffer[64];

	link_close(h->link);
	assert_string_equal(await_death(h, buffer), "exited with status 0");
	harness_stop(h);
}

#endif
