/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in bytes, at any address: the form of all our files. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_le32(void *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof value);
}

static inline void put_le64(void *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof value);
}

static inline uint32_t get_le32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof value);
	return le32toh(value);
}

static inline uint64_t get_le64(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return le64toh(value);
}

#endif
