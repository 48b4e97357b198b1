/* SPDX-License-Identifier: Apache-2.0 */
/* What an overview is made of: hosts and problems, worst first. Everything here is under the model's lock. */
#ifndef FLEET_WEB_FIND_H
#define FLEET_WEB_FIND_H

#include "fleet/web/overview.h"

struct host_row {
	const struct model_host *host;
	enum mark mark; /* lost, or its status */
	const struct model_check *worst; /* NULL: it has no check, or all is well */
	size_t counts[4]; /* of checks, by enum gavea_status as shown */
	size_t place; /* in the order of names */
};

struct problem {
	const struct model_host *host;
	const struct model_check *check; /* NULL: the host itself */
	enum mark mark; /* its check as shown; of a lost host: what was last known */
	bool stale; /* nobody knows whether it is still so: the host is lost, or the check overdue */
	int64_t since_ms; /* by the server's clock; 0: not known */
	int rank;
};

struct found {
	struct host_row *hosts;
	size_t host_count, hosts_room;
	struct problem *problems;
	size_t problem_count, problems_room;
};

/* Fills with what the query matches. 0 or -ENOMEM. */
int find(const struct model *model, struct model_time now, const struct overview_query *query,
	struct found *ret_found);
void found_done(struct found *found);

/* A time of the agent's clock by the server's; 0 stays 0. */
int64_t server_time(const struct model_host *host, int64_t agent_ms);

/* Whether the check's state is only what was last known. */
bool check_stale(const struct model_host *host, const struct model_check *check, struct model_time now);

/* How a check is to be marked on a host: as shown; of a lost host as last known. */
enum mark check_mark(const struct model_host *host, const struct model_check *check, struct model_time now);

#endif
