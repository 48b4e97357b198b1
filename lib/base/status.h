/* SPDX-License-Identifier: Apache-2.0 */
/* The four statuses: names, order of severity, and which of two is worse. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <gavea/plugin.h>

/* "ok", "warning", "critical", "unknown". */
const char *status_name(enum gavea_status status);

/* Returns the status or -EINVAL. */
int status_from_name(const char *name);

/* 0 for ok, 1 for warning, 2 for unknown, 3 for critical. Anything else counts as unknown. */
int status_severity(int status);

enum gavea_status status_worst(enum gavea_status a, enum gavea_status b);

#endif
