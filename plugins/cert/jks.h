/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java key stores, JKS and JCEKS: their certificates are plain, trusted ones and those of keys. Private keys stay
 * closed; the digest over the whole is checked when the password is known.
 */
#ifndef CERT_JKS_H
#define CERT_JKS_H

#include "bundle.h"

#include <stdbool.h>

/* Whether the content begins like one. */
bool jks_is(const char *content, size_t size);

/* 0 or -ENOMEM; what is wrong becomes a finding. */
int jks_read(const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle);

#endif
