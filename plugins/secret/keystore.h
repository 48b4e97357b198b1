/* SPDX-License-Identifier: Apache-2.0 */
/* JKS and PKCS#12 files that one of the passwords opens that everybody tries first. */
#ifndef SECRET_KEYSTORE_H
#define SECRET_KEYSTORE_H

#include <stddef.h>

/* 1: a trivial password opens it; 0: none does, or it holds certificates alone, or it is no such file; -E2BIG: trying would take too long. */
int keystore_is_trivial(const void *bytes, size_t size);

#endif
