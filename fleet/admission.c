/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/admission.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/strmap.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define AGENTS_MAX 20000 /* remembered; twice the hosts of the model */
#define PACE_FIRST 200.0 /* appointments a second, before anything was measured */
#define PACE_MIN 50.0
#define PACE_WINDOW_NS (NSEC_PER_SEC / 4)
#define WAIT_MIN_MS 1000u

/* Each allowance is the time at which it will be whole again: it is used up when that is the burst away. */
struct allowance {
	int64_t reports_ns;
	int64_t bytes_ns;
	unsigned waiting;
};

struct admission {
	struct admission_settings settings;
	pthread_mutex_t mutex;
	struct strmap agents; /* struct allowance */
	int64_t pruned_ns;
	double pace; /* reports a second, as lately served */
	int64_t window_ns; /* since when served counts */
	uint64_t served;
	int64_t next_ns; /* the first appointment that is free */
};

struct admission *admission_new(const struct admission_settings *settings)
{
	struct admission *admission = calloc(1, sizeof *admission);

	if (!admission)
		return NULL;
	admission->settings = *settings;
	admission->pace = PACE_FIRST;
	pthread_mutex_init(&admission->mutex, NULL);
	return admission;
}

void admission_free(struct admission *admission)
{
	if (!admission)
		return;
	strmap_done(&admission->agents, free);
	pthread_mutex_destroy(&admission->mutex);
	free(admission);
}

/* Who has all of its allowance need not be remembered. At most once a second: it goes through all. */
static void prune(struct admission *admission, int64_t now_ns)
{
	struct strmap kept = STRMAP_INIT;
	const struct strmap_entry *entry;
	size_t at = 0;

	if (admission->agents.count < AGENTS_MAX || now_ns - admission->pruned_ns < NSEC_PER_SEC)
		return;
	admission->pruned_ns = now_ns;
	while ((entry = strmap_next(&admission->agents, &at))) {
		struct allowance *allowance = entry->value;
		bool full = allowance->waiting == 0 && allowance->reports_ns <= now_ns &&
			allowance->bytes_ns <= now_ns;

		if (full || strmap_set(&kept, entry->key, allowance, NULL) < 0)
			free(allowance);
	}
	strmap_done(&admission->agents, NULL);
	admission->agents = kept;
}

static struct allowance *find(struct admission *admission, const char *agent_id, int64_t now_ns)
{
	struct allowance *allowance = strmap_get(&admission->agents, agent_id);

	if (allowance)
		return allowance;
	prune(admission, now_ns);
	if (admission->agents.count >= AGENTS_MAX)
		return NULL;
	allowance = calloc(1, sizeof *allowance);
	if (allowance && strmap_set(&admission->agents, agent_id, allowance, NULL) < 0) {
		free(allowance);
		return NULL;
	}
	return allowance;
}

/* How long until this much of an allowance is there; 0: it is. */
static int64_t missing(int64_t whole_ns, int64_t now_ns)
{
	return MAX((int64_t)0, whole_ns - now_ns - ADMISSION_BURST_S * NSEC_PER_SEC);
}

static int judge(struct admission *admission, struct allowance *allowance, size_t bytes, int64_t now_ns,
	uint32_t *ret_wait_ms)
{
	const struct admission_settings *settings = &admission->settings;
	int64_t wait = MAX(missing(allowance->reports_ns, now_ns), missing(allowance->bytes_ns, now_ns));

	if (wait > 0) {
		*ret_wait_ms = (uint32_t)(wait / NSEC_PER_MSEC) + 1;
		return -EAGAIN;
	}
	if (allowance->waiting >= ADMISSION_WAITING_MAX)
		return -EBUSY;
	if (settings->reports_per_s > 0)
		allowance->reports_ns =
			MAX(allowance->reports_ns, now_ns) + NSEC_PER_SEC / settings->reports_per_s;
	if (settings->bytes_per_s > 0)
		allowance->bytes_ns = MAX(allowance->bytes_ns, now_ns) +
			(int64_t)((double)bytes / (double)settings->bytes_per_s * 1e9);
	allowance->waiting++;
	return 0;
}

int admission_begin(struct admission *admission, const char *agent_id, size_t bytes, int64_t now_ns,
	uint32_t *ret_wait_ms)
{
	struct allowance *allowance;
	int r = -EBUSY;

	pthread_mutex_lock(&admission->mutex);
	allowance = find(admission, agent_id, now_ns);
	if (allowance)
		r = judge(admission, allowance, bytes, now_ns, ret_wait_ms);
	pthread_mutex_unlock(&admission->mutex);
	return r;
}

void admission_end(struct admission *admission, const char *agent_id)
{
	struct allowance *allowance;

	pthread_mutex_lock(&admission->mutex);
	allowance = strmap_get(&admission->agents, agent_id);
	if (allowance && allowance->waiting > 0)
		allowance->waiting--;
	pthread_mutex_unlock(&admission->mutex);
}

/* A line that stands moves on at the new pace. */
static void set_pace(struct admission *admission, double pace, int64_t now_ns)
{
	int64_t line_ns = admission->next_ns - now_ns;

	if (line_ns > 0)
		admission->next_ns = now_ns + (int64_t)((double)line_ns * admission->pace / pace);
	admission->pace = pace;
}

static void measure(struct admission *admission, int64_t now_ns)
{
	int64_t passed = now_ns - admission->window_ns;

	if (passed < PACE_WINDOW_NS)
		return;
	/* After a calm the first window tells nothing of what could be served. */
	if (passed < 4 * PACE_WINDOW_NS) {
		double seen = (double)admission->served * 1e9 / (double)passed;

		set_pace(admission, MAX(PACE_MIN, (admission->pace + seen) / 2), now_ns);
	}
	admission->window_ns = now_ns;
	admission->served = 0;
}

void admission_served(struct admission *admission, int64_t now_ns)
{
	pthread_mutex_lock(&admission->mutex);
	admission->served++;
	measure(admission, now_ns);
	pthread_mutex_unlock(&admission->mutex);
}

uint32_t admission_appointment(struct admission *admission, int64_t now_ns)
{
	const int64_t most = ADMISSION_WAIT_MAX_MS * NSEC_PER_MSEC;
	uint32_t wait_ms;
	int64_t at;

	pthread_mutex_lock(&admission->mutex);
	at = MAX(admission->next_ns, now_ns + WAIT_MIN_MS * NSEC_PER_MSEC);
	if (at - now_ns > most)
		/* The line is longer than anybody shall wait: some of them are refused once more. */
		at = now_ns + most / 2 + (int64_t)random_below((uint64_t)most / 2);
	else
		admission->next_ns = at + (int64_t)(1e9 / admission->pace);
	pthread_mutex_unlock(&admission->mutex);
	wait_ms = (uint32_t)((at - now_ns) / NSEC_PER_MSEC);
	wait_ms = wait_ms / 2 + (uint32_t)random_below(wait_ms);
	return MIN(wait_ms, ADMISSION_WAIT_MAX_MS);
}
