/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"
#include "interval.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define FAILED_LEAST 5 /* fewer bad requests prove nothing, whatever their share */
#define INCREASE_BAD 0.002 /* more of the new colour's requests are bad, surely: no pass */
#define INCREASE_FINE 0.01 /* not more than that, surely: "no increase" can't be shown any closer */

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "pass";
	case VERDICT_FAIL:
		return "fail";
	case VERDICT_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}

static double percent(uint64_t k, uint64_t n)
{
	return n ? 100 * (double)k / (double)n : 0;
}

static const char *what(const struct gate *gate)
{
	return gate->kind == GATE_SLOW ? "too slow" : "failed";
}

/* A verdict stands on the upper bound of one look, and on the lower one of many: a hold is looked at every few seconds,
 * and may be ended by any of these looks. */
static void judge_bound(const struct gate *gate, struct gate_result *result)
{
	uint64_t k = result->now.k, n = result->now.n;
	double unused;

	wilson_interval(k, n, Z_95, &unused, &result->upper);
	wilson_interval(k, n, Z_999, &result->lower, &unused);
	result->threshold = gate->bound;
	if (k >= FAILED_LEAST && result->lower > gate->bound)
		result->verdict = VERDICT_FAIL;
	else if (result->upper < gate->bound)
		result->verdict = VERDICT_PASS;
	else
		result->needed = wilson_needed(k, gate->bound, Z_95);
}

static void judge_increase(struct gate_result *result)
{
	double unused;

	newcombe_interval(
		result->now.k, result->now.n, result->base.k, result->base.n, Z_95, &unused, &result->upper);
	newcombe_interval(
		result->now.k, result->now.n, result->base.k, result->base.n, Z_999, &result->lower, &unused);
	result->threshold = INCREASE_FINE;
	if (result->now.k >= FAILED_LEAST && result->lower > INCREASE_BAD)
		result->verdict = VERDICT_FAIL;
	else if (result->upper < INCREASE_FINE)
		result->verdict = VERDICT_PASS;
}

static void explain_bound(const struct gate *gate, struct gate_result *result)
{
	uint64_t k = result->now.k, n = result->now.n;

	if (result->verdict == VERDICT_PASS)
		snprintf(result->reason, sizeof result->reason,
			"%" PRIu64 " of %" PRIu64 " %s (%.3g %%), surely below %.3g %% (%.3g %%)", k, n,
			what(gate), percent(k, n), 100 * result->threshold, 100 * result->upper);
	else if (result->verdict == VERDICT_FAIL)
		snprintf(result->reason, sizeof result->reason,
			"%" PRIu64 " of %" PRIu64 " %s (%.3g %%), surely above %.3g %% (%.3g %%)", k, n,
			what(gate), percent(k, n), 100 * result->threshold, 100 * result->lower);
	else if (result->needed > n)
		snprintf(result->reason, sizeof result->reason,
			"%" PRIu64 " of %" PRIu64 " %s; at least %" PRIu64 " requests are needed", k, n,
			what(gate), result->needed);
	else
		snprintf(result->reason, sizeof result->reason,
			"%" PRIu64 " of %" PRIu64 " %s (%.3g %%), between %.3g and %.3g %%", k, n, what(gate),
			percent(k, n), 100 * result->lower, 100 * result->upper);
}

static void explain_increase(const struct gate *gate, struct gate_result *result)
{
	const struct gate_counts *now = &result->now, *base = &result->base;
	static const char *const ends[] = {[VERDICT_PASS] = "no increase of note",
		[VERDICT_FAIL] = "surely more",
		[VERDICT_INCONCLUSIVE] = "not sure yet"};

	snprintf(result->reason, sizeof result->reason,
		"%" PRIu64 " of %" PRIu64 " %s against %" PRIu64 " of %" PRIu64 ": %+.3g to %+.3g points, %s",
		now->k, now->n, what(gate), base->k, base->n, 100 * result->lower, 100 * result->upper,
		ends[result->verdict]);
}

void gate_judge(const struct gate *gate, const struct gate_counts *now, const struct gate_counts *base,
	struct gate_result *ret_result)
{
	*ret_result = (struct gate_result){.now = *now};
	if (gate->no_increase)
		ret_result->base = *base;
	if (now->n == 0 || (gate->no_increase && base->n == 0)) {
		ret_result->upper = 1;
		ret_result->lower = gate->no_increase ? -1 : 0;
		ret_result->threshold = gate->no_increase ? INCREASE_FINE : gate->bound;
		snprintf(ret_result->reason, sizeof ret_result->reason,
			"no requests%s yet: nothing can be said", now->n == 0 ? "" : " of the old colour");
	} else if (gate->no_increase) {
		judge_increase(ret_result);
		explain_increase(gate, ret_result);
	} else {
		judge_bound(gate, ret_result);
		explain_bound(gate, ret_result);
	}
}

void gate_judge_sample(
	const struct gate *gate, const double *value, const char *why_not, struct gate_result *ret_result)
{
	*ret_result = (struct gate_result){.threshold = gate->bound, .value = NAN};
	if (!value || isnan(*value)) {
		snprintf(ret_result->reason, sizeof ret_result->reason, "%s",
			value ? "its value is not a number" : why_not);
		return;
	}
	ret_result->value = *value;
	ret_result->verdict = compare_holds(gate->compare, *value, gate->bound) ? VERDICT_PASS : VERDICT_FAIL;
	snprintf(ret_result->reason, sizeof ret_result->reason, "it is %.6g, which has to be %s %.6g", *value,
		compare_name(gate->compare), gate->bound);
}
