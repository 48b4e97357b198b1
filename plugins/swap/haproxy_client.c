/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_client.h"

#include "base/clock.h"
#include "haproxy_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define LOOKS_MAX 20
#define LOOK_PAUSE_MS 50

/* Adds whose answer it was to what a parser found wrong with it. */
static int unusable(const struct haproxy_client *client, const char *command, int code,
	const struct error *why, struct error *error)
{
	return error_set(error, code, "%s: the answer to \"%s\" can't be used: %s", client->socket, command,
		error_text(why, code));
}

int haproxy_client_info(
	struct haproxy_client *client, int64_t deadline, struct haproxy_info *ret_info, struct error *error)
{
	_cleanup_buf_ struct buf reply = BUF_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	int r = haproxy_ask(client->socket, "show info", deadline, &reply, error);

	if (r < 0)
		return r;
	r = haproxy_info_parse(buf_str(&reply), ret_info, &why);
	if (r < 0)
		return unusable(client, "show info", r, &why, error);
	if (ret_info->processes > 1)
		return error_set(error, -EOPNOTSUPP,
			"%s: HAProxy runs %llu processes, and what one is told the others don't know: use "
			"nbthread, not nbproc",
			client->socket, (unsigned long long)ret_info->processes);
	if (ret_info->stopping)
		return error_set(error, -EAGAIN,
			"%s: the HAProxy that answers, process %llu, is about to end", client->socket,
			(unsigned long long)ret_info->pid);
	return 0;
}

static int ask_state(const struct haproxy_client *client, const char *backend, int64_t deadline,
	struct buf *reply, int64_t *ret_id, struct error *error)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	char command[HAPROXY_NAME_MAX + 32];
	int r;

	snprintf(command, sizeof command, "show servers state %s", backend);
	r = haproxy_ask(client->socket, command, deadline, reply, error);
	if (r < 0)
		return r;
	if (startswith(buf_str(reply), "Can't find backend"))
		return error_set(
			error, -ENOENT, "%s: HAProxy has no backend \"%s\"", client->socket, backend);
	r = haproxy_state_backend(buf_str(reply), backend, ret_id, &why);
	return r < 0 ? unusable(client, command, r, &why, error) : 0;
}

int haproxy_client_stat(const struct haproxy_client *client, const char *backend, int64_t deadline,
	struct haproxy_stat *stat, struct error *error)
{
	_cleanup_buf_ struct buf reply = BUF_INIT;
	_cleanup_buf_ struct buf state = BUF_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	char command[64];
	int64_t id;
	int r = ask_state(client, backend, deadline, &state, &id, error);

	if (r < 0)
		return r;
	/* Not by its name: "show stat NAME" finds a frontend of this name first. */
	snprintf(command, sizeof command, "show stat %lld 7 -1", (long long)id);
	r = haproxy_ask(client->socket, command, deadline, &reply, error);
	if (r < 0)
		return r;
	r = haproxy_stat_parse(buf_str(&reply), backend, stat, &why);
	if (r == 0)
		r = haproxy_state_parse(buf_str(&state), stat, &why);
	return r < 0 ? unusable(client, command, r, &why, error) : 0;
}

int haproxy_client_settled(const struct haproxy_client *client, const char *backend,
	const struct haproxy_row *row, struct error *error)
{
	if (!row->unchecked)
		return 0;
	return error_set(error, -EAGAIN, "%s: HAProxy has just started and has not checked %s/%s yet",
		client->socket, backend, row->name);
}

int haproxy_client_server_state(const struct haproxy_client *client, const char *backend, const char *server,
	const char *state, int64_t deadline, struct error *error)
{
	char command[2 * HAPROXY_NAME_MAX + 32];

	snprintf(command, sizeof command, "set server %s/%s state %s", backend, server, state);
	return haproxy_order(client->socket, command, deadline, error);
}

int haproxy_client_server_cut(const struct haproxy_client *client, const char *backend, const char *server,
	int64_t deadline, struct error *error)
{
	char command[2 * HAPROXY_NAME_MAX + 32];
	int r = haproxy_client_server_state(client, backend, server, "maint", deadline, error);

	if (r < 0)
		return r;
	snprintf(command, sizeof command, "shutdown sessions server %s/%s", backend, server);
	return haproxy_order(client->socket, command, deadline, error);
}

/* Another number for each start, also when the kernel gives the same process number again. */
static uint64_t process_of(const struct haproxy_info *info)
{
	return info->started << 22 | (info->pid & ((1u << 22) - 1));
}

/* "clear counters all" sets counters back in the middle of a process's life. */
static bool counters_fell(const struct haproxy_client *client, const struct traffic_view *view)
{
	for (unsigned c = 0; c < COLOURS; c++)
		if (view->side[c].requests < client->requests[c])
			return true;
	return false;
}

static void remember(
	struct haproxy_client *client, const struct haproxy_info *info, struct traffic_view *view)
{
	uint64_t process = process_of(info);
	bool first = client->process == 0;

	if (client->process != process) {
		client->process = process;
		client->resets = 0;
		/* A new process has dropped what it says; of one that was not seen before nothing is known. */
		client->dropped_logs = first ? info->dropped_logs : 0;
	} else if (counters_fell(client, view)) {
		client->resets++;
	}
	for (unsigned c = 0; c < COLOURS; c++)
		client->requests[c] = view->side[c].requests;
	view->dropped_logs = info->dropped_logs > client->dropped_logs;
	client->dropped_logs = info->dropped_logs;
	view->generation = process + ((uint64_t)client->resets << 54);
}

/* One look at all. -EAGAIN: the process that answered is not the one that did before, or not ready. */
static int look_once(struct haproxy_client *client,
	int (*look)(void *userdata, struct traffic_view *view, int64_t deadline, struct error *error),
	void *userdata, struct traffic_view *view, int64_t deadline, struct error *error)
{
	struct haproxy_info before, after;
	int r = haproxy_client_info(client, deadline, &before, error);

	if (r == 0)
		r = look(userdata, view, deadline, error);
	if (r == 0)
		r = haproxy_client_info(client, deadline, &after, error);
	if (r < 0)
		return r;
	if (process_of(&before) != process_of(&after))
		return error_set(
			error, -EAGAIN, "%s: HAProxy is being reloaded again and again", client->socket);
	remember(client, &after, view);
	return 0;
}

int haproxy_client_observe(struct haproxy_client *client,
	int (*look)(void *userdata, struct traffic_view *view, int64_t deadline, struct error *error),
	void *userdata, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	for (int i = 1;; i++) {
		struct traffic_view view = *ret_view;
		int r = look_once(client, look, userdata, &view, deadline, error);

		if (r == 0)
			*ret_view = view;
		if (r != -EAGAIN || i == LOOKS_MAX ||
			clock_ns(CLOCK_MONOTONIC) + LOOK_PAUSE_MS * NSEC_PER_MSEC >= deadline)
			return r;
		poll(NULL, 0, LOOK_PAUSE_MS);
	}
}

bool haproxy_needs_drain(const struct haproxy_row *row)
{
	return !(row->admin & (HAPROXY_ADMIN_MAINT | HAPROXY_ADMIN_DRAIN_SET));
}

bool haproxy_needs_ready(const struct haproxy_row *row)
{
	return (row->admin & (HAPROXY_ADMIN_DRAIN_SET | HAPROXY_ADMIN_MAINT_SET)) &&
		!haproxy_row_disabled(row);
}
