/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out by its content what a file is, and reads it. Names and extensions say nothing. */
#ifndef CERT_CONTENT_H
#define CERT_CONTENT_H

#include "bundle.h"

/* Fills an empty bundle; bundle->form stays NULL when there is nothing that could be a certificate. 0 or -ENOMEM. */
int content_read(
	const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle);

#endif
