/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/control.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/manager/collect.h"
#include "core/manager/control_answers.h"
#include "wire/frame.h"

#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define ACCEPT_PAUSE NSEC_PER_SEC

struct control {
	sd_event *event;
	struct control_source source;
	char *path;
	int fd;
	sd_event_source *io;
	sd_event_source *resume; /* accepting, after a pause */
	sd_event_source *reap;
	struct control_client *clients;
	size_t client_count;
	struct buf scratch;
};

static int on_reap(sd_event_source *source, void *userdata)
{
	struct control *control = userdata;
	struct control_client **link = &control->clients;

	(void)source;
	while (*link) {
		struct control_client *client = *link;

		if (!client->dead) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		control->client_count--;
		client_free(client);
	}
	return 0;
}

/* ---- Requests ---- */

static struct check *find_check(struct control *control, const char *name)
{
	size_t unit_count;
	struct unit *const *units = control->source.units(&unit_count, control->source.userdata);

	for (size_t i = 0; i < unit_count; i++) {
		size_t count;
		struct check *const *checks = unit_checks(units[i], &count);

		for (size_t j = 0; j < count; j++)
			if (streq(check_name(checks[j]), name))
				return checks[j];
	}
	return NULL;
}

static void no_such_check(struct control_client *client, const char *name)
{
	char text[256];

	snprintf(text, sizeof text, "there is no check \"%.128s\"; `gavea status` lists them", name);
	client_end(client, text);
}

static void send_agent(struct control_client *client)
{
	const struct control_source *source = &client->control->source;
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__AgentStatus agent = GAVEA__CONTROL__V1__AGENT_STATUS__INIT;
	struct spool_description spool;

	source->agent(&agent, &spool, source->userdata);
	agent.spool = &spool.status;
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_AGENT;
	answer.agent = &agent;
	client_send(client, &answer);
}

static void answer_status(struct control_client *client, const Gavea__Control__V1__GetStatus *request)
{
	struct control *control = client->control;
	size_t count;
	struct unit *const *units = control->source.units(&count, control->source.userdata);
	struct check *check;

	if (!str_empty(request->check)) {
		check = find_check(control, request->check);
		if (!check) {
			no_such_check(client, request->check);
			return;
		}
		answer_check(client, check, recorder_catalog(control->source.recorder));
		client_end(client, NULL);
		return;
	}
	send_agent(client);
	answer_units(client, units, count);
	client->follows_status = request->follow;
	if (request->follow)
		client_send_end(client, NULL, NULL, 0, true);
	else
		client_end(client, NULL);
}

static void answer_recent(struct control_client *client, const Gavea__Control__V1__GetEvents *request)
{
	size_t count;
	const struct recent_event *events = recorder_events(client->control->source.recorder, &count);
	size_t first = request->last && request->last < count ? count - request->last : 0;

	for (size_t i = first; i < count; i++)
		answer_event(client, &events[i]);
	client->follows_events = request->follow;
	if (request->follow)
		client_send_end(client, NULL, NULL, 0, true);
	else
		client_end(client, NULL);
}

static void on_answered(struct check *check, void *userdata)
{
	struct control_client *client = userdata;

	client->waits_for = NULL;
	answer_check(client, check, recorder_catalog(client->control->source.recorder));
	client_end(client, NULL);
}

static void run_now(struct control_client *client, const Gavea__Control__V1__RunNow *request)
{
	struct check *check = find_check(client->control, request->check);
	int r;

	if (!check) {
		no_such_check(client, request->check);
		return;
	}
	client->waits_for = check;
	r = check_run_now(check, on_answered, client);
	if (r < 0) {
		client->waits_for = NULL;
		client_end(client,
			r == -EOPNOTSUPP
				? "its plugin runs no checks, it only takes commands"
				: "somebody else waits for a run of this check; try again in a moment");
	}
}

static void reload(struct control_client *client)
{
	int r;

	client->waits_reload = true;
	r = client->control->source.reload(client->control->source.userdata);
	if (r < 0 && r != -EBUSY) {
		client->waits_reload = false;
		client_end(client, strerror(-r));
	}
}

/* ---- Commands to plugins ---- */

struct control_command {
	struct command_job command; /* must be first */
	Gavea__Control__V1__Request *request; /* that the job's strings lie in */
};

static void on_command_answered(
	struct command_job *command, const Gavea__Worker__V1__Done *done, const char *cause)
{
	struct control_command *own = (struct control_command *)command;
	struct control_client *client = command->userdata;
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__CommandReply reply = GAVEA__CONTROL__V1__COMMAND_REPLY__INIT;

	if (client) {
		client->command = NULL;
		if (done && !str_empty(done->reply)) {
			reply.text = done->reply;
			answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_REPLY;
			answer.reply = &reply;
			client_send(client, &answer);
		}
		if (done && done->error)
			cause = collect_reason(done);
		client_end(client, cause);
	}
	gavea__control__v1__request__free_unpacked(own->request, NULL);
	free(own);
}

static bool has_command(const Gavea__Worker__V1__Hello *hello, const char *name)
{
	for (size_t i = 0; i < hello->n_commands; i++)
		if (streq(hello->commands[i], name))
			return true;
	return false;
}

/* The number and the configuration of a check or output of this unit; 0: it has none of that name. */
static uint32_t find_in(const struct unit *unit, const char *name, const struct config_check **ret_config)
{
	size_t count;
	struct check *const *checks = unit_checks(unit, &count);
	struct output *const *outputs;

	for (size_t i = 0; i < count; i++)
		if (streq(check_name(checks[i]), name)) {
			*ret_config = check_config(checks[i]);
			return check_number(checks[i]);
		}
	outputs = unit_outputs(unit, &count);
	for (size_t i = 0; i < count; i++)
		if (streq(output_name(outputs[i]), name)) {
			*ret_config = output_config(outputs[i]);
			return output_number(outputs[i]);
		}
	return 0;
}

/* Whom a command is for: its worker, with job filled in; NULL with an answer sent. */
static struct worker *command_target(
	struct control_client *client, const Gavea__Control__V1__SendCommand *request, struct worker_job *job)
{
	struct control *control = client->control;
	size_t count;
	struct unit *const *units = control->source.units(&count, control->source.userdata);

	for (size_t i = 0; i < count; i++) {
		const struct config_check *config;
		uint32_t number = find_in(units[i], request->check, &config);

		if (number == 0)
			continue;
		if (!has_command(unit_config(units[i])->description, request->name)) {
			client_end(client, "its plugin has no such command");
			return NULL;
		}
		job->check = number;
		job->timeout = config->timeout;
		return unit_worker(units[i]);
	}
	no_such_check(client, request->check);
	return NULL;
}

/* Takes the request. */
static void send_command(struct control_client *client, Gavea__Control__V1__Request *request)
{
	struct worker_job job = {.kind = JOB_COMMAND};
	struct worker *worker = command_target(client, request->command, &job);
	struct control_command *own = worker ? calloc(1, sizeof *own) : NULL;

	if (!own) {
		if (worker)
			client_end(client, "out of memory");
		gavea__control__v1__request__free_unpacked(request, NULL);
		return;
	}
	own->request = request;
	own->command.answered = on_command_answered;
	own->command.userdata = client;
	job.userdata = &own->command;
	job.facts = request->command->arguments;
	job.fact_count = request->command->n_arguments;
	job.command = request->command->name;
	own->command.job = job;
	client->command = &own->command;
	if (worker_submit(worker, &own->command.job) < 0)
		on_command_answered(&own->command, NULL, worker_cause(worker));
}

/* ---- The socket ---- */

static void handle_request(struct control_client *client, Gavea__Control__V1__Request *request)
{
	size_t count;
	struct unit *const *units = client->control->source.units(&count, client->control->source.userdata);

	client->asked = true;
	switch (request->body_case) {
	case GAVEA__CONTROL__V1__REQUEST__BODY_STATUS:
		answer_status(client, request->status);
		break;
	case GAVEA__CONTROL__V1__REQUEST__BODY_PLUGINS:
		answer_plugins(client, units, count);
		client_end(client, NULL);
		break;
	case GAVEA__CONTROL__V1__REQUEST__BODY_EVENTS:
		answer_recent(client, request->events);
		break;
	case GAVEA__CONTROL__V1__REQUEST__BODY_RUN:
		run_now(client, request->run);
		break;
	case GAVEA__CONTROL__V1__REQUEST__BODY_RELOAD:
		reload(client);
		break;
	case GAVEA__CONTROL__V1__REQUEST__BODY_COMMAND:
		send_command(client, request);
		return;
	default:
		client_end(client, "this gavead does not know that request; is gavea of another version?");
	}
	gavea__control__v1__request__free_unpacked(request, NULL);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control_client *client = userdata;
	ProtobufCMessage *message;
	int r;

	(void)source;
	if (events & EPOLLOUT)
		client_send_queue(client);
	if (client->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	r = frame_receive(
		fd, &gavea__control__v1__request__descriptor, &message, NULL, &client->control->scratch);
	if (r == -EAGAIN)
		return 0;
	if (r > 0 && client->asked) {
		/* What was asked before may still be under way, and knows of one client and one question. */
		protobuf_c_message_free_unpacked(message, NULL);
		if (!client->ending)
			client_end(client, "one request a connection");
	} else if (r > 0)
		handle_request(client, (Gavea__Control__V1__Request *)message);
	else
		client_mark_dead(client);
	return 0;
}

static int on_resume(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(control->io, SD_EVENT_ON);
	return 0;
}

/* A connection that can't be accepted, for lack of descriptors or memory, stays there: looking at it again at once would
 * be all that the loop does. */
static void pause_accepting(struct control *control)
{
	log_warning("cannot take a connection to the control socket: %s", strerror(errno));
	if (sd_event_source_set_time(control->resume,
		    (uint64_t)((clock_ns(CLOCK_MONOTONIC) + ACCEPT_PAUSE) / NSEC_PER_USEC)) < 0 ||
		sd_event_source_set_enabled(control->resume, SD_EVENT_ONESHOT) < 0)
		return;
	sd_event_source_set_enabled(control->io, SD_EVENT_OFF);
}

/* Lets go of those that have hung up, though the loop has not come to them yet. */
static void make_room(struct control *control)
{
	struct pollfd polls[CLIENTS_MAX];
	nfds_t count = 0;

	for (struct control_client *client = control->clients; client; client = client->next)
		polls[count++] = (struct pollfd){.fd = client->fd};
	if (poll(polls, count, 0) <= 0)
		return;
	count = 0;
	for (struct control_client *client = control->clients; client; client = client->next)
		if (polls[count++].revents & POLLHUP)
			client_mark_dead(client);
	on_reap(control->reap, control);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct control *control = userdata;
	_cleanup_fd_ int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control_client *client;

	(void)source;
	(void)events;
	if (peer < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		pause_accepting(control);
	if (peer >= 0 && control->client_count >= CLIENTS_MAX)
		make_room(control);
	/* Over the bound they wait to be refused: closing tells them more than silence. */
	if (peer < 0 || control->client_count >= CLIENTS_MAX || frame_prepare(peer) < 0)
		return 0;
	if (client_new(control->event, peer, on_client, control, control->reap, &client) < 0)
		return 0;
	TAKE_FD(peer);
	client->next = control->clients;
	control->clients = client;
	control->client_count++;
	return 0;
}

static void on_event(const struct recent_event *event, void *userdata)
{
	struct control *control = userdata;

	for (struct control_client *client = control->clients; client; client = client->next)
		if (client->follows_events)
			answer_event(client, event);
}

void control_check_changed(struct control *control, struct check *check)
{
	for (struct control_client *client = control->clients; client; client = client->next)
		if (client->follows_status)
			answer_check(client, check, NULL);
}

void control_output_changed(struct control *control, struct output *output)
{
	for (struct control_client *client = control->clients; client; client = client->next)
		if (client->follows_status)
			answer_output(client, output);
}

void control_forget(struct control *control, const char *check)
{
	for (struct control_client *client = control->clients; client; client = client->next) {
		if (client->follows_status)
			answer_gone(client, check);
		if (client->waits_for && streq(check_name(client->waits_for), check)) {
			client->waits_for = NULL;
			client_end(client, "the check was taken out of the configuration");
		}
	}
}

void control_reloaded(struct control *control, char **errors, size_t count)
{
	const char *failure = count ? "the configuration has errors; the old one stays in force" : NULL;

	for (struct control_client *client = control->clients; client; client = client->next) {
		if (!client->waits_reload)
			continue;
		client->waits_reload = false;
		client_send_end(client, failure, errors, count, false);
		client_close(client);
	}
}

/* ---- Life ---- */

static int listen_at(const char *path, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(error, -ENAMETOOLONG, "%s: too long for a socket's path", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0)
		return error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
	/* One that a dead manager left. A living one holds the state directory's lock. */
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(
			error, -errno, "%s: cannot remove the old socket: %s", path, strerror(errno));
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return error_set(error, -errno, "%s: cannot listen: %s", path, strerror(errno));
	if (chmod(path, 0660) < 0 || listen(fd, 16) < 0)
		return error_set(error, -errno, "%s: cannot listen: %s", path, strerror(errno));
	return TAKE_FD(fd);
}

int control_new(sd_event *event, const char *path, const struct control_source *source,
	struct control **ret_control, struct error *error)
{
	_cleanup_(control_freep) struct control *control = calloc(1, sizeof *control);
	int r;

	if (!control)
		return -ENOMEM;
	control->event = sd_event_ref(event);
	control->source = *source;
	control->fd = listen_at(path, error);
	if (control->fd < 0)
		return control->fd;
	control->path = strdup(path);
	if (!control->path)
		return -ENOMEM;
	r = sd_event_add_io(event, &control->io, control->fd, EPOLLIN, on_connection, control);
	if (r >= 0)
		r = sd_event_add_defer(event, &control->reap, on_reap, control);
	if (r >= 0)
		r = sd_event_add_time(event, &control->resume, CLOCK_MONOTONIC, 0, 0, on_resume, control);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(control->resume, SD_EVENT_OFF);
	sd_event_source_set_enabled(control->reap, SD_EVENT_OFF);
	recorder_listen(source->recorder, on_event, control);
	*ret_control = TAKE_PTR(control);
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	if (control->source.recorder)
		recorder_listen(control->source.recorder, NULL, NULL);
	while (control->clients) {
		struct control_client *client = control->clients;

		control->clients = client->next;
		client_free(client);
	}
	sd_event_source_disable_unref(control->io);
	sd_event_source_disable_unref(control->resume);
	sd_event_source_disable_unref(control->reap);
	if (control->path)
		unlink(control->path);
	fd_close(control->fd);
	free(control->path);
	buf_done(&control->scratch);
	sd_event_unref(control->event);
	free(control);
}
