/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the SDK: the functions that plugins call. */
#ifndef CORE_WORKER_HOST_H
#define CORE_WORKER_HOST_H

#include <gavea/plugin.h>

/* The table. Its functions take only checks of core/worker/check.h. */
const struct gavea_host *host_table(void);

#endif
