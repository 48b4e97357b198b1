/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file is the one that was meant: SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032), by OpenSSL. */
#ifndef SWAP_SIGNATURE_H
#define SWAP_SIGNATURE_H

#include "base/error.h"
#include "patience.h"

#include <stdint.h>

#define DIGEST_BYTES 32
#define SIGNATURE_BYTES 64

/* "sha256:HEX" or HEX. 0 or -EINVAL. */
int digest_parse(const char *text, uint8_t ret_digest[static DIGEST_BYTES]);

/* 64 small hexadecimal digits. */
void digest_text(char buffer[static 2 * DIGEST_BYTES + 1], const uint8_t digest[static DIGEST_BYTES]);

/* Of the whole file. 0, -ETIMEDOUT or -errno. */
int digest_file(int fd, uint8_t ret_digest[static DIGEST_BYTES], const struct patience *patience);

/* 64 bytes, or the same in base64 with white space around. 0 or -EINVAL. */
int signature_parse(const void *bytes, size_t size, uint8_t ret_signature[static SIGNATURE_BYTES]);

/* Whether the holder of the key signed the file: 0; -EBADMSG: not so; -EINVAL: the key (a PEM file) is none, with an
 * error that names it. */
int signature_verify(
	int fd, const uint8_t signature[static SIGNATURE_BYTES], const char *key_path, struct error *error);

#endif
