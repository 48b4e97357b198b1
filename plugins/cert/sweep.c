/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"

#include <sys/epoll.h>

#define EVENTS_AT_ONCE 64
#define PATIENCE_MS 200 /* between two looks at cancelled() */
#define RESOLVING_MAX 64

/* A place for one probe. */
struct slot {
	struct probe *probe; /* NULL: free */
	struct target *target;
};

struct sweep {
	const struct sweep_settings *settings;
	struct target *targets;
	size_t count;
	size_t next_resolve; /* the first target that was not asked for yet */
	size_t next_visit; /* targets before it have no waiting visits */
	size_t resolving;
	size_t running;
	struct slot *slots;
	struct resolver *resolver;
	int epoll_fd;
	int64_t now;
};

static void touch_clock(struct sweep *sweep)
{
	sweep->now = clock_ns(CLOCK_MONOTONIC);
}

/* ---- Names ---- */

/* The sockets of the resolver are told apart from those of probes by this. */
static uint64_t tag_of_resolver(int fd)
{
	return UINT64_C(1) << 63 | (unsigned)fd;
}

static void on_watch(void *userdata, int fd, bool readable, bool writable)
{
	struct sweep *sweep = userdata;
	struct epoll_event event = {
		.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
		.data.u64 = tag_of_resolver(fd),
	};

	if (!readable && !writable)
		epoll_ctl(sweep->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(sweep->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
		epoll_ctl(sweep->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void not_resolved(struct target *target, int r, const struct error *error)
{
	bool no_name = r == -ENOENT || r == -EINVAL;

	findings_add(&target->findings, no_name ? GAVEA_CRITICAL : GAVEA_UNKNOWN, FINDING_BREAKS,
		no_name ? "correct the name, or the zone" : "look at this host's resolver", "%s",
		error_text(error, r));
}

static void on_answer(
	void *userdata, int result, const struct addresses *addresses, const struct error *error)
{
	struct target *target = userdata;
	struct sweep *sweep = target->sweep;
	size_t count = sweep->settings->first_only ? MIN(addresses->count, (size_t)1) : addresses->count;

	if (!target->resolving)
		return; /* it took too long, and that was said */
	target->resolving = false;
	sweep->resolving--;
	touch_clock(sweep);
	target->resolve_time = target->end = sweep->now;
	target->resolve_time -= target->begin;
	if (result < 0) {
		not_resolved(target, result, error);
		return;
	}
	target->visits = calloc(count, sizeof(*target->visits));
	if (!target->visits) {
		target->findings.lost = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		target->visits[i].address = addresses->list[i];
	target->count = target->waiting = count;
	sweep->next_visit = MIN(sweep->next_visit, (size_t)(target - sweep->targets));
}

static void begin_resolving(struct sweep *sweep)
{
	while (sweep->next_resolve < sweep->count && sweep->resolving < RESOLVING_MAX &&
		sweep->resolving + sweep->running < 2 * (size_t)sweep->settings->concurrency) {
		struct target *target = &sweep->targets[sweep->next_resolve++];
		struct resolve_request request = {
			.host = target->endpoint->host,
			.port = target->endpoint->port,
			.family = sweep->settings->family,
		};

		target->sweep = sweep;
		target->begin = sweep->now;
		target->resolving = true;
		sweep->resolving++;
		resolver_ask(sweep->resolver, &request, on_answer, target);
	}
}

/* ---- Visits ---- */

static struct slot *free_slot(struct sweep *sweep)
{
	for (unsigned i = 0; i < sweep->settings->concurrency; i++)
		if (!sweep->slots[i].probe)
			return &sweep->slots[i];
	return NULL;
}

static void leave(struct sweep *sweep, struct slot *slot)
{
	touch_clock(sweep);
	slot->target->running--;
	slot->target->end = sweep->now;
	sweep->running--;
	probe_free(slot->probe);
	*slot = (struct slot){0};
}

static void begin_visit(struct sweep *sweep, struct target *target, struct slot *slot)
{
	struct visit *visit = &target->visits[target->count - target->waiting--];
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u64 = (uint64_t)(slot - sweep->slots),
	};
	struct probe *probe = probe_new(&sweep->settings->probe, target->endpoint, &visit->address,
		sweep->now, sweep->now + sweep->settings->target_timeout, &visit->outcome);

	target->end = sweep->now;
	if (!probe)
		return;
	*slot = (struct slot){probe, target};
	target->running++;
	sweep->running++;
	if (epoll_ctl(sweep->epoll_fd, EPOLL_CTL_ADD, probe_fd(probe), &event) < 0) {
		visit->outcome.verdict.findings.lost = true;
		leave(sweep, slot);
	}
}

static void begin_visits(struct sweep *sweep)
{
	while (sweep->next_visit < sweep->count) {
		struct target *target = &sweep->targets[sweep->next_visit];
		struct slot *slot;

		if (!target->waiting) {
			/* Those that are still asked for come back to here by their answers. */
			sweep->next_visit++;
			continue;
		}
		slot = free_slot(sweep);
		if (!slot)
			return;
		begin_visit(sweep, target, slot);
	}
}

/* ---- Time ---- */

static void expire(struct sweep *sweep)
{
	char time[32];

	for (unsigned i = 0; i < sweep->settings->concurrency; i++) {
		struct slot *slot = &sweep->slots[i];

		if (slot->probe && probe_deadline(slot->probe) <= sweep->now &&
			probe_expire(slot->probe, sweep->now))
			leave(sweep, slot);
	}
	for (size_t i = 0; sweep->resolving && i < sweep->next_resolve; i++) {
		struct target *target = &sweep->targets[i];

		if (!target->resolving || sweep->now - target->begin < sweep->settings->target_timeout)
			continue;
		target->resolving = false;
		target->end = sweep->now;
		sweep->resolving--;
		findings_add(&target->findings, GAVEA_UNKNOWN, FINDING_BREAKS, "look at this host's resolver",
			"%s: no name server answered in %s", target->endpoint->host,
			format_duration_rough(time, sweep->now - target->begin));
	}
}

static int patience(const struct sweep *sweep)
{
	int64_t next = MIN(sweep->settings->deadline, sweep->now + PATIENCE_MS * NSEC_PER_MSEC);

	for (unsigned i = 0; i < sweep->settings->concurrency; i++)
		if (sweep->slots[i].probe)
			next = MIN(next, probe_deadline(sweep->slots[i].probe));
	next = next > sweep->now ? (next - sweep->now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;
	return sweep->resolving ? resolver_patience(sweep->resolver, (int)next) : (int)next;
}

/* ---- The loop ---- */

static void take_event(struct sweep *sweep, const struct epoll_event *event)
{
	struct slot *slot;

	if (event->data.u64 >> 63) {
		resolver_process(sweep->resolver, (int)(event->data.u64 & INT32_MAX),
			event->events & ~(unsigned)EPOLLOUT, event->events & EPOLLOUT);
		return;
	}
	slot = &sweep->slots[event->data.u64];
	if (slot->probe && probe_step(slot->probe, sweep->now))
		leave(sweep, slot);
}

static int wait_once(struct sweep *sweep)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(sweep->epoll_fd, events, EVENTS_AT_ONCE, patience(sweep));

	if (count < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < count; i++) {
		touch_clock(sweep);
		take_event(sweep, &events[i]);
	}
	touch_clock(sweep);
	if (sweep->resolving)
		resolver_process(sweep->resolver, -1, false, false);
	expire(sweep);
	return 0;
}

static bool has_work(const struct sweep *sweep)
{
	return sweep->next_resolve < sweep->count || sweep->resolving || sweep->running ||
		sweep->next_visit < sweep->count;
}

static int go(struct sweep *sweep)
{
	const struct sweep_settings *settings = sweep->settings;
	int r = 0;

	touch_clock(sweep);
	begin_resolving(sweep);
	begin_visits(sweep);
	while (r == 0 && has_work(sweep) && sweep->now < settings->deadline) {
		if (settings->cancelled && settings->cancelled(settings->userdata))
			return -ECANCELED;
		r = wait_once(sweep);
		begin_resolving(sweep);
		begin_visits(sweep);
	}
	return r;
}

/* What the deadline cut off is unknown. */
static void cut_off(struct sweep *sweep)
{
	static const char remedy[] = "raise timeout, or check fewer endpoints in one check";

	for (unsigned i = 0; i < sweep->settings->concurrency; i++)
		if (sweep->slots[i].probe) {
			probe_abandon(sweep->slots[i].probe);
			leave(sweep, &sweep->slots[i]);
		}
	for (size_t i = 0; i < sweep->count; i++) {
		struct target *target = &sweep->targets[i];

		if (target->resolving || i >= sweep->next_resolve)
			findings_add(&target->findings, GAVEA_UNKNOWN, FINDING_BREAKS, remedy,
				"the time of the check ran out");
		target->resolving = false;
		while (target->waiting)
			findings_add(
				&target->visits[target->count - target->waiting--].outcome.verdict.findings,
				GAVEA_UNKNOWN, FINDING_BREAKS, remedy, "the time of the check ran out");
	}
}

int sweep(const struct sweep_settings *settings, struct target *targets, size_t count, struct error *error)
{
	struct sweep sweep = {.settings = settings, .targets = targets, .count = count};
	struct resolver_hooks hooks = {.watch = on_watch, .userdata = &sweep};
	int r = 0;

	if (count == 0)
		return 0;
	sweep.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sweep.slots = calloc(settings->concurrency, sizeof(*sweep.slots));
	if (sweep.epoll_fd < 0 || !sweep.slots)
		r = error_set(error, -ENOMEM, "cannot begin: %s", strerror(sweep.slots ? errno : ENOMEM));
	if (r == 0)
		r = resolver_new(&hooks, &sweep.resolver, error);
	if (r == 0) {
		r = go(&sweep);
		if (r < 0)
			error_set(error, r, "%s", strerror(-r));
		cut_off(&sweep);
	}
	resolver_free(sweep.resolver);
	free(sweep.slots);
	fd_close(sweep.epoll_fd);
	return r;
}

void targets_free(struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		findings_done(&targets[i].findings);
		for (size_t j = 0; j < targets[i].count; j++)
			verdict_done(&targets[i].visits[j].outcome.verdict);
		free(targets[i].visits);
	}
	free(targets);
}
