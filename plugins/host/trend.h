/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast something that is left dwindles: points at regular distances, and the median of the slopes between all pairs of
 * them (Theil and Sen's estimate), which a few odd points do not move.
 */
#ifndef HOST_TREND_H
#define HOST_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TREND_POINTS_MAX = 48,
	TREND_POINTS_MIN = 8, /* fewer tell nothing */
};

struct trend_point {
	int64_t time; /* nanoseconds on any clock that does not step */
	double left;
};

struct trend {
	struct trend_point points[TREND_POINTS_MAX]; /* count of them, the oldest first */
	size_t count;
	size_t room; /* at most TREND_POINTS_MAX */
	int64_t spacing; /* nanoseconds */
	double rate; /* that dwindles in a second; negative when it grows; 0 when not known */
};

void trend_init(struct trend *trend, size_t room, int64_t spacing);

/* Takes what is left now, if enough time has passed since the last point. */
void trend_add(struct trend *trend, int64_t now, double left);

/* Nanoseconds until nothing is left, if that is within four times the span that the points cover: what lies further ahead
 * can't be told from them. INT64_MAX otherwise. */
int64_t trend_time_left(const struct trend *trend, double left);

#endif
