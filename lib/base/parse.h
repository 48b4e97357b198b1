/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them. Every parser takes the whole string or refuses it: 0, -EINVAL (not of the
 * form) or -ERANGE (does not fit). Nothing is written on failure.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include "base/util.h"

#include <stdint.h>

/* Decimal with an optional sign. */
int parse_int64(const char *text, int64_t *ret_value);
int parse_uint64(const char *text, uint64_t *ret_value);

/* A finite number in C's decimal form, whatever the locale. */
int parse_double(const char *text, double *ret_value);

/* true, false, yes, no, on, off. */
int parse_bool(const char *text, int *ret_value);

/* "250ms", "10s", "5min", "12h", "30d", "2w", also "1h 30min" and fractions ("1.5s"); ns and us too. A unit
 * is required except for "0". Nanoseconds. */
int parse_duration(const char *text, int64_t *ret_ns);

/* "512", "512B", "64KiB", "10MiB", "2GiB", "1TiB" (also K, M, G, T, powers of 1024). Bytes. */
int parse_size(const char *text, uint64_t *ret_bytes);

/* "12.5%" to 12.5. */
int parse_percent(const char *text, double *ret_percent);

/* The shortest form that parse_duration() reads back as the same, such as "90s", "5min", "1.5s". Returns
 * buffer. */
char *format_duration(char buffer[static 32], int64_t ns);

/* Roughly, for people: "1d 4h", "3min 20s", "450 ms". Returns buffer. */
char *format_duration_rough(char buffer[static 32], int64_t ns);

/* "64 MiB", "1.5 GiB". Returns buffer. */
char *format_size(char buffer[static 32], uint64_t bytes);

#endif
