/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/find.h"

#include "base/status.h"

#include <errno.h>

enum rank {
	RANK_STALE = 1, /* and its severity on top, up to 4 */
	RANK_NOT_RUN = 5,
	RANK_CONFLICT = 6,
	RANK_LIVE = 6, /* and its severity on top: 7 to 9 */
	RANK_LOST = 10,
};

int64_t server_time(const struct model_host *host, int64_t agent_ms)
{
	return agent_ms > 0 ? agent_ms - host->skew_ms : 0;
}

bool check_stale(const struct model_host *host, const struct model_check *check, struct model_time now)
{
	return check->has_result && (host->liveness == MODEL_LOST || model_check_overdue(host, check, now));
}

enum mark check_mark(const struct model_host *host, const struct model_check *check, struct model_time now)
{
	return (enum mark)model_check_shown(host, check, now);
}

static bool has_text(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool host_has_text(const struct model_host *host, const char *text)
{
	if (has_text(host->name, text) || has_text(host->id, text) || has_text(host->address, text))
		return true;
	for (size_t i = 0; i < host->label_count; i++) {
		_cleanup_buf_ struct buf label = BUF_INIT;

		buf_printf(&label, "%s=%s", host->labels[i].name, host->labels[i].value);
		if (has_text(buf_str(&label), text))
			return true;
	}
	return false;
}

static int add_problem(struct found *found, const struct problem *problem)
{
	if (GROW(found->problems, found->problem_count, found->problems_room) < 0)
		return -ENOMEM;
	found->problems[found->problem_count++] = *problem;
	return 0;
}

static int64_t since_of(const struct model_host *host, const struct model_check *check, bool overdue)
{
	if (!check->has_result)
		return 0;
	return overdue ? check->received_ms : server_time(host, check->since_ms);
}

static struct problem problem_of(
	const struct model_host *host, const struct model_check *check, struct model_time now)
{
	struct problem problem = {host, check, check_mark(host, check, now), false, 0, 0};
	int severity = status_severity((int)problem.mark);

	problem.stale = check_stale(host, check, now);
	problem.since_ms = since_of(host, check, model_check_overdue(host, check, now));
	if (host->liveness == MODEL_LOST)
		problem.rank = RANK_STALE + severity;
	else
		problem.rank = check->has_result ? RANK_LIVE + severity : RANK_NOT_RUN;
	return problem;
}

static bool wants_problem(
	const struct overview_query *query, const struct problem *problem, bool host_matches)
{
	if (query->status >= 0 && (int)problem->mark != query->status)
		return false;
	return host_matches ||
		(problem->check &&
			(has_text(problem->check->name, query->text) ||
				has_text(problem->check->summary, query->text)));
}

/* What is wrong with the host itself. */
static int host_problems(
	struct found *found, const struct model_host *host, const struct overview_query *query, bool matches)
{
	struct problem lost = {host, NULL, MARK_LOST, false, host->liveness_since_ms, RANK_LOST};
	struct problem conflict = {host, NULL, MARK_WARNING, false, 0, RANK_CONFLICT};
	int r = 0;

	if (host->liveness == MODEL_LOST && wants_problem(query, &lost, matches))
		r = add_problem(found, &lost);
	if (r == 0 && host->conflict && wants_problem(query, &conflict, matches))
		r = add_problem(found, &conflict);
	return r;
}

static int find_in_host(struct found *found, const struct model_host *host, size_t place,
	struct model_time now, const struct overview_query *query)
{
	struct host_row row = {.host = host, .place = place};
	bool matches = host_has_text(host, query->text);
	enum gavea_status worst = GAVEA_OK;
	int r = host_problems(found, host, query, matches);

	for (size_t i = 0; i < host->check_count && r == 0; i++) {
		struct problem problem = problem_of(host, host->checks[i], now);

		row.counts[problem.mark]++;
		if (problem.mark == MARK_OK)
			continue;
		if (!row.worst || status_severity((int)problem.mark) > status_severity((int)worst)) {
			row.worst = host->checks[i];
			worst = (enum gavea_status)problem.mark;
		}
		if (wants_problem(query, &problem, matches))
			r = add_problem(found, &problem);
	}
	row.mark = host->liveness == MODEL_LOST ? MARK_LOST : (enum mark)worst;
	if (r < 0 || !matches || (query->status >= 0 && (int)row.mark != query->status))
		return r;
	if (GROW(found->hosts, found->host_count, found->hosts_room) < 0)
		return -ENOMEM;
	found->hosts[found->host_count++] = row;
	return 0;
}

static int mark_severity(enum mark mark)
{
	return mark == MARK_LOST ? 4 : status_severity((int)mark);
}

static int compare_rows(const void *a, const void *b)
{
	const struct host_row *x = a, *y = b;
	int order = mark_severity(y->mark) - mark_severity(x->mark);

	return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

/* The worst first, and of what is equally bad the newest: it is what changed last. */
static int compare_problems(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int order = y->rank - x->rank;

	if (order)
		return order;
	if (x->since_ms != y->since_ms)
		return x->since_ms > y->since_ms ? -1 : 1;
	order = strcmp(x->host->name, y->host->name);
	if (!order)
		order = strcmp(x->host->id, y->host->id);
	return order || !x->check || !y->check ? order : strcmp(x->check->name, y->check->name);
}

int find(const struct model *model, struct model_time now, const struct overview_query *query,
	struct found *ret_found)
{
	struct found found = {};
	size_t place = 0;
	int r = 0;

	for (const struct model_host *host = model_host_first(model); host && r == 0;
		host = model_host_next(model, host))
		r = find_in_host(&found, host, place++, now, query);
	if (r < 0) {
		found_done(&found);
		return r;
	}
	if (found.host_count > 0)
		qsort(found.hosts, found.host_count, sizeof *found.hosts, compare_rows);
	if (found.problem_count > 0)
		qsort(found.problems, found.problem_count, sizeof *found.problems, compare_problems);
	*ret_found = found;
	return 0;
}

void found_done(struct found *found)
{
	free(found->hosts);
	free(found->problems);
	*found = (struct found){};
}
