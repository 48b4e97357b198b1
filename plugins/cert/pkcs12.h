/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#12 (.p12, .pfx), also of those that only OpenSSL's legacy provider opens (RC2-40, 3DES). */
#ifndef CERT_PKCS12_H
#define CERT_PKCS12_H

#include "bundle.h"

/* 0, -EINVAL (not PKCS#12), -ENOMEM; all else becomes a finding. Takes a second or so at most, whatever rounds the file
 * asks for. */
int pkcs12_read(
	const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle);

#endif
