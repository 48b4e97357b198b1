/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy, a backend for each colour, and a map that holds the app's share. The map's file is written before its copy in
 * HAProxy's memory: HAProxy never writes it, and reads it at each reload.
 */
#include "haproxy_client.h"
#include "haproxy_map.h"
#include "haproxy_socket.h"
#include "traffic_internal.h"

#include <stdio.h>

struct haproxy {
	struct traffic base;
	struct traffic_settings settings;
	struct haproxy_client client;
};

static struct haproxy *to_haproxy(struct traffic *traffic)
{
	return (struct haproxy *)traffic;
}

static int order_map(
	struct haproxy *h, const char *verb, uint32_t share, int64_t deadline, struct error *error)
{
	_cleanup_free_ char *command = NULL;

	if (asprintf(&command, "%s map %s %s %u", verb, h->settings.haproxy_map, h->settings.app, share) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	return haproxy_order(h->settings.haproxy_socket, command, deadline, error);
}

static int haproxy_set(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error)
{
	struct haproxy *h = to_haproxy(traffic);
	int r;

	if (share > SHARE_ALL)
		return error_set(error, -ERANGE, "a share is 0 to %u, not %u", SHARE_ALL, share);
	r = haproxy_map_store(h->settings.haproxy_map, h->settings.app, share, deadline, error);
	if (r < 0)
		return r;
	r = order_map(h, "set", share, deadline, error);
	if (r == -ENOENT)
		r = order_map(h, "add", share, deadline, error);
	return r;
}

static int unusable_map(
	const struct haproxy *h, const char *reply, const struct error *why, struct error *error)
{
	if (startswith(reply, "Unknown map"))
		return error_set(error, -ENOENT,
			"%s: HAProxy has no map %s: its configuration must read it with map_str_int()",
			h->settings.haproxy_socket, h->settings.haproxy_map);
	return error_set(error, -EBADMSG, "%s: the answer to \"get map\" can't be used: %s",
		h->settings.haproxy_socket, error_text(why, -EBADMSG));
}

static int look_at_map(struct haproxy *h, struct traffic_view *view, int64_t deadline, struct error *error)
{
	_cleanup_buf_ struct buf reply = BUF_INIT;
	_cleanup_free_ char *command = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;
	uint64_t value;
	int r;

	if (asprintf(&command, "get map %s %s", h->settings.haproxy_map, h->settings.app) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	r = haproxy_ask(h->settings.haproxy_socket, command, deadline, &reply, error);
	if (r < 0)
		return r;
	r = haproxy_map_value_parse(buf_str(&reply), &value, &why);
	if (r < 0 && r != -ENOENT)
		return unusable_map(h, buf_str(&reply), &why, error);
	if (r == 0 && value <= SHARE_ALL)
		view->share = (uint32_t)value;
	r = haproxy_map_load(h->settings.haproxy_map, h->settings.app, &view->share_stored, NULL);
	if (r < 0 || view->share_stored > SHARE_ALL)
		view->share_stored = SHARE_UNKNOWN;
	return 0;
}

/* In the words of the first server that is not up, else of all. */
static void describe(const struct haproxy_stat *stat, struct traffic_side *side)
{
	const char *status = "no servers";
	unsigned bad = 0;

	for (size_t i = 0; i < stat->count; i++) {
		const struct haproxy_row *row = &stat->servers[i];

		if (haproxy_row_disabled(row) || (bad && haproxy_row_up(row)))
			continue;
		if (!bad)
			status = row->status;
		bad += !haproxy_row_up(row);
	}
	if (bad && side->servers > 1)
		snprintf(side->state, sizeof side->state, "%.12s (%u of %u)", status, bad % 10000,
			(unsigned)side->servers % 10000);
	else
		snprintf(side->state, sizeof side->state, "%s", status);
}

static void fill_side(const struct haproxy_stat *stat, struct traffic_side *side)
{
	side->servers = side->up = side->wavering = side->draining = 0;
	side->sessions = MAX(stat->backend.sessions, 0);
	side->queued = MAX(stat->backend.queued, 0);
	side->requests = stat->backend.requests;
	/* The servers' rows lack what HAProxy answered in their place. */
	side->errors = stat->backend.errors;
	for (size_t i = 0; i < stat->count; i++) {
		const struct haproxy_row *row = &stat->servers[i];
		bool draining = haproxy_row_draining(row);

		side->queued += MAX(row->queued, 0);
		if (haproxy_row_disabled(row))
			continue;
		side->servers++;
		side->draining += draining;
		side->up += !draining && haproxy_row_up(row);
		side->wavering += !draining && startswith(row->status, "UP ") != NULL;
	}
	describe(stat, side);
}

static int look_at_sides(struct haproxy *h, struct traffic_view *view, int64_t deadline, struct error *error)
{
	for (unsigned c = 0; c < COLOURS; c++) {
		_cleanup_haproxy_stat_ struct haproxy_stat stat = {0};
		const char *backend = h->settings.backend[c];
		int r = haproxy_client_stat(&h->client, backend, deadline, &stat, error);

		for (size_t i = 0; r == 0 && i < stat.count; i++)
			r = haproxy_client_settled(&h->client, backend, &stat.servers[i], error);
		if (r < 0)
			return r;
		fill_side(&stat, &view->side[c]);
	}
	return 0;
}

static int look(void *userdata, struct traffic_view *view, int64_t deadline, struct error *error)
{
	struct haproxy *h = userdata;
	int r = look_at_map(h, view, deadline, error);

	return r < 0 ? r : look_at_sides(h, view, deadline, error);
}

static int haproxy_observe(
	struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	struct haproxy *h = to_haproxy(traffic);

	traffic_view_init(ret_view);
	return haproxy_client_observe(&h->client, look, h, ret_view, deadline, error);
}

enum order { ORDER_DRAIN, ORDER_READY, ORDER_CUT };

static int order_server(const struct haproxy *h, enum order order, const char *backend,
	const struct haproxy_row *row, int64_t deadline, struct error *error)
{
	if (order == ORDER_CUT && !haproxy_row_disabled(row))
		return haproxy_client_server_cut(&h->client, backend, row->name, deadline, error);
	if (order == ORDER_DRAIN && haproxy_needs_drain(row))
		return haproxy_client_server_state(&h->client, backend, row->name, "drain", deadline, error);
	if (order == ORDER_READY && haproxy_needs_ready(row))
		return haproxy_client_server_state(&h->client, backend, row->name, "ready", deadline, error);
	return 0;
}

static int order_servers(
	struct traffic *traffic, enum order order, enum colour colour, int64_t deadline, struct error *error)
{
	struct haproxy *h = to_haproxy(traffic);
	const char *backend = h->settings.backend[colour];
	_cleanup_haproxy_stat_ struct haproxy_stat stat = {0};
	int r = haproxy_client_stat(&h->client, backend, deadline, &stat, error);

	for (size_t i = 0; r == 0 && i < stat.count; i++)
		r = order_server(h, order, backend, &stat.servers[i], deadline, error);
	return r;
}

static int haproxy_drain(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	return order_servers(traffic, ORDER_DRAIN, colour, deadline, error);
}

static int haproxy_ready(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	return order_servers(traffic, ORDER_READY, colour, deadline, error);
}

static int haproxy_cut(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	return order_servers(traffic, ORDER_CUT, colour, deadline, error);
}

static void haproxy_close(struct traffic *traffic)
{
	free(to_haproxy(traffic));
}

static const struct traffic_driver haproxy_driver = {
	.name = "haproxy",
	.set = haproxy_set,
	.observe = haproxy_observe,
	.drain = haproxy_drain,
	.ready = haproxy_ready,
	.cut = haproxy_cut,
	.close = haproxy_close,
};

/* A path that stands in a command as it is: HAProxy's command line splits at blanks and semicolons. */
static bool plain_path(const char *path)
{
	return *path == '/' && !strpbrk(path, " \t\r\n;\\\"'#<");
}

static int check_settings(const struct traffic_settings *s, struct error *error)
{
	if (str_empty(s->haproxy_socket))
		return traffic_missing(
			"haproxy", "haproxy_socket", "the path of its \"stats socket\"", error);
	if (str_empty(s->haproxy_map))
		return traffic_missing(
			"haproxy", "haproxy_map", "the path of the map, as map_str_int() has it", error);
	if (!plain_path(s->haproxy_map))
		return error_set(error, -EINVAL,
			"haproxy_map = \"%s\": it must be an absolute path without blanks, quotes, \";\", "
			"\"\\\", \"#\" and \"<\"",
			s->haproxy_map);
	if (str_empty(s->app) || !haproxy_map_key_valid(s->app))
		return error_set(error, -EINVAL,
			"app \"%s\": a key in HAProxy's map is of 1 to 64 letters, digits, \".\", \"_\" and "
			"\"-\"",
			s->app ? s->app : "");
	for (unsigned c = 0; c < COLOURS; c++)
		if (str_empty(s->backend[c]) || strlen(s->backend[c]) >= HAPROXY_NAME_MAX ||
			!haproxy_name_valid(s->backend[c]))
			return error_set(error, -EINVAL,
				"the traffic driver haproxy needs the name of the %s backend, not \"%s\"",
				colour_name(c), s->backend[c] ? s->backend[c] : "");
	return 0;
}

int traffic_haproxy_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error)
{
	struct haproxy *h;
	int r;

	/* A rolling app has one server behind a balancer, and no map. */
	if (settings->server && !settings->backend[COLOUR_GREEN])
		return traffic_haproxy_weights_open(settings, ret_traffic, error);
	r = check_settings(settings, error);
	if (r < 0)
		return r;
	h = calloc(1, sizeof *h);
	if (!h)
		return error_set(error, -ENOMEM, "out of memory");
	h->base.driver = &haproxy_driver;
	h->settings = *settings;
	h->client.socket = settings->haproxy_socket;
	*ret_traffic = &h->base;
	return 0;
}
