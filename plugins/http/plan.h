/* SPDX-License-Identifier: Apache-2.0 */
/* What a check is to do: its options, judged and taken apart. */
#ifndef HTTP_PLAN_H
#define HTTP_PLAN_H

#include "condition.h"

#include <gavea/plugin.h>

enum {
	STEPS_MAX = 50,
	STEP_NAME_MAX = 32,
	STEP_ENTRIES_MAX = 64, /* conditions, headers or extractions of one step */
	STEP_SERIES_SETS_MAX = 64, /* addresses of which there are samples */
};

/* Numbers of the series of one step, at one address when each is tried by itself. */
struct series_set {
	char address[64];
	int success, duration, status, redirects, length, version, expiry;
	int phases[PHASES];
};

struct step {
	char name[STEP_NAME_MAX + 1]; /* "": there is one request only, without a name */
	char *method; /* NULL: GET, or POST with a body */
	char *target; /* template: a URL, or a path below the plan's url */
	char *headers[STEP_ENTRIES_MAX]; /* templates */
	size_t header_count;
	char *body; /* template; NULL: none */
	bool json; /* the body is JSON */
	struct condition *expect[STEP_ENTRIES_MAX], *warn[STEP_ENTRIES_MAX];
	size_t expect_count, warn_count;
	struct extraction *extract[STEP_ENTRIES_MAX];
	size_t extract_count;
	struct series_set *series;
	size_t series_count, series_room;
};

struct plan {
	char *url;
	char *origin; /* of url, "https://host:port", without a slash at the end */
	struct step *steps;
	size_t step_count, step_room;
};

/*
 * Reads url, steps, method, header, body, json, expect, warn and extract. 0, or a negative errno with an error that
 * names the option and the step. given[]: names of variables that there are from the start, NULL at the end.
 */
int plan_read(struct gavea_check *check, const char *const *given, struct plan *plan, struct error *error);
void plan_done(struct plan *plan);

/* "name: rest": the length of the name, and the rest without blanks before it. 0: not of that form. "*" is a name. */
size_t step_label(const char *text, const char **ret_rest);
/* "GET /path", "/path", "https://host/path". 0, -EINVAL with an error, -ENOMEM. */
int step_parse_request(const char *text, struct step *step, struct error *error);

#endif
