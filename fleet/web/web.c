/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/web.h"

struct web {
	struct model *model;
	struct store *store;
};

struct web *web_new(struct model *model, struct store *store)
{
	struct web *web = calloc(1, sizeof *web);

	if (web)
		*web = (struct web){model, store};
	return web;
}

void web_free(struct web *web)
{
	free(web);
}

int web_handle(struct web *web _unused_, struct httpd_request *request _unused_)
{
	return 0;
}
