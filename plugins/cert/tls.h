/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS context of all probes of a run. */
#ifndef CERT_TLS_H
#define CERT_TLS_H

#include "base/error.h"

#include <openssl/ssl.h>

/*
 * A context that takes any certificate (they are judged later), old protocols and weak keys, with bounds on what a
 * server may send. certificate and key (files) may be NULL together; password (of the key) too. Reads them: blocks on
 * the disk. NULL with an error that names the option.
 */
SSL_CTX *tls_context_new(const char *certificate, const char *key, const char *password, struct error *error);

#endif
