/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <errno.h>

struct probe *probes_add(struct probes *probes, enum aspect aspect, const struct endpoint *endpoint,
	const ldns_rdf *name, ldns_rr_type type)
{
	struct probe *probe = probes->count < PROBES_MAX ? calloc(1, sizeof(*probe)) : NULL;

	if (!probe)
		return NULL;
	*probe = (struct probe){.aspect = aspect, .endpoint = endpoint, .name = name, .type = type};
	probe->query.server = &endpoint->address;
	probe->query.name = ldns_rdf_data(name);
	probe->query.name_size = ldns_rdf_size(name);
	probe->query.type = (uint16_t)type;
	probe->query.recurse = endpoint->group != GROUP_AUTHORITY;
	probe->answer = (struct answer)ANSWER_INIT;
	probes->list[probes->count++] = probe;
	return probe;
}

/* Puts the outcomes back where they belong. */
static int take(struct probe **round, struct exchange_query *queries, size_t count, int r)
{
	for (size_t i = 0; i < count; i++) {
		struct probe *probe = round[i];

		probe->query = queries[i];
		probe->asked = true;
		if (r == 0 && probe->query.outcome == EXCHANGE_ANSWERED)
			r = answer_read(&probe->answer, probe->query.answer, probe->query.answer_size,
				probe->name, probe->type);
	}
	return r;
}

int probes_ask(struct probes *probes, const struct exchange_limits *limits)
{
	_cleanup_free_ struct exchange_query *queries = calloc(probes->count + 1, sizeof(*queries));
	struct probe *round[PROBES_MAX];
	size_t count = 0;

	if (!queries)
		return -ENOMEM;
	for (size_t i = 0; i < probes->count; i++) {
		if (probes->list[i]->asked)
			continue;
		round[count] = probes->list[i];
		queries[count++] = probes->list[i]->query;
	}
	return count ? take(round, queries, count, exchange_run(queries, count, limits)) : 0;
}

const struct probe *probes_find(
	const struct probes *probes, enum aspect aspect, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < probes->count; i++)
		if (probes->list[i]->aspect == aspect && probes->list[i]->endpoint == endpoint)
			return probes->list[i];
	return NULL;
}

bool probe_answered(const struct probe *probe)
{
	return probe && probe->query.outcome == EXCHANGE_ANSWERED && probe->answer.packet;
}

void probes_done(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		exchange_query_done(&probes->list[i]->query);
		answer_done(&probes->list[i]->answer);
		free(probes->list[i]);
	}
	probes->count = 0;
}
