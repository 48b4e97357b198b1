/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands for a secret outside of this plugin: the first half of its HMAC-SHA-256, in hex. The key never leaves
 * the host, so a fingerprint can neither be looked up nor tried against a list of passwords elsewhere.
 */
#ifndef SECRET_FINGERPRINT_H
#define SECRET_FINGERPRINT_H

#include "base/error.h"
#include "base/util.h"

#include <stdbool.h>
#include <stddef.h>

#define FINGERPRINT_SIZE 33

struct fingerprint_key {
	unsigned char bytes[32];
	bool lasting; /* the same in the next run */
};

/* From text that the configuration gives. */
void fingerprint_key_from(struct fingerprint_key *key, const void *text, size_t size);

/* From the file "fingerprint.key" in this folder, made when it is missing; without a folder (NULL) one for this run
 * alone. Blocks on the disk. */
int fingerprint_key_load(struct fingerprint_key *key, const char *folder, struct error *error);

/* The fingerprint of a value, NUL-terminated. */
void fingerprint(const struct fingerprint_key *key, const void *value, size_t size,
	char ret_text[static FINGERPRINT_SIZE]);

#endif
