/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HAProxy tells about itself: "show info", "show stat PROXY 7 -1" (CSV), "show servers state BACKEND" and "get map".
 * Columns are found by their names in the header, since each version adds some. Parsers of text alone: nothing blocks.
 * -EBADMSG with an error that says what is wrong with the answer; the caller adds whose it is.
 */
#ifndef SWAP_HAPROXY_STAT_H
#define SWAP_HAPROXY_STAT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAPROXY_NAME_MAX 128
#define HAPROXY_SERVERS_MAX 4096

/* Bits of srv_admin_state in "show servers state". */
enum haproxy_admin {
	HAPROXY_ADMIN_MAINT = 0x01 | 0x02 | 0x20, /* set, inherited from a tracked server, no address */
	HAPROXY_ADMIN_MAINT_SET = 0x01,
	HAPROXY_ADMIN_MAINT_CONFIG = 0x04, /* "disabled" in the configuration */
	HAPROXY_ADMIN_DRAIN = 0x08 | 0x10,
	HAPROXY_ADMIN_DRAIN_SET = 0x08,
};

struct haproxy_info {
	uint64_t pid;
	uint64_t started; /* seconds since 1970; 0: the version does not tell */
	uint64_t processes; /* that share the configuration, each with memory of its own */
	uint64_t dropped_logs;
	bool stopping;
};

/* A row: a server, or the backend as a whole. Numbers that are not told are -1. */
struct haproxy_row {
	char name[HAPROXY_NAME_MAX];
	char status[32];
	int64_t sessions;
	int64_t queued;
	int64_t weight; /* by now: a slow start makes it smaller */
	int64_t requests;
	int64_t errors;
	unsigned admin; /* enum haproxy_admin; 0 until haproxy_state_parse() */
	int64_t set_weight; /* -1 until then */
	bool unchecked; /* "UP 1/3" by assumption: HAProxy has just started and has made no check yet */
};

struct haproxy_stat {
	struct haproxy_row backend;
	struct haproxy_row *servers;
	size_t count;
	size_t room;
};

int haproxy_info_parse(const char *text, struct haproxy_info *ret_info, struct error *error);

/* Whether HAProxy takes this as a name of a proxy or server. Then it can't be misread in a command. */
bool haproxy_name_valid(const char *name);

/* stat must be zeroed; haproxy_stat_done() also after an error. */
int haproxy_stat_parse(const char *text, const char *proxy, struct haproxy_stat *stat, struct error *error);
void haproxy_stat_done(struct haproxy_stat *stat);
#define _cleanup_haproxy_stat_ _cleanup_(haproxy_stat_done)

/* HAProxy's number of the backend, from "show servers state": -ENOENT when it has no servers. */
int haproxy_state_backend(const char *text, const char *backend, int64_t *ret_id, struct error *error);

/* Adds the servers' administrative states to what haproxy_stat_parse() found. */
int haproxy_state_parse(const char *text, struct haproxy_stat *stat, struct error *error);

/* Whether it is healthy by the checks, or has none: the status is exactly "UP" or "no check". */
bool haproxy_row_up(const struct haproxy_row *row);

/* Whether it takes no new clients: by drain, maintenance or weight 0. */
bool haproxy_row_draining(const struct haproxy_row *row);

/* Whether the configuration says "disabled", and nobody has said otherwise since: no server of ours. */
bool haproxy_row_disabled(const struct haproxy_row *row);

/* The value of a key by "get map FILE KEY": 0, or -ENOENT: there is none, or maps that differ. */
int haproxy_map_value_parse(const char *text, uint64_t *ret_value, struct error *error);

#endif
