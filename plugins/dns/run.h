/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a check: whom to ask, the rounds of questions, the judging, and saying it all. */
#ifndef DNS_RUN_H
#define DNS_RUN_H

#include "settings.h"

/* Blocks until a little before the check's deadline at most. 0, or a negative errno after gavea_fail(). */
int dns_run_check(struct gavea_check *check, const struct settings *settings);

#endif
