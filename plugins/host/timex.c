/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of its clock, from adjtimex(2), which is only asked: node_timex_*. */
#include "collector.h"

#include "base/util.h"

#include <errno.h>
#include <math.h>
#include <sys/timex.h>

enum {
	OFFSET,
	FREQUENCY,
	MAXERROR,
	ESTERROR,
	STATUS,
	CONSTANT,
	TICK,
	PPS_FREQUENCY,
	PPS_JITTER,
	PPS_SHIFT,
	PPS_STABILITY,
	PPS_JITTERS,
	PPS_CALIBRATIONS,
	PPS_ERRORS,
	PPS_STABILITIES,
	TAI,
	SYNC,
	METRICS
};

static const struct metric timex_metrics[METRICS] = {
	{"node_timex_offset_seconds", GAVEA_GAUGE, "seconds", "Offset between the clock and its reference"},
	{"node_timex_frequency_adjustment_ratio", GAVEA_GAUGE, NULL, "Adjustment of the clock's frequency"},
	{"node_timex_maxerror_seconds", GAVEA_GAUGE, "seconds", "Maximum error"},
	{"node_timex_estimated_error_seconds", GAVEA_GAUGE, "seconds", "Estimated error"},
	{"node_timex_status", GAVEA_GAUGE, NULL, "The status bits, STA_* of adjtimex(2)"},
	{"node_timex_loop_time_constant", GAVEA_GAUGE, NULL, "Time constant of the phase-locked loop"},
	{"node_timex_tick_seconds", GAVEA_GAUGE, "seconds", "Time between ticks of the clock"},
	{"node_timex_pps_frequency_hertz", GAVEA_GAUGE, "hertz", "Frequency of the pulse per second"},
	{"node_timex_pps_jitter_seconds", GAVEA_GAUGE, "seconds", "Jitter of the pulse per second"},
	{"node_timex_pps_shift_seconds", GAVEA_GAUGE, "seconds", "Interval of the pulse per second"},
	{"node_timex_pps_stability_hertz", GAVEA_GAUGE, "hertz", "Stability of the pulse per second"},
	{"node_timex_pps_jitter_total", GAVEA_COUNTER, NULL, "Times that the limit of jitter was exceeded"},
	{"node_timex_pps_calibration_total", GAVEA_COUNTER, NULL, "Calibrations by the pulse per second"},
	{"node_timex_pps_error_total", GAVEA_COUNTER, NULL, "Calibrations that failed"},
	{"node_timex_pps_stability_exceeded_total", GAVEA_COUNTER, NULL,
		"Times that the limit of stability was exceeded"},
	{"node_timex_tai_offset_seconds", GAVEA_GAUGE, "seconds", "Offset of the atomic time, TAI, from UTC"},
	{"node_timex_sync_status", GAVEA_GAUGE, NULL,
		"Whether the clock is synchronised to a reliable server"},
};

#define PPM_FRACTION (65536.0 * 1000000.0)

struct timex_state {
	int series[METRICS];
};

static int timex_open(void *state, struct collection *collection)
{
	struct timex_state *clock = state;

	declare_all(collection, timex_metrics, METRICS, NULL, NULL, clock->series);
	return 0;
}

static int timex_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct timex_state *clock = state;
	struct timex now = {.modes = 0};
	int condition = adjtimex(&now);
	double fraction = now.status & STA_NANO ? 1e9 : 1e6;
	double values[METRICS];

	(void)file;
	(void)text;
	if (condition < 0)
		return -errno;
	values[OFFSET] = (double)now.offset / fraction;
	values[FREQUENCY] = 1 + (double)now.freq / PPM_FRACTION;
	values[MAXERROR] = (double)now.maxerror / 1e6;
	values[ESTERROR] = (double)now.esterror / 1e6;
	values[STATUS] = now.status;
	values[CONSTANT] = (double)now.constant;
	values[TICK] = (double)now.tick / 1e6;
	values[PPS_FREQUENCY] = (double)now.ppsfreq / PPM_FRACTION;
	values[PPS_JITTER] = (double)now.jitter / fraction;
	values[PPS_SHIFT] = now.shift;
	values[PPS_STABILITY] = (double)now.stabil / PPM_FRACTION;
	values[PPS_JITTERS] = (double)now.jitcnt;
	values[PPS_CALIBRATIONS] = (double)now.calcnt;
	values[PPS_ERRORS] = (double)now.errcnt;
	values[PPS_STABILITIES] = (double)now.stbcnt;
	values[TAI] = now.tai;
	values[SYNC] = condition != TIME_ERROR;
	collection->facts.clock_synchronised = condition != TIME_ERROR;
	collection->facts.clock_error = MAX(fabs(values[OFFSET]), values[MAXERROR]);
	for (size_t i = 0; i < METRICS; i++)
		collect(collection, clock->series[i], values[i]);
	return 0;
}

const struct collector collector_timex = {
	"timex", {NULL}, sizeof(struct timex_state), timex_open, timex_collect, NULL, NULL};
