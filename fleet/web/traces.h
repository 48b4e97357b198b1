/* SPDX-License-Identifier: Apache-2.0 */
/* What a host did lately and how long it took, on its page. */
#ifndef FLEET_WEB_TRACES_H
#define FLEET_WEB_TRACES_H

#include "fleet/store/store.h"
#include "fleet/web/page.h"

#define TRACES_ON_HOST 10

/* A table of the newest traces of a host; nothing when it has none. Reads the store: not under the model's lock. */
void html_host_traces(struct page *page, struct store *store, const char *agent_id);

#endif
