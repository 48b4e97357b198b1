/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts over what was measured, and the checklist before a start. */
#include "app.h"

#include "base/clock.h"
#include "base/parse.h"
#include "rights.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Gates ---- */

static const uint64_t *slow_of(const struct app *app, const struct gate *gate, const struct counts_side *side)
{
	for (unsigned i = 0; i < app->settings.limit_count; i++)
		if (app->settings.limits[i] == gate->limit)
			return &side->slow[i];
	return NULL;
}

static struct gate_counts counts_of(
	const struct app *app, const struct gate *gate, const struct counts_side *side)
{
	const uint64_t *slow = gate->kind == GATE_SLOW ? slow_of(app, gate, side) : &side->errors;

	return (struct gate_counts){.n = side->requests, .k = slow ? *slow : side->requests};
}

/* The old release's requests: of the same time, as long as it has any; where the new one has them all, of this swap's
 * time before. */
static const struct counts_side *base_of(const struct app *app)
{
	const struct swap *swap = &app->swap;
	bool alone = swap->old == swap->new || swap->state == STATE_BAKE ||
		(swap->state == STATE_HOLD &&
			app->settings.steps[MIN(swap->step, app->settings.step_count - 1)].share ==
				SHARE_ALL);

	return alone ? &app->past : &app->tally.sum[swap->old];
}

static bool is_worse(enum verdict a, enum verdict b)
{
	return (a == VERDICT_FAIL && b != VERDICT_FAIL) || (a == VERDICT_INCONCLUSIVE && b == VERDICT_PASS);
}

/* The worst of what a check's samples say; a check that has none says nothing. */
static bool judge_samples(struct app *app, const struct gate *gate, const struct gavea_evidence *evidence,
	struct gate_result *ret_worst)
{
	int64_t interval = 0, age = gavea_evidence_age(app->check, evidence, &interval);
	const char *series;
	double value;
	size_t n = 0;

	for (; gavea_evidence_sample(app->check, evidence, n, &series, &value); n++) {
		struct gate_result one;

		if (age > MAX(3 * interval, 60 * NSEC_PER_SEC))
			gate_judge_sample(gate, NULL, "its last result is too old", &one);
		else
			gate_judge_sample(gate, &value, NULL, &one);
		if (n == 0 || is_worse(one.verdict, ret_worst->verdict))
			*ret_worst = one;
	}
	return n > 0;
}

static void judge_sample(struct app *app, size_t index)
{
	const struct gate *gate = &app->settings.gates[index];
	const struct gavea_evidence *evidence = NULL;
	bool is_pattern = strpbrk(gate->check, "*?") != NULL;
	struct gate_result worst = {.verdict = VERDICT_PASS};
	unsigned seen = 0;

	while ((evidence = gavea_evidence_next(app->check, app->settings.gate_watch[index], evidence))) {
		struct gate_result one;

		if (!judge_samples(app, gate, evidence, &one)) {
			/* Of many checks only some have it. */
			if (is_pattern)
				continue;
			gate_judge_sample(gate, NULL, "the check's last run gave no such sample", &one);
		}
		if (seen++ == 0 || is_worse(one.verdict, worst.verdict))
			worst = one;
	}
	if (seen == 0)
		gate_judge_sample(gate, NULL,
			is_pattern ? "no check has such a sample" : "there is no such check", &worst);
	app->gates[index] = worst;
}

static void judge_one(struct app *app, size_t index, const char *uncovered)
{
	const struct gate *gate = &app->settings.gates[index];
	struct gate_counts now, base;
	struct gate_result *result = &app->gates[index];

	if (gate->kind == GATE_SAMPLE) {
		judge_sample(app, index);
		return;
	}
	now = counts_of(app, gate, &app->tally.sum[app->swap.new]);
	base = counts_of(app, gate, base_of(app));
	gate_judge(gate, &now, &base, result);
	/* A failure that was seen stays one, however much was not. */
	if (*uncovered && result->verdict == VERDICT_PASS) {
		result->verdict = VERDICT_INCONCLUSIVE;
		snprintf(result->reason, sizeof result->reason, "%s", uncovered);
	}
}

static void sum_up(struct app *app)
{
	struct world *world = &app->world;
	size_t passed = 0;

	for (size_t i = 0; i < app->settings.gate_count; i++) {
		const struct gate_result *gate = &app->gates[i];
		const char *text = app->settings.gates[i].text;

		passed += gate->verdict == VERDICT_PASS;
		if (gate->verdict == VERDICT_FAIL && world->gates != VERDICT_FAIL) {
			world->gates = VERDICT_FAIL;
			snprintf(world->gates_text, sizeof world->gates_text, "gate \"%s\" fails: %s", text,
				gate->reason);
		} else if (gate->verdict == VERDICT_INCONCLUSIVE && world->gates == VERDICT_PASS) {
			world->gates = VERDICT_INCONCLUSIVE;
			snprintf(world->gates_text, sizeof world->gates_text,
				"gate \"%s\" is inconclusive: %s", text, gate->reason);
		}
	}
	if (world->gates == VERDICT_PASS)
		snprintf(world->gates_text, sizeof world->gates_text, "%zu of %zu gates pass", passed,
			app->settings.gate_count);
}

void app_judge(struct app *app)
{
	struct world *world = &app->world;
	char uncovered[256] = "", why[256];

	world->gates = VERDICT_PASS;
	*world->gates_text = '\0';
	if (!app_swaps(app) || *app->damage)
		return;
	if (*app->counts_error)
		snprintf(uncovered, sizeof uncovered, "requests can't be counted: %.200s", app->counts_error);
	else
		(void)(tally_is_covered(&app->tally, uncovered, sizeof uncovered));
	for (size_t i = 0; i < app->settings.gate_count; i++)
		judge_one(app, i, uncovered);
	sum_up(app);
	/* Where there are no gates health decides, and it has to be seen. */
	if (world->gates == VERDICT_PASS &&
		!world_serves(world, (enum colour)app->swap.new, why, sizeof why)) {
		world->gates = VERDICT_INCONCLUSIVE;
		snprintf(world->gates_text, sizeof world->gates_text, "%s", why);
	}
}

/* ---- The checklist ---- */

static void judge_manual(struct app *app, const struct point *point, struct point_result *result)
{
	char by[BY_SIZE], age_text[32];
	int64_t age;

	*result = (struct point_result){.age = -1};
	if (!memory_signed(app, point->manual, by, &age)) {
		snprintf(result->evidence, sizeof result->evidence, "nobody has signed it off");
	} else {
		result->age = age;
		result->holds = age <= app->settings.sign_valid;
		snprintf(result->evidence, sizeof result->evidence, "signed off by %s, %s ago%s", by,
			format_duration_rough(age_text, age), result->holds ? "" : ", which is too long");
	}
	if (!result->holds)
		snprintf(result->remedy, sizeof result->remedy, "gavea swap sign %s %s", app->settings.app,
			point->manual);
}

/* A hook that can't be run is found before anything was begun. */
static bool hooks_are_there(struct app *app)
{
	for (size_t i = 0; i < app->settings.hook_count; i++) {
		const struct hookspec *hook = &app->settings.hooks[i];

		if (access(hook->words.list[0], X_OK) == 0)
			continue;
		snprintf(app->world.ready_text, sizeof app->world.ready_text, "hook %s/%s: %.100s: %s",
			phase_name(hook->phase), hook->name, hook->words.list[0], strerror(errno));
		return false;
	}
	return true;
}

static bool not_ready(struct app *app, const char *what, const char *why)
{
	snprintf(app->world.ready_text, sizeof app->world.ready_text, "%s%.200s", what, why);
	return false;
}

/* What can't be seen would stop the swap later on, and maybe at a worse place. */
static bool world_is_seen(struct app *app)
{
	const struct world *world = &app->world;
	bool rolling = app->settings.strategy == STRATEGY_ROLLING;

	if (!world->service_seen[COLOUR_BLUE] || !(rolling || world->service_seen[COLOUR_GREEN]))
		return not_ready(app, "the service can't be seen: ", world->service_error);
	if (!world->traffic_seen)
		return not_ready(app, "the proxy can't be seen: ", world->traffic_error);
	if (*app->counts_error)
		return not_ready(app, "requests can't be counted: ", app->counts_error);
	return true;
}

static bool files_are_writable(struct app *app)
{
	const struct settings *settings = &app->settings;
	const char *kind = settings->traffic_kind;
	const char *replaced = streq(kind, "nginx") ? settings->traffic.nginx_include
		: streq(kind, "haproxy")            ? settings->traffic.haproxy_map
						    : NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = 0;

	if (replaced)
		r = rights_replace(replaced, gavea_deadline(app->check), &error);
	if (r == 0 && streq(kind, "symlink"))
		r = rights_beside(settings->traffic.link, &error);
	if (r == 0 && settings->release.directory)
		r = rights_folder(settings->release.directory, &error);
	if (r == 0 && settings->release.link)
		r = rights_beside(settings->release.link, &error);
	return r == 0 || not_ready(app, "", error_text(&error, r));
}

bool app_preflight(struct app *app)
{
	struct world *world = &app->world;
	double now = (double)clock_unix_ms() / 1000;
	size_t missing = 0;

	*world->ready_text = '\0';
	for (size_t i = 0; i < app->settings.point_count; i++) {
		const struct point *point = &app->settings.points[i];
		struct point_result *result = &app->points[i];

		if (point->manual)
			judge_manual(app, point, result);
		else
			point_judge(app->check, point, now, result);
		if (!result->holds && missing++ == 0)
			snprintf(world->ready_text, sizeof world->ready_text,
				"preflight \"%.80s\" does not hold: %.120s", point->text, result->evidence);
	}
	return missing == 0 && hooks_are_there(app) && world_is_seen(app) && files_are_writable(app);
}
