/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gates: conditions that must hold before a step goes on. Judged on counts of this step alone, of the new colour
 * against a limit or against the old colour at the same time, with bounds that are honest about how little a few
 * requests tell:
 *
 *   error_rate < 1%            Wilson's score interval (E. B. Wilson, JASA 22, 1927), one-sided
 *   p95 < 2s                   P(slower than 2 s) < 5 %: the same on an exact count of slow requests
 *   error_rate no increase     Newcombe's interval for a difference (R. G. Newcombe, Stat. Med. 17, 1998, method 10)
 *   p95 < 2s no increase       the same on slow requests
 *   CHECK: SAMPLE >= 4.0       a sample of another check's last result; without "CHECK:" of any check that has it
 *
 * No traffic is neither a pass nor a fail.
 */
#ifndef SWAP_GATE_H
#define SWAP_GATE_H

#include "base/error.h"
#include "compare.h"

#include <stdbool.h>
#include <stdint.h>

enum verdict {
	VERDICT_INCONCLUSIVE, /* 0: what was not judged has not passed */
	VERDICT_PASS,
	VERDICT_FAIL,
};

enum gate_kind {
	GATE_ERROR_RATE, /* of requests */
	GATE_SLOW, /* of requests slower than a limit */
	GATE_SAMPLE, /* of another check */
};

struct gate {
	enum gate_kind kind;
	bool no_increase; /* against the old colour; else against bound */
	double bound; /* a share of requests, 0 to 1; GATE_SAMPLE: the number in base units */
	int64_t limit; /* GATE_SLOW: nanoseconds */
	enum compare compare; /* GATE_SAMPLE */
	enum unit unit; /* of bound, GATE_SAMPLE */
	char *check; /* GATE_SAMPLE: "plugin/name", with * and ?; owned */
	char *sample; /* GATE_SAMPLE: NAME or NAME{LABEL="VALUE"}; owned */
	char *text; /* as it was written; owned */
};

/* -EINVAL with an error that says what was expected and at which place of the text. */
int gate_parse(const char *text, struct gate *ret_gate, struct error *error);
void gate_done(struct gate *gate);

/* What one colour got in this step: k of n. */
struct gate_counts {
	uint64_t n;
	uint64_t k;
};

/* A verdict with its numbers, all that is needed to check it by hand. */
struct gate_result {
	enum verdict verdict;
	struct gate_counts now; /* the new colour */
	struct gate_counts base; /* the old one; zero when it is not asked for */
	double lower; /* bounds that were held against the threshold: shares, or a difference of shares */
	double upper;
	double threshold; /* that a pass is held against */
	double value; /* GATE_SAMPLE */
	uint64_t needed; /* requests that would be enough at this rate; 0: not known, or enough */
	char reason[160]; /* one line for people */
};

/* Judges a gate on requests. base is looked at by "no increase" only. */
void gate_judge(const struct gate *gate, const struct gate_counts *now, const struct gate_counts *base,
	struct gate_result *ret_result);

/* Judges a gate on a sample: its value, or why there is none. */
void gate_judge_sample(
	const struct gate *gate, const double *value, const char *why_not, struct gate_result *ret_result);

/* "pass", "fail", "inconclusive". */
const char *verdict_name(enum verdict verdict);

#endif
