/* SPDX-License-Identifier: Apache-2.0 */
#include "counts_internal.h"

#include "base/clock.h"
#include "logline.h"

#include <string.h>

static bool same(const struct logtext *text, const char *name, size_t size)
{
	return text->size == size && memcmp(text->at, name, size) == 0;
}

static bool matches(const struct counts_name *name, const struct logline *line)
{
	return same(&line->backend, name->backend, name->backend_size) &&
		(!name->server || same(&line->server, name->server, name->server_size));
}

/* -1: neither. */
static int colour_of(const struct counts *counts, const struct logline *line)
{
	for (int c = 0; c < COLOURS; c++)
		if (counts->name[c].backend && matches(&counts->name[c], line))
			return c;
	return -1;
}

/* Whom the client was meant for. Two servers of one backend: whoever answered in another's place stands for that one. */
static int meant_for(const struct counts *counts, const struct logline *line, int colour)
{
	int other = (int)colour_other((enum colour)colour);

	if (line->redispatched && counts->name[colour].server && counts->name[other].server)
		return other;
	return colour;
}

static void count_answer(const struct counts *counts, const struct logline *line, struct counts_side *side)
{
	bool lost = line->wait < 0 && line->failed;

	side->requests++;
	/* That another server saved the answer does not make the first one healthy. */
	side->errors += line->failed || line->redispatched;
	side->redispatched += line->redispatched;
	for (unsigned i = 0; i < counts->limit_count; i++)
		side->slow[i] += lost || line->wait >= counts->limit[i];
}

void counts_add(const struct counts *counts, const char *text, size_t size, struct counts_view *sum)
{
	struct logline line;
	int colour;

	/* HAProxy sends words about itself too: "Proxy shop stopped". */
	if (!memchr(text, '{', size)) {
		sum->others++;
		return;
	}
	if (logline_parse(text, size, &line) < 0) {
		sum->malformed++;
		return;
	}
	colour = colour_of(counts, &line);
	if (colour < 0) {
		sum->others++;
		return;
	}
	colour = meant_for(counts, &line, colour);
	if (line.aborted && !line.redispatched)
		sum->side[colour].aborted++;
	else
		count_answer(counts, &line, &sum->side[colour]);
}

static void add_side(struct counts_side *to, const struct counts_side *from)
{
	to->requests += from->requests;
	to->errors += from->errors;
	to->aborted += from->aborted;
	to->redispatched += from->redispatched;
	for (unsigned i = 0; i < COUNTS_LIMITS_MAX; i++)
		to->slow[i] += from->slow[i];
}

void counts_commit(struct counts *counts, const struct counts_view *sum)
{
	pthread_mutex_lock(&counts->mutex);
	for (unsigned c = 0; c < COLOURS; c++)
		add_side(&counts->view.side[c], &sum->side[c]);
	counts->view.others += sum->others;
	counts->view.malformed += sum->malformed;
	counts->view.overflows += sum->overflows;
	counts->view.last_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_unlock(&counts->mutex);
}

void counts_line(struct counts *counts, const char *line, size_t size)
{
	struct counts_view sum = {0};

	counts_add(counts, line, size, &sum);
	counts_commit(counts, &sum);
}

void counts_view(struct counts *counts, struct counts_view *ret_view)
{
	pthread_mutex_lock(&counts->mutex);
	*ret_view = counts->view;
	pthread_mutex_unlock(&counts->mutex);
}
