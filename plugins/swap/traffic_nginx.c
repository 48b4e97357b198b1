/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx: a split_clients block in a file of ours, and a reload. nginx tells nobody which file it has read, so the file
 * itself says whether it was taken up: written as "applied: no", tested, reloaded, seen to have new workers, and then
 * written as "applied: yes".
 */
#include "base/clock.h"
#include "base/fd.h"
#include "command.h"
#include "nginx_include.h"
#include "nginx_workers.h"
#include "replace.h"
#include "traffic_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#define RELOAD_ARGUMENTS_MAX 32
#define WORKERS_PAUSE_MS 50

struct nginx {
	struct traffic base;
	const char *path;
	const char *const *reload;
	const char *test[RELOAD_ARGUMENTS_MAX + 1]; /* the same with -t; empty: reload is another program */
	struct nginx_include include;
};

static struct nginx *to_nginx(struct traffic *traffic)
{
	return (struct nginx *)traffic;
}

static int write_share(
	const struct nginx *nginx, struct replace *replace, uint32_t share, bool applied, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	nginx_include_write(&nginx->include, share, applied, &text);
	if (buf_error(&text) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	return replace_write(replace, &text, error);
}

static int wait_for_workers(
	const struct nginx *nginx, const struct nginx_workers *before, int64_t deadline, struct error *error)
{
	_cleanup_free_ struct nginx_workers *now = malloc(sizeof *now);
	int r;

	if (!now)
		return error_set(error, -ENOMEM, "out of memory");
	for (;;) {
		r = nginx_workers_read(now, error);
		if (r < 0)
			return r;
		if (nginx_workers_replaced(before, now))
			return 0;
		if (clock_ns(CLOCK_MONOTONIC) >= deadline)
			return error_set(error, -ETIMEDOUT,
				"%s: nginx has no new worker processes after the reload: see its error log",
				nginx->path);
		poll(NULL, 0, WORKERS_PAUSE_MS);
	}
}

/* Tests and reloads. *ret_sent: nginx may have taken up the file. */
static int reload(const struct nginx *nginx, int64_t deadline, bool *ret_sent, struct error *error)
{
	_cleanup_free_ struct nginx_workers *before = malloc(sizeof *before);
	int r;

	*ret_sent = false;
	if (!before)
		return error_set(error, -ENOMEM, "out of memory");
	r = nginx_workers_read(before, error);
	if (r == 0 && nginx->test[0])
		r = command_run(nginx->test, deadline, NULL, error);
	if (r < 0)
		return r;
	r = command_run(nginx->reload, deadline, NULL, error);
	*ret_sent = r == 0 || r == -ETIMEDOUT;
	return r < 0 ? r : wait_for_workers(nginx, before, deadline, error);
}

static bool in_force(const struct nginx *nginx, const struct replace *replace, uint32_t share)
{
	uint32_t stored;
	bool applied;

	return nginx_include_read(&nginx->include, replace_old(replace), &stored, &applied) == 0 && applied &&
		stored == share;
}

static int nginx_set(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error)
{
	struct nginx *nginx = to_nginx(traffic);
	_cleanup_(replace_freep) struct replace *replace = NULL;
	bool sent;
	int r;

	if (share > SHARE_ALL)
		return error_set(error, -ERANGE, "a share is 0 to %u, not %u", SHARE_ALL, share);
	r = replace_begin(nginx->path, true, deadline, &replace, error);
	if (r < 0 || in_force(nginx, replace, share))
		return r;
	r = write_share(nginx, replace, share, false, error);
	if (r < 0)
		return r;
	r = reload(nginx, deadline, &sent, error);
	if (r == 0)
		return write_share(nginx, replace, share, true, error);
	/* The file must not say what nginx did not take, else the next reload by anybody would bring it. */
	if (!sent && replace_undo(replace, NULL) < 0)
		error_prefix(error, "%s could not be put back after an error", nginx->path);
	return r;
}

/* Old workers have clients of both colours; of use is only when the last one is gone. */
static void fill_sessions(const struct nginx_workers *workers, struct traffic_view *view)
{
	for (unsigned c = 0; c < COLOURS; c++) {
		struct traffic_side *side = &view->side[c];
		uint32_t without = c == COLOUR_GREEN ? 0 : SHARE_ALL;

		if (view->share != without) {
			snprintf(side->state, sizeof side->state, "%s",
				view->share == SHARE_UNKNOWN ? "" : "in use");
			continue;
		}
		side->sessions = workers->shutting_down;
		side->queued = 0;
		snprintf(side->state, sizeof side->state, "%u old workers", workers->shutting_down);
	}
}

static int nginx_observe(
	struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	struct nginx *nginx = to_nginx(traffic);
	_cleanup_free_ struct nginx_workers *workers = malloc(sizeof *workers);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct traffic_view view;
	bool applied;
	int r;

	(void)deadline;
	if (!workers)
		return error_set(error, -ENOMEM, "out of memory");
	r = file_read(AT_FDCWD, nginx->path, REPLACE_SIZE_MAX, &text);
	if (r < 0)
		return error_set(error, r, "%s: can't read it: %s", nginx->path, error_text(NULL, r));
	r = nginx_workers_read(workers, error);
	if (r < 0)
		return r;
	traffic_view_init(&view);
	if (nginx_include_read(&nginx->include, &text, &view.share_stored, &applied) == 0 && applied)
		view.share = view.share_stored;
	fill_sessions(workers, &view);
	*ret_view = view;
	return 0;
}

/* Workers from before the reload end by themselves when their clients are served. */
static int nginx_drain(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	struct traffic_view view;
	int r = nginx_observe(traffic, &view, deadline, error);

	if (r < 0 || view.share == (colour == COLOUR_GREEN ? 0 : SHARE_ALL))
		return r;
	return error_set(error, -EOPNOTSUPP,
		"%s: nginx can't drain %s while a share of the requests goes to it", to_nginx(traffic)->path,
		colour_name(colour));
}

static int nginx_ready(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)traffic;
	(void)colour;
	(void)deadline;
	(void)error;
	return 0;
}

static int nginx_cut(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)traffic;
	(void)deadline;
	return error_set(error, -EOPNOTSUPP,
		"nginx can't end the sessions of %s alone: set worker_shutdown_timeout in its configuration",
		colour_name(colour));
}

static void nginx_close(struct traffic *traffic)
{
	free(to_nginx(traffic));
}

static const struct traffic_driver nginx_driver = {
	.name = "nginx",
	.set = nginx_set,
	.observe = nginx_observe,
	.drain = nginx_drain,
	.ready = nginx_ready,
	.cut = nginx_cut,
	.close = nginx_close,
};

/* "nginx … -s reload" is tested by "nginx … -t -q". */
static int make_test(struct nginx *nginx, struct error *error)
{
	unsigned count = 0;

	while (nginx->reload[count])
		count++;
	if (count > RELOAD_ARGUMENTS_MAX)
		return error_set(error, -EINVAL, "reload: more than %d arguments", RELOAD_ARGUMENTS_MAX);
	if (count < 3 || !streq(nginx->reload[count - 2], "-s") || !streq(nginx->reload[count - 1], "reload"))
		return 0;
	memcpy(nginx->test, nginx->reload, count * sizeof *nginx->reload);
	nginx->test[count - 2] = "-t";
	nginx->test[count - 1] = "-q";
	return 0;
}

static int check_settings(const struct traffic_settings *s, struct error *error)
{
	if (!s->nginx_include || s->nginx_include[0] != '/')
		return traffic_missing(
			"nginx", "nginx_include", "the absolute path of the file that nginx includes", error);
	if (str_empty(s->app) || !nginx_word_valid(s->app))
		return error_set(error, -EINVAL,
			"app \"%s\": a name for nginx is of letters, digits, \".\", \"_\" and \"-\"",
			s->app ? s->app : "");
	for (unsigned c = 0; c < COLOURS; c++)
		if (str_empty(s->backend[c]) || !nginx_word_valid(s->backend[c]))
			return error_set(error, -EINVAL,
				"the traffic driver nginx needs the name of the %s upstream, not \"%s\"",
				colour_name(c), s->backend[c] ? s->backend[c] : "");
	return command_check("reload", s->reload, error);
}

int traffic_nginx_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error)
{
	_cleanup_free_ struct nginx *nginx = NULL;
	int r = check_settings(settings, error);

	if (r < 0)
		return r;
	nginx = calloc(1, sizeof *nginx);
	if (!nginx)
		return error_set(error, -ENOMEM, "out of memory");
	nginx->base.driver = &nginx_driver;
	nginx->path = settings->nginx_include;
	nginx->reload = settings->reload;
	nginx->include.app = settings->app;
	for (unsigned c = 0; c < COLOURS; c++)
		nginx->include.upstream[c] = settings->backend[c];
	r = make_test(nginx, error);
	if (r < 0)
		return r;
	*ret_traffic = &TAKE_PTR(nginx)->base;
	return 0;
}
