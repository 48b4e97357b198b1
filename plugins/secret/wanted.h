/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration demands of secrets that must be there. */
#ifndef SECRET_WANTED_H
#define SECRET_WANTED_H

#include "content.h"

#include "base/error.h"

#include <gavea/plugin.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WANTED_ALLOWED_MAX 32

struct wanted_entry {
	bool group;
	uint32_t id;
};

struct wanted {
	const char *owner; /* as it stands in the configuration, which keeps it; NULL: any */
	const char *group;
	uid_t uid;
	gid_t gid;
	mode_t mode; /* no bit beyond these */
	struct wanted_entry allowed[WANTED_ALLOWED_MAX]; /* may be named in an ACL */
	size_t allowed_count;
	uint64_t length_min;
	double entropy_min; /* bits a byte */
	int64_t age_max; /* ns; 0: any */
	enum content_form form;
};

/* Reads the options owner, group, mode, acl, min_length, min_entropy, parse and max_age. Asks the user database, so it is
 * done in every run: users come and go. An error names its option. */
int wanted_read(struct gavea_check *check, struct wanted *ret_wanted, struct error *error);

/* Whether an ACL may name this user or group. */
bool wanted_allows(const struct wanted *wanted, bool group, uint32_t id);

#endif
