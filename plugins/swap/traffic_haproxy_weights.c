/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy, one backend with a server for each colour, and shares by their weights; or with the one server of a rolling
 * app, which is drained and put back. Nothing of it lasts over a reload: observe() shows that by the generation.
 */
#include "haproxy_client.h"
#include "haproxy_ratio.h"
#include "haproxy_socket.h"
#include "traffic_internal.h"

#include <stdio.h>

struct place {
	char backend[HAPROXY_NAME_MAX];
	const char *server; /* within what the settings lend; NULL: this colour has none */
};

struct weights {
	struct traffic base;
	struct haproxy_client client;
	struct place place[COLOURS];
};

static struct weights *to_weights(struct traffic *traffic)
{
	return (struct weights *)traffic;
}

static int find_row(const struct weights *w, enum colour colour, int64_t deadline,
	struct haproxy_row *ret_row, struct error *error)
{
	_cleanup_haproxy_stat_ struct haproxy_stat stat = {0};
	const struct place *place = &w->place[colour];
	int r = haproxy_client_stat(&w->client, place->backend, deadline, &stat, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < stat.count; i++)
		if (streq(stat.servers[i].name, place->server)) {
			*ret_row = stat.servers[i];
			return 0;
		}
	return error_set(error, -ENOENT, "%s: HAProxy's backend \"%s\" has no server \"%s\"",
		w->client.socket, place->backend, place->server);
}

static int set_weight(
	const struct weights *w, enum colour colour, unsigned weight, int64_t deadline, struct error *error)
{
	const struct place *place = &w->place[colour];
	char command[2 * HAPROXY_NAME_MAX + 32];

	snprintf(command, sizeof command, "set weight %s/%s %u", place->backend, place->server, weight);
	return haproxy_order(w->client.socket, command, deadline, error);
}

static int weights_set(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error)
{
	struct weights *w = to_weights(traffic);
	struct ratio ratio;
	int r;

	if (!w->place[COLOUR_GREEN].server)
		return error_set(
			error, -EOPNOTSUPP, "a rolling app has one server: there are no shares to set");
	if (share > SHARE_ALL)
		return error_set(error, -ERANGE, "a share is 0 to %u, not %u", SHARE_ALL, share);
	if (ratio_find(share, &ratio) < 0) {
		uint32_t nearest = ratio_share(&ratio);

		return error_set(error, -ERANGE,
			"weights can't make a share of %u.%02u %%: the nearest is %u.%02u %%", share / 100,
			share % 100, nearest / 100, nearest % 100);
	}
	/* The one that may be 0 goes last, so that there is always somebody to serve. */
	if (ratio.green == 0) {
		r = set_weight(w, COLOUR_BLUE, ratio.blue, deadline, error);
		return r < 0 ? r : set_weight(w, COLOUR_GREEN, ratio.green, deadline, error);
	}
	r = set_weight(w, COLOUR_GREEN, ratio.green, deadline, error);
	return r < 0 ? r : set_weight(w, COLOUR_BLUE, ratio.blue, deadline, error);
}

static void fill_side(const struct haproxy_row *row, struct traffic_side *side)
{
	bool held = row->admin & (HAPROXY_ADMIN_MAINT | HAPROXY_ADMIN_DRAIN);

	side->servers = 1;
	/* A weight of 0 is a share, not an illness. */
	side->up = !held && (haproxy_row_up(row) || streq(row->status, "DRAIN"));
	side->wavering = !held && startswith(row->status, "UP ") != NULL;
	side->draining = haproxy_row_draining(row);
	side->sessions = row->sessions;
	side->queued = row->queued;
	side->requests = row->requests;
	/* The row lacks what HAProxy answered in the server's place: too few is worse than not known. */
	side->errors = -1;
	snprintf(side->state, sizeof side->state, "%s", row->status);
}

static int look(void *userdata, struct traffic_view *view, int64_t deadline, struct error *error)
{
	struct weights *w = userdata;
	struct haproxy_row rows[COLOURS];
	struct ratio ratio;

	for (unsigned c = 0; c < COLOURS; c++) {
		int r;

		if (!w->place[c].server)
			continue;
		r = find_row(w, c, deadline, &rows[c], error);
		if (r == 0)
			r = haproxy_client_settled(&w->client, w->place[c].backend, &rows[c], error);
		if (r < 0)
			return r;
		fill_side(&rows[c], &view->side[c]);
	}
	if (!w->place[COLOUR_GREEN].server) {
		view->share = 0;
		return 0;
	}
	if (rows[COLOUR_GREEN].set_weight < 0 || rows[COLOUR_BLUE].set_weight < 0)
		return 0;
	ratio.green = (unsigned)MIN(rows[COLOUR_GREEN].set_weight, (int64_t)HAPROXY_WEIGHT_MAX);
	ratio.blue = (unsigned)MIN(rows[COLOUR_BLUE].set_weight, (int64_t)HAPROXY_WEIGHT_MAX);
	view->share = ratio_share(&ratio);
	return 0;
}

static int weights_observe(
	struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	struct weights *w = to_weights(traffic);

	traffic_view_init(ret_view);
	return haproxy_client_observe(&w->client, look, w, ret_view, deadline, error);
}

static int need_place(const struct weights *w, enum colour colour, struct error *error)
{
	if (w->place[colour].server)
		return 0;
	return error_set(error, -EOPNOTSUPP, "a rolling app has no %s server", colour_name(colour));
}

static int order(struct weights *w, enum colour colour, const char *state,
	bool (*needed)(const struct haproxy_row *row), int64_t deadline, struct error *error)
{
	const struct place *place = &w->place[colour];
	struct haproxy_row row;
	int r = need_place(w, colour, error);

	if (r == 0)
		r = find_row(w, colour, deadline, &row, error);
	if (r < 0 || !needed(&row))
		return r;
	return haproxy_client_server_state(&w->client, place->backend, place->server, state, deadline, error);
}

static int weights_drain(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	return order(to_weights(traffic), colour, "drain", haproxy_needs_drain, deadline, error);
}

static int weights_ready(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	return order(to_weights(traffic), colour, "ready", haproxy_needs_ready, deadline, error);
}

static int weights_cut(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	struct weights *w = to_weights(traffic);
	const struct place *place = &w->place[colour];
	int r = need_place(w, colour, error);

	return r < 0 ? r
		     : haproxy_client_server_cut(&w->client, place->backend, place->server, deadline, error);
}

static void weights_close(struct traffic *traffic)
{
	free(to_weights(traffic));
}

static const struct traffic_driver weights_driver = {
	.name = "haproxy-weights",
	.set = weights_set,
	.observe = weights_observe,
	.drain = weights_drain,
	.ready = weights_ready,
	.cut = weights_cut,
	.close = weights_close,
};

static int read_place(const char *text, struct place *place, struct error *error)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	size_t size = slash ? (size_t)(slash - text) : 0;

	if (!size || size >= sizeof place->backend || strlen(slash + 1) >= HAPROXY_NAME_MAX)
		goto bad;
	memcpy(place->backend, text, size);
	place->server = slash + 1;
	if (haproxy_name_valid(place->backend) && haproxy_name_valid(place->server))
		return 0;
bad:
	return error_set(error, -EINVAL,
		"\"%s\": expected BACKEND/SERVER as HAProxy's configuration has them", text ? text : "");
}

static int read_places(const struct traffic_settings *s, struct weights *w, struct error *error)
{
	int r;

	if (s->server && !s->backend[COLOUR_GREEN])
		return read_place(s->server, &w->place[COLOUR_BLUE], error);
	for (unsigned c = 0; c < COLOURS; c++) {
		r = read_place(s->backend[c], &w->place[c], error);
		if (r < 0)
			return r;
	}
	return 0;
}

int traffic_haproxy_weights_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error)
{
	_cleanup_free_ struct weights *w = calloc(1, sizeof *w);
	int r;

	if (!w)
		return error_set(error, -ENOMEM, "out of memory");
	if (str_empty(settings->haproxy_socket))
		return traffic_missing(
			"haproxy-weights", "haproxy_socket", "the path of its \"stats socket\"", error);
	r = read_places(settings, w, error);
	if (r < 0)
		return r;
	w->base.driver = &weights_driver;
	w->client.socket = settings->haproxy_socket;
	*ret_traffic = &TAKE_PTR(w)->base;
	return 0;
}
