/* SPDX-License-Identifier: Apache-2.0 */
/* "/": what is wrong anywhere, then all hosts. */
#ifndef FLEET_WEB_OVERVIEW_H
#define FLEET_WEB_OVERVIEW_H

#include "fleet/web/page.h"

#define OVERVIEW_HOSTS 100 /* on one page */
#define OVERVIEW_PROBLEMS 100 /* shown unless all are asked for */
#define OVERVIEW_TEXT_MAX 200

struct overview_query {
	const char *
		text; /* "": any. Part of a host's name, label, or of a problem's check or summary; any case */
	int status; /* enum mark, or -1: any */
	size_t number; /* of the page, from 0 */
	bool all; /* problems, up to a bound that nobody reads to the end */
};

/* "critical", "lost", …: enum mark; -1 for anything else. */
int overview_status(const char *name);

/* Takes the model's lock. */
void overview_page(struct page *page, struct model *model, const struct overview_query *query);

#endif
