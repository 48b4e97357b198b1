/* SPDX-License-Identifier: Apache-2.0 */
/* Where reports go: the option url, judged and completed. */
#ifndef FLEET_TARGET_H
#define FLEET_TARGET_H

#include "base/error.h"

#include <stdbool.h>

/*
 * "https://host:8470" becomes "https://host:8470/v1/report"; a URL with a path or a query is taken as it
 * stands. Plain http is for this host only, unless allow_plain. 0 with an allocated string; -EINVAL with
 * "url: what is wrong"; -ENOMEM.
 */
int target_url(const char *text, bool allow_plain, char **ret_url, struct error *error);

#endif
