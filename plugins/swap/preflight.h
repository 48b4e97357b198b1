/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preflight: what must hold before a swap may start, a line each:
 *
 *   backup/db                          ok, and its result is fresh
 *   backup/db age < 24h                and the newest backup is not older
 *   cert/www-? days > 14               every check that matches; days that the certificate has left
 *   http/shop status <= warning        a warning will do
 *   exec/load load_avg{cpu="all"} < 4 and fresh < 10min
 *   manual database-owner              a person signs it off by that name
 *
 * Words: status, fresh (age of the result), age, verified and restored (of a backup), days (of a certificate), age(SAMPLE)
 * and until(SAMPLE) for samples that are times, or a sample as it stands. Several are joined by "and".
 */
#ifndef SWAP_PREFLIGHT_H
#define SWAP_PREFLIGHT_H

#include "base/error.h"
#include "compare.h"

#include <gavea/plugin.h>
#include <stdbool.h>

#define CLAUSES_MAX 8

enum clause_kind {
	CLAUSE_STATUS, /* severity of the check's status */
	CLAUSE_FRESH, /* seconds since its last run */
	CLAUSE_VALUE, /* of a sample */
	CLAUSE_AGE, /* seconds since the time that a sample tells */
	CLAUSE_UNTIL, /* seconds until that */
};

struct clause {
	enum clause_kind kind;
	enum compare compare;
	double bound; /* base units; CLAUSE_STATUS: severity, ok 0 … critical 3 */
	char *sample; /* selector; NULL: none is asked for. Owned. */
	char *text; /* as it was written; owned */
	int watch; /* where its evidence is, after preflight_watch() */
};

struct point {
	char *text; /* as it was written; owned */
	char *checks; /* pattern; NULL: a person signs it off. Owned. */
	char *manual; /* name of the sign-off; NULL: none. Owned. */
	struct clause clauses[CLAUSES_MAX];
	size_t count;
	bool says_status; /* a clause does: else it has to be ok */
	bool says_fresh; /* likewise: else three intervals, a minute at least */
	int watch;
};

/* -EINVAL with an error that says what was expected and at which place of the text. */
int point_parse(const char *text, struct point *ret_point, struct error *error);
void point_done(struct point *point);

/* In open(): asks the host for what the point is judged by. */
int point_watch(struct gavea_check *check, struct point *point, struct error *error);

/* What became of one point, for the checklist. */
struct point_result {
	bool holds;
	int64_t age; /* of the oldest result that was looked at, nanoseconds; -1: none was */
	char evidence[256]; /* what was found: "sha256 of …", "3 checks, all ok" */
	char remedy[256]; /* what to do where it does not hold; "": nothing */
};

/* Judges a point by the evidence of this job. now: seconds since 1970. */
void point_judge(
	struct gavea_check *check, const struct point *point, double now, struct point_result *ret_result);

#endif
