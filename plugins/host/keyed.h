/* SPDX-License-Identifier: Apache-2.0 */
/* Series that are named after the keys of a file, such as node_vmstat_pgfault. */
#ifndef HOST_KEYED_H
#define HOST_KEYED_H

#include "collector.h"
#include "filter.h"
#include "roster.h"

#define KEY_MAX 128

struct keyed {
	struct roster keys;
	const struct filter *include; /* of keys; NULL: all. Borrowed */
	const char *file; /* for the help text */
};

static inline void keyed_init(struct keyed *keyed, const char *file, const struct filter *include)
{
	roster_init(&keyed->keys, 1);
	keyed->file = file;
	keyed->include = include;
}

/* Collects value as prefix followed by key, whose characters that no metric name may have become "_". A key of more than
 * KEY_MAX bytes is passed over. 0 or -ENOMEM. */
int keyed_collect(struct keyed *keyed, struct collection *collection, const char *prefix, const char *key,
	size_t size, enum gavea_sample_type type, double value);

#endif
