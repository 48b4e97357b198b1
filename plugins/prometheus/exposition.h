/* SPDX-License-Identifier: Apache-2.0 */
/* The picture as a scraper reads it. */
#ifndef PROMETHEUS_EXPOSITION_H
#define PROMETHEUS_EXPOSITION_H

#include "negotiate.h"
#include "own.h"

struct exposition_settings {
	bool agent_info; /* gavea_agent_info with the agent's labels */
	bool agent_labels; /* on all series */
	bool timestamps;
};

/*
 * Writes all that is shown now (CLOCK_BOOTTIME, nanoseconds). The picture is locked meanwhile. counters are of the
 * listener. Names come in order, each once, the agent's own ones last. 0 or -ENOMEM.
 */
int exposition_write(struct picture *picture, const struct exposition_settings *settings, enum format format,
	int64_t now, const struct scrape_counters *counters, struct buf *out);

#endif
