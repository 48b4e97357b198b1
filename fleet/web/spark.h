/* SPDX-License-Identifier: Apache-2.0 */
/* The last hour of a plot: a line, its figures, and a table that says the same. */
#ifndef FLEET_WEB_SPARK_H
#define FLEET_WEB_SPARK_H

#include "fleet/model.h"
#include "fleet/web/html.h"

/* points as from model_host_points(). Writes nothing when all are NaN. */
void html_spark(struct html *html, const struct model_plot *plot, const double points[static MODEL_POINTS],
	struct model_time now);

#endif
