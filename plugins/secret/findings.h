/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a run, and the baseline: those that were accepted, with a reason and until a day. */
#ifndef SECRET_FINDINGS_H
#define SECRET_FINDINGS_H

#include "sighting.h"

#define FINDINGS_MAX 2000

struct finding {
	char *path;
	struct sighting what;
	bool readable; /* by others */
	enum finding_state { FINDING_NEW, FINDING_ACCEPTED, FINDING_EXPIRED } state;
};

struct acceptance {
	char fingerprint[FINGERPRINT_SIZE];
	int64_t until; /* days since 1970 */
};

struct baseline {
	struct acceptance *list;
	size_t count;
	size_t room;
};

struct findings {
	struct finding *list;
	size_t count;
	size_t room;
	uint64_t dropped; /* beyond FINDINGS_MAX */
};

/* Lines of "FINGERPRINT YYYY-MM-DD REASON"; the day is the last one on which it holds. */
int baseline_parse(struct baseline *baseline, const char *text, const char *file, struct error *error);
int baseline_read(struct baseline *baseline, const char *path, struct error *error);
void baseline_done(struct baseline *baseline);

int findings_add(struct findings *findings, const char *path, const struct sighting *what, bool readable);
/* Takes back all but the first count of them. */
void findings_cut(struct findings *findings, size_t count);
/* today: days since 1970. */
void findings_judge(struct findings *findings, const struct baseline *baseline, int64_t today);
void findings_done(struct findings *findings);

#endif
