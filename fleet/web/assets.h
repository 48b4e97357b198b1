/* SPDX-License-Identifier: Apache-2.0 */
/* The files of fleet/web/static, part of the program. */
#ifndef FLEET_WEB_ASSETS_H
#define FLEET_WEB_ASSETS_H

#include <stddef.h>

struct asset {
	const char *path; /* "/static/style.css" */
	const char *type;
	const char *data;
	const char *end;
	char tag[16]; /* changes with the content: for ETag and ?v= */
};

enum asset_name { ASSET_STYLE, ASSET_SCRIPT, ASSET_ICON, ASSET_COUNT };

/* Fills the table. */
void assets_init(struct asset ret_assets[static ASSET_COUNT]);

#endif
