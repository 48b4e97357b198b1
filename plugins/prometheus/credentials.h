/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read: basic authentication. */
#ifndef PROMETHEUS_CREDENTIALS_H
#define PROMETHEUS_CREDENTIALS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct credentials;

/* Keeps a copy of both. 0; -EINVAL: the user has a colon; -ENOMEM. */
int credentials_new(const char *user, const char *password, size_t password_size,
	struct credentials **ret_credentials, struct error *error);

/* Zeroes the copy. */
void credentials_free(struct credentials *credentials);

/* Whether an Authorization header (NULL: there is none) has them. Takes the same time for each wrong one of a length. */
bool credentials_match(const struct credentials *credentials, const char *header);

#endif
