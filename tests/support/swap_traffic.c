/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the swap plugin's traffic drivers and its counting from tests:
 *
 *   swap_traffic KIND [key=value]… set SHARE | observe | drain COLOUR | ready COLOUR | cut COLOUR | serve
 *   swap_traffic count [key=value]…
 *
 * "observe" prints the view as JSON. "serve" keeps one driver and reads such words from its input, a line each, answering
 * with a line each: JSON. "count" prints the counts as JSON for each line that it reads, and ends with its input.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "plugins/swap/counts.h"
#include "plugins/swap/traffic.h"

#include <errno.h>
#include <stdio.h>

#define WORDS_MAX 16

struct options {
	struct traffic_settings traffic;
	struct counts_settings counts;
	int64_t limits[COUNTS_LIMITS_MAX];
	const char *targets[COLOURS];
	const char *words[3][WORDS_MAX + 1];
	int64_t patience;
};

static const char **split(char *text, const char **words)
{
	unsigned count = 0;

	for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
		words[count++] = word;
	return words;
}

static void add_limit(struct options *o, const char *value)
{
	if (o->counts.limit_count == COUNTS_LIMITS_MAX ||
		parse_duration(value, &o->limits[o->counts.limit_count++]) < 0)
		abort();
}

static void set_command(struct options *o, const char *key, char *value)
{
	if (streq(key, "reload"))
		o->traffic.reload = split(value, o->words[0]);
	else if (streq(key, "set_command"))
		o->traffic.set_command = split(value, o->words[1]);
	else if (streq(key, "observe_command"))
		o->traffic.observe_command = split(value, o->words[2]);
	else if (streq(key, "limit"))
		add_limit(o, value);
	else if (streq(key, "patience") && parse_duration(value, &o->patience) < 0)
		abort();
}

static void set_option(struct options *o, const char *key, char *value)
{
	const struct {
		const char *key;
		const char **place;
	} known[] = {
		{"app", &o->traffic.app},
		{"socket", &o->traffic.haproxy_socket},
		{"map", &o->traffic.haproxy_map},
		{"blue", &o->traffic.backend[COLOUR_BLUE]},
		{"green", &o->traffic.backend[COLOUR_GREEN]},
		{"server", &o->traffic.server},
		{"include", &o->traffic.nginx_include},
		{"link", &o->traffic.link},
		{"target_blue", &o->targets[COLOUR_BLUE]},
		{"target_green", &o->targets[COLOUR_GREEN]},
		{"log_socket", &o->counts.socket},
		{"log_file", &o->counts.file},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i].key, key)) {
			*known[i].place = value;
			return;
		}
	set_command(o, key, value);
}

static void print(struct buf *out)
{
	puts(buf_str(out));
	fflush(stdout);
	buf_reset(out);
}

static void print_error(int code, const struct error *error)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	json_object_begin(&json);
	json_kv_int(&json, "code", code);
	json_kv_string(&json, "error", error_text(error, code));
	json_object_end(&json);
	print(&out);
}

static void share(struct json *json, const char *key, uint32_t value)
{
	json_kv_int(json, key, value == SHARE_UNKNOWN ? -1 : (int64_t)value);
}

static void print_view(const struct traffic_view *view)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	json_object_begin(&json);
	json_kv_int(&json, "generation", (int64_t)view->generation);
	share(&json, "share", view->share);
	share(&json, "share_stored", view->share_stored);
	json_kv_bool(&json, "dropped_logs", view->dropped_logs);
	for (unsigned c = 0; c < COLOURS; c++) {
		const struct traffic_side *side = &view->side[c];

		json_key(&json, colour_name(c));
		json_object_begin(&json);
		json_kv_int(&json, "servers", side->servers);
		json_kv_int(&json, "up", side->up);
		json_kv_int(&json, "draining", side->draining);
		json_kv_int(&json, "sessions", side->sessions);
		json_kv_int(&json, "queued", side->queued);
		json_kv_int(&json, "requests", side->requests);
		json_kv_int(&json, "errors", side->errors);
		json_kv_string(&json, "state", side->state);
		json_object_end(&json);
	}
	json_object_end(&json);
	print(&out);
}

static enum colour to_colour(const char *name)
{
	return streq(name, "green") ? COLOUR_GREEN : COLOUR_BLUE;
}

static int act(struct traffic *traffic, const char *verb, const char *argument, int64_t deadline,
	struct error *error)
{
	struct traffic_view view;
	uint64_t number = 0;
	int r;

	if (streq(verb, "set"))
		return parse_uint64(argument, &number) < 0
			? -EINVAL
			: traffic->driver->set(traffic, (uint32_t)number, deadline, error);
	if (streq(verb, "drain"))
		return traffic->driver->drain(traffic, to_colour(argument), deadline, error);
	if (streq(verb, "ready"))
		return traffic->driver->ready(traffic, to_colour(argument), deadline, error);
	if (streq(verb, "cut"))
		return traffic->driver->cut(traffic, to_colour(argument), deadline, error);
	r = traffic->driver->observe(traffic, &view, deadline, error);
	if (r == 0)
		print_view(&view);
	return r;
}

static int do_one(struct traffic *traffic, const char *verb, const char *argument, int64_t patience)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = act(traffic, verb, argument, clock_ns(CLOCK_MONOTONIC) + patience, &error);

	if (r < 0)
		print_error(r, &error);
	else if (!streq(verb, "observe"))
		print_error(0, &(struct error){NULL, (char[]){""}});
	return r < 0 ? 1 : 0;
}

static int serve(struct traffic *traffic, int64_t patience)
{
	char line[256], verb[64], argument[64];

	while (fgets(line, sizeof line, stdin)) {
		*verb = *argument = '\0';
		if (sscanf(line, "%63s %63s", verb, argument) >= 1)
			do_one(traffic, verb, argument, patience);
	}
	return 0;
}

static int drive(const char *kind, const struct options *o, const char *verb, const char *argument)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct traffic *traffic;
	int r = traffic_open(kind, &o->traffic, &traffic, &error);

	if (r < 0) {
		print_error(r, &error);
		return 1;
	}
	r = streq(verb, "serve") ? serve(traffic, o->patience) : do_one(traffic, verb, argument, o->patience);
	traffic_close(traffic);
	return r;
}

static void print_counts(const struct counts_view *view, unsigned limits)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	json_object_begin(&json);
	for (unsigned c = 0; c < COLOURS; c++) {
		const struct counts_side *side = &view->side[c];

		json_key(&json, colour_name(c));
		json_object_begin(&json);
		json_kv_int(&json, "requests", (int64_t)side->requests);
		json_kv_int(&json, "errors", (int64_t)side->errors);
		json_kv_int(&json, "aborted", (int64_t)side->aborted);
		json_kv_int(&json, "redispatched", (int64_t)side->redispatched);
		json_key(&json, "slow");
		json_array_begin(&json);
		for (unsigned i = 0; i < limits; i++)
			json_uint(&json, side->slow[i]);
		json_array_end(&json);
		json_object_end(&json);
	}
	json_kv_int(&json, "others", (int64_t)view->others);
	json_kv_int(&json, "malformed", (int64_t)view->malformed);
	json_kv_int(&json, "overflows", (int64_t)view->overflows);
	json_kv_int(&json, "last_ns", view->last_ns);
	json_object_end(&json);
	print(&out);
}

static int count(struct options *o)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct counts_view view;
	struct counts *counts;
	char line[16];
	int r;

	o->counts.limits = o->limits;
	for (unsigned c = 0; c < COLOURS; c++)
		o->counts.backend[c] = o->traffic.backend[c];
	r = counts_open(&o->counts, &counts, &error);
	if (r < 0) {
		print_error(r, &error);
		return 1;
	}
	print_error(0, &(struct error){NULL, (char[]){""}});
	while (fgets(line, sizeof line, stdin)) {
		counts_view(counts, &view);
		print_counts(&view, o->counts.limit_count);
	}
	counts_close(counts);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.patience = 5 * NSEC_PER_SEC};
	int i = 2;

	o.traffic.target = o.targets;
	for (; i < argc && strchr(argv[i], '='); i++) {
		char *equals = strchr(argv[i], '=');

		*equals = '\0';
		set_option(&o, argv[i], equals + 1);
	}
	if (argc > 1 && streq(argv[1], "count"))
		return count(&o);
	if (i >= argc)
		return 2;
	return drive(argv[1], &o, argv[i], i + 1 < argc ? argv[i + 1] : "");
}
