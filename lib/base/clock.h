/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks. Schedules run on CLOCK_BOOTTIME, deadlines of running work on CLOCK_MONOTONIC, and what people and
 * other machines see on CLOCK_REALTIME. Code whose behaviour over time is tested takes a `now` instead of
 * calling these.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define NSEC_PER_USEC INT64_C(1000)

/* Nanoseconds on that clock. */
int64_t clock_ns(clockid_t clock);

/* Milliseconds since 1970. */
int64_t clock_unix_ms(void);

/* Writes "2026-01-31T12:00:00Z" (RFC 3339, UTC; with ".123" when milliseconds is nonzero) and returns buffer.
 */
char *clock_format_utc(char buffer[static 32], int64_t unix_ms, int milliseconds);

#endif
