/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an option, as text and as C has it. */
#ifndef CORE_WORKER_OPTION_VALUE_H
#define CORE_WORKER_OPTION_VALUE_H

#include <gavea/plugin.h>

/* What an option of a numeric type reads as. */
struct option_number {
	int64_t integer; /* bool, int, duration, size */
	double real; /* float, percent */
};

/* As people write it ("10s", "64KiB", "12.5%"), or in the canonical form of worker.proto (nanoseconds, bytes,
 * plain numbers). Types that are text are not judged. 0, -EINVAL or -ERANGE. */
int option_value_parse(uint32_t type, const char *text, struct option_number *ret_number);
int option_value_parse_canonical(uint32_t type, const char *text, struct option_number *ret_number);

/* Whether a type has "MIN..MAX" as its range. */
bool option_type_numeric(uint32_t type);

/*
 * Whether a value lies in a range: "MIN..MAX" (either end may be missing) for numeric types, words for a
 * choice. 0; -ERANGE: it does not; -EINVAL: the range itself is wrong. number is NULL to judge the range
 * alone.
 */
int option_range_check(
	uint32_t type, const char *range, const char *text, const struct option_number *number);

#endif
