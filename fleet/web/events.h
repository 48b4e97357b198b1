/* SPDX-License-Identifier: Apache-2.0 */
/* "/events", and the events on a host's page. */
#ifndef FLEET_WEB_EVENTS_H
#define FLEET_WEB_EVENTS_H

#include "fleet/store/store.h"
#include "fleet/web/page.h"

#define EVENTS_ON_PAGE 100
#define EVENTS_ON_HOST 20

/* Reads the store: not under the model's lock. before: only events with a smaller id; 0: the newest. */
void events_page(struct page *page, struct store *store, uint64_t before);

/* A table of the newest events of a host. */
void html_host_events(struct page *page, struct store *store, const char *agent_id);

#endif
