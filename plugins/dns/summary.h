/* SPDX-License-Identifier: Apache-2.0 */
/* The check's one line, and N of M: when enough servers are right, the others are a warning. */
#ifndef DNS_SUMMARY_H
#define DNS_SUMMARY_H

#include "finding.h"
#include "settings.h"

struct summary {
	enum gavea_status status; /* of the whole: the worst of the findings */
	size_t servers;
	size_t right; /* of them, nothing worse than a warning */
};

/* Writes the line into out. With at_least, servers that are not needed are made warnings first. */
struct summary summary_make(
	const struct settings *settings, const struct findings *findings, struct buf *out);

#endif
