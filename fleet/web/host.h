/* SPDX-License-Identifier: Apache-2.0 */
/* "/hosts/ID": one host. */
#ifndef FLEET_WEB_HOST_H
#define FLEET_WEB_HOST_H

#include "fleet/store/store.h"
#include "fleet/web/page.h"

/* Takes the model's lock. false: there is no such host, and nothing was written. */
bool host_page(struct page *page, struct model *model, struct store *store, const char *id_or_name);

#endif
