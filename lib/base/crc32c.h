/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), as in RFC 3720 appendix B.4; by the processor's instruction where it has one. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues crc (0 at the start) over these bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The portable form, which the other one is tested against. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t size);

#endif
