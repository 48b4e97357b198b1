/* SPDX-License-Identifier: Apache-2.0 */
#include "trend.h"

#include "base/clock.h"
#include "base/util.h"

enum {
	PAIRS_MAX = TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2,
	REACH = 4, /* spans ahead */
};

void trend_init(struct trend *trend, size_t room, int64_t spacing)
{
	*trend = (struct trend){
		.room = MIN(room, (size_t)TREND_POINTS_MAX), .spacing = MAX(spacing, NSEC_PER_SEC)};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of the slopes, turned round: what dwindles in a second. */
static double rate_of(const struct trend_point *points, size_t count)
{
	double slopes[PAIRS_MAX];
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			slopes[used++] = (points[i].left - points[j].left) /
				((double)(points[j].time - points[i].time) / NSEC_PER_SEC);
	qsort(slopes, used, sizeof(*slopes), by_value);
	return used % 2 ? slopes[used / 2] : (slopes[used / 2 - 1] + slopes[used / 2]) / 2;
}

void trend_add(struct trend *trend, int64_t now, double left)
{
	size_t half;

	if (trend->count && now - trend->points[trend->count - 1].time < trend->spacing)
		return;
	if (trend->count == trend->room) {
		memmove(trend->points, trend->points + 1, (trend->count - 1) * sizeof(*trend->points));
		trend->count--;
	}
	trend->points[trend->count++] = (struct trend_point){now, left};
	trend->rate = 0;
	if (trend->count < TREND_POINTS_MIN)
		return;
	/* What dwindled once and stays is over: the later half has to agree. */
	half = trend->count / 2;
	trend->rate = rate_of(trend->points, trend->count);
	trend->rate = MIN(trend->rate, rate_of(trend->points + half, trend->count - half));
}

int64_t trend_time_left(const struct trend *trend, double left)
{
	int64_t span = trend->count ? trend->points[trend->count - 1].time - trend->points[0].time : 0;
	double seconds;

	if (trend->rate <= 0)
		return INT64_MAX;
	seconds = left / trend->rate;
	if (seconds > (double)span / NSEC_PER_SEC * REACH)
		return INT64_MAX;
	return (int64_t)(seconds * NSEC_PER_SEC);
}
