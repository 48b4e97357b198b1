/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "base/clock.h"
#include "base/parse.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

static struct verdict verdict(enum gavea_status status, const char *format, ...) _printf_(2, 3);
static struct verdict verdict(enum gavea_status status, const char *format, ...)
{
	struct verdict verdict = {.status = status};
	va_list args;

	va_start(args, format);
	vsnprintf(verdict.text, sizeof verdict.text, format, args);
	va_end(args);
	return verdict;
}

/* Microseconds from then to now, as people say it. */
static char *ago(char buffer[static 32], uint64_t then, uint64_t now)
{
	uint64_t us = now > then ? now - then : 0;

	return format_duration_rough(buffer, (int64_t)MIN(us, (uint64_t)INT64_MAX / 1000) * NSEC_PER_USEC);
}

struct verdict judge_failed(const struct unit *unit, const struct ending *ending)
{
	const char *name = sigabbrev_np(ending->status);

	if (ending->code == CLD_EXITED && ending->status)
		return verdict(GAVEA_CRITICAL, "failed: %s, exit status %d; see systemctl status %s",
			ending->result, ending->status, unit->name);
	if (ending->code != CLD_EXITED && ending->code && name)
		return verdict(GAVEA_CRITICAL, "failed: %s, SIG%s; see systemctl status %s", ending->result,
			name, unit->name);
	if (*ending->result)
		return verdict(
			GAVEA_CRITICAL, "failed: %s; see systemctl status %s", ending->result, unit->name);
	return verdict(GAVEA_CRITICAL, "failed; see systemctl status %s", unit->name);
}

struct verdict judge_expected(const struct unit *unit, const char *wanted)
{
	if (!unit || strcmp(unit->load, "not-found") == 0)
		return verdict(GAVEA_CRITICAL, "there is no such unit, but it should be %s", wanted);
	if (strcmp(unit->active, wanted) == 0 || strcmp(unit->sub, wanted) == 0)
		return verdict(GAVEA_OK, "%s (%s)", unit->active, unit->sub);
	if (strcmp(unit->load, "masked") == 0)
		return verdict(GAVEA_CRITICAL, "is masked, but should be %s", wanted);
	return verdict(GAVEA_CRITICAL, "is %s (%s), but should be %s", unit->active, unit->sub, wanted);
}

struct verdict judge_restarts(uint32_t count, int64_t window, int64_t warning, int64_t critical)
{
	enum gavea_status status = GAVEA_OK;
	char text[32];

	if (warning && count >= warning)
		status = GAVEA_WARNING;
	if (critical && count >= critical)
		status = GAVEA_CRITICAL;
	return verdict(status, "restarted %u time%s in %s", count, count == 1 ? "" : "s",
		format_duration(text, window));
}

static bool is_set(uint64_t time)
{
	return time != 0 && time != UINT64_MAX;
}

/* How late the next run is; 0: it is not. */
static uint64_t lateness(const struct timer *timer, const struct now *now)
{
	uint64_t late = 0;

	if (is_set(timer->next_realtime) && timer->next_realtime < now->realtime)
		late = now->realtime - timer->next_realtime;
	if (is_set(timer->next_monotonic) && timer->next_monotonic < now->monotonic)
		late = MAX(late, now->monotonic - timer->next_monotonic);
	return late;
}

static struct verdict judge_age(const struct timer *timer, const struct now *now, int64_t age)
{
	char since[32], wanted[32];

	format_duration(wanted, age);
	if (!is_set(timer->last) && now->monotonic > (uint64_t)age / 1000)
		return verdict(GAVEA_CRITICAL, "has not run since boot, %s ago; wanted within %s",
			ago(since, 0, now->monotonic), wanted);
	if (!is_set(timer->last))
		return verdict(GAVEA_OK, "has not run since boot, %s ago", ago(since, 0, now->monotonic));
	if (now->realtime > timer->last && now->realtime - timer->last > (uint64_t)age / 1000)
		return verdict(GAVEA_CRITICAL, "last ran %s ago; wanted within %s",
			ago(since, timer->last, now->realtime), wanted);
	if (*timer->service_result && strcmp(timer->service_result, "success") != 0)
		return verdict(GAVEA_CRITICAL, "ran %s ago and failed: %s",
			ago(since, timer->last, now->realtime), timer->service_result);
	return verdict(GAVEA_OK, "last ran %s ago", ago(since, timer->last, now->realtime));
}

struct verdict judge_timer(const struct timer *timer, const struct now *now, int64_t grace, int64_t age)
{
	bool runs = strcmp(timer->service_active, "active") == 0 ||
		strcmp(timer->service_active, "activating") == 0;
	uint64_t late = lateness(timer, now);
	char text[32];

	if (strcmp(timer->active, "active") != 0)
		return age ? verdict(GAVEA_CRITICAL, "is %s: it will not run", timer->active)
			   : verdict(GAVEA_OK, "is %s", timer->active);
	if (!runs && late > (uint64_t)grace / 1000)
		return verdict(GAVEA_CRITICAL, "is overdue: it should have run %s ago", ago(text, 0, late));
	/* A timer that was meant to run once has "elapsed"; one that waits for nothing will never run. */
	if (!runs && strcmp(timer->sub, "waiting") == 0 && !is_set(timer->next_realtime) &&
		!is_set(timer->next_monotonic))
		return verdict(GAVEA_WARNING, "waits, but has no next run");
	if (age)
		return judge_age(timer, now, age);
	if (!is_set(timer->last))
		return verdict(GAVEA_OK, "has not run since boot");
	return verdict(GAVEA_OK, "last ran %s ago", ago(text, timer->last, now->realtime));
}

struct verdict judge_system(const char *state)
{
	if (strcmp(state, "running") == 0 || strcmp(state, "degraded") == 0 ||
		strcmp(state, "starting") == 0 || strcmp(state, "initializing") == 0)
		return verdict(GAVEA_OK, "%s", state);
	if (strcmp(state, "stopping") == 0)
		return verdict(GAVEA_WARNING, "is shutting down");
	if (strcmp(state, "maintenance") == 0)
		return verdict(GAVEA_CRITICAL, "is in rescue or emergency mode");
	return verdict(GAVEA_UNKNOWN, "is in the state \"%s\"", state);
}

struct verdict judge_watchdog(uint64_t last_monotonic, uint64_t period, uint64_t now_monotonic)
{
	char since[32], limit[32];

	/* A service is asked to say so twice a period. */
	if (!is_set(period) || !is_set(last_monotonic) || now_monotonic <= last_monotonic ||
		now_monotonic - last_monotonic <= period - period / 10)
		return verdict(GAVEA_OK, "in time");
	return verdict(GAVEA_WARNING, "its watchdog is about to fire: no sign of life for %s of %s",
		ago(since, last_monotonic, now_monotonic), ago(limit, 0, period));
}
