/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that stand in a kubeconfig, in YAML or JSON. */
#ifndef CERT_KUBECONFIG_H
#define CERT_KUBECONFIG_H

#include "bundle.h"

#include <stdbool.h>

/* Whether text speaks of certificates as a kubeconfig does. */
bool kubeconfig_is(const char *text, size_t size);

/* 0 or -ENOMEM; what is wrong becomes a finding. */
int kubeconfig_read(
	const char *text, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle);

#endif
