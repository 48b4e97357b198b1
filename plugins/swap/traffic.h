/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets the requests: a proxy, or something that stands for one. Shares are hundredths of a percent, 0 to 10000, of
 * requests that go to green; blue gets the rest.
 *
 * A driver never believes itself: set() and the others ask for an effect, observe() tells what is in force. What lasts
 * over a reload of the proxy (a file) is written before what is in its memory, so that a crash in between leaves a
 * difference that observe() shows and a second set() removes. All calls are idempotent, may block up to the deadline
 * (CLOCK_MONOTONIC, nanoseconds) that they are given, and return 0 or a negative errno with an error that names the
 * peer or the file. -EOPNOTSUPP: this kind of proxy can't do that. observe() is -EAGAIN while the proxy itself does not
 * know yet: in a reload, and until its first checks.
 */
#ifndef SWAP_TRAFFIC_H
#define SWAP_TRAFFIC_H

#include "base/error.h"
#include "colour.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_ALL 10000u
#define SHARE_UNKNOWN UINT32_MAX

/* What one colour looks like from the proxy. A number that the proxy does not tell is -1. */
struct traffic_side {
	int servers; /* that are configured */
	int up; /* of these, in service: checked and up, or unchecked and ready */
	int wavering; /* not counted as up, but still sent clients: a failed check or two are no end ("UP 1/3") */
	int draining; /* take no new clients */
	int64_t sessions; /* open now, WebSockets too */
	int64_t queued;
	int64_t requests; /* since the generation began */
	int64_t errors; /* answers 5xx, the proxy's own too; since the generation began */
	char state[32]; /* the servers' status in the proxy's words, "UP", "MAINT", "UP 1/2"; for people */
};

struct traffic_view {
	uint64_t generation; /* another one: the proxy was reloaded or restarted, its counts began anew */
	uint32_t share; /* that requests go by now; SHARE_UNKNOWN: can't be seen */
	uint32_t share_stored; /* that will hold after a reload of the proxy; SHARE_UNKNOWN: can't be seen */
	bool dropped_logs; /* the proxy says that it lost log lines since the last look */
	struct traffic_side side[COLOURS];
};

struct traffic;

struct traffic_driver {
	const char *name;
	int (*set)(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error);
	int (*observe)(struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline,
		struct error *error);
	/* No new clients for a colour, or again: its sessions go on. */
	int (*drain)(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error);
	int (*ready)(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error);
	/* Ends what drain() left: the last resort at the drain's deadline. */
	int (*cut)(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error);
	void (*close)(struct traffic *traffic);
};

struct traffic {
	const struct traffic_driver *driver;
};

/* What drivers are made from; strings are borrowed for the life of the driver. Which ones a driver needs it says in its
 * error. */
struct traffic_settings {
	const char *app; /* the key in the map, the name in messages */
	const char *haproxy_socket; /* "/run/haproxy/admin.sock", admin level */
	const char *haproxy_map; /* the map's path, as HAProxy's configuration has it */
	const char *backend[COLOURS]; /* names in the proxy's configuration */
	const char *server; /* of a rolling app on this host: "BACKEND/SERVER" */
	const char *nginx_include; /* the file with split_clients that we write */
	const char *const *reload; /* argv, NULL at the end: tests and reloads nginx; NULL: none */
	const char *link; /* symlink driver: the link whose target is the colour in service */
	const char *const *target; /* COLOURS of them */
	const char *const
		*set_command; /* exec driver, argv; "%p" in an argument is the share in percent, "%s" the
					   share in hundredths of a percent */
	const char *const *observe_command; /* prints one line of JSON, see README.md */
};

/* One of "haproxy", "haproxy-weights", "nginx", "symlink", "exec". No contact is made yet. -EINVAL with an error that
 * names the setting that is missing. */
int traffic_open(const char *kind, const struct traffic_settings *settings, struct traffic **ret_traffic,
	struct error *error);
void traffic_close(struct traffic *traffic);

#endif
