/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavea-swap-deadman FOLDER: looks once at the heartbeats of all swaps below the plugin's state directory, and does the
 * last will of each that is overdue. With --every SECONDS it looks again and again, for as long as there is one.
 *
 * It needs nothing of the agent, which may be dead, hung or uninstalled. One that can't be helped does not keep the
 * others from it. Exit status: 0, or 1 when a will could not be done.
 */
#include "../heartbeat.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRAFFIC_PATIENCE (20 * NSEC_PER_SEC)

static int redirect(const struct heartbeat *heartbeat, struct error *error)
{
	struct traffic *traffic;
	int r = traffic_open(heartbeat->traffic, &heartbeat->settings, &traffic, error);

	if (r < 0)
		return r;
	r = traffic->driver->set(
		traffic, heartbeat->share, clock_ns(CLOCK_MONOTONIC) + TRAFFIC_PATIENCE, error);
	traffic_close(traffic);
	return r;
}

static int execute(const char *folder, const struct heartbeat *heartbeat)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = redirect(heartbeat, &error);

	if (r < 0) {
		log_error("%s, swap %s: nobody watches it, and its traffic could not be taken back: %s",
			heartbeat->app, heartbeat->swap, error_text(&error, r));
		return r;
	}
	r = heartbeat_mark(folder, heartbeat);
	if (r < 0) {
		log_error("%s: %s", folder, strerror(-r));
		return r;
	}
	log_warning("%s, swap %s: nobody watched it; %u.%02u %% of the requests go to green now",
		heartbeat->app, heartbeat->swap, heartbeat->share / 100, heartbeat->share % 100);
	return 0;
}

/* 1: it lives; 0: it is gone, or was executed; or a negative number. */
static int look_at(const char *path)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *folder = strndup(path, strlen(path) - strlen("/" HEARTBEAT_FILE));
	struct heartbeat heartbeat;
	int r;

	if (!folder)
		return -ENOMEM;
	r = heartbeat_read(folder, &heartbeat, &error);
	if (r == -ENOENT)
		return 0; /* taken away meanwhile */
	if (r < 0) {
		log_error("%s", error_text(&error, r));
		return r;
	}
	r = heartbeat_overdue(&heartbeat, clock_ns(CLOCK_BOOTTIME)) ? execute(folder, &heartbeat) : 1;
	heartbeat_done(&heartbeat);
	return r;
}

/* How many are left, or a negative number. */
static int look(const char *state)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t found = {0};
	int left = 0, error = 0;

	if (asprintf(&pattern, "%s/*/files/" HEARTBEAT_FILE, state) < 0)
		return -ENOMEM;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int r = look_at(found.gl_pathv[i]);

			if (r < 0)
				error = r;
			left += r != 0;
		}
	globfree(&found);
	return error < 0 && left == 0 ? error : left > 0 && error < 0 ? error : left;
}

static int watch(const char *state, uint64_t seconds)
{
	const struct timespec pause = {.tv_sec = (time_t)seconds};
	int r;

	/* One that can't be helped now may be later. */
	while ((r = look(state)) != 0)
		clock_nanosleep(CLOCK_BOOTTIME, 0, &pause, NULL);
	return r;
}

int main(int argc, char **argv)
{
	uint64_t seconds = 0;

	if (argc == 4 && streq(argv[1], "--every") && parse_uint64(argv[2], &seconds) == 0 && seconds > 0 &&
		seconds <= 3600)
		return watch(argv[3], seconds) < 0;
	if (argc == 2 && argv[1][0] != '-')
		return look(argv[1]) < 0;
	fprintf(stderr, "usage: gavea-swap-deadman [--every SECONDS] FOLDER\n");
	return 2;
}
