/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes, ids, and jitter. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills with bytes fit for secrets. Never fails once the kernel's generator is seeded; aborts otherwise. */
void random_bytes(void *buffer, size_t size);

/* 32 lower-case hexadecimal digits and a NUL. */
void random_id(char id[static 33]);

/* Uniform in [0, limit); 0 for limit 0. */
uint64_t random_below(uint64_t limit);

#endif
