/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading numbers and words out of the kernel's text files. Text always ends with a NUL byte, which no
 * scanner goes beyond; the end of a line stops them too. Each returns where it stopped, or NULL when what it
 * wants isn't there.
 */
#ifndef HOST_SCAN_H
#define HOST_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline const char *scan_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* An unsigned decimal after blanks; what is too large becomes UINT64_MAX. */
static inline const char *scan_u64(const char *p, uint64_t *ret_value)
{
	uint64_t value = 0;

	p = scan_blanks(p);
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (value > (UINT64_MAX - digit) / 10)
			value = UINT64_MAX;
		else
			value = value * 10 + digit;
	}
	*ret_value = value;
	return p;
}

/* An unsigned hexadecimal without 0x, right here; what is too large becomes UINT64_MAX. */
const char *scan_hex(const char *p, uint64_t *ret_value);

/* A signed decimal after blanks, as a double. */
const char *scan_signed(const char *p, double *ret_value);

/* As many numbers as there are in a row, at most max; returns how many. */
static inline size_t scan_numbers(const char *p, uint64_t *values, size_t max)
{
	size_t count = 0;

	while (count < max && (p = scan_u64(p, &values[count])))
		count++;
	return count;
}

/* A number such as 12.34 after blanks. */
const char *scan_decimal(const char *p, double *ret_value);

/* The word after blanks: its start and, in *ret_size, its length; NULL when the line is over. */
static inline const char *scan_word(const char *p, size_t *ret_size)
{
	p = scan_blanks(p);
	*ret_size = strcspn(p, " \t\n");
	return *ret_size ? p : NULL;
}

/* The start of the next line; NULL at the end of the text. */
static inline const char *scan_line(const char *p)
{
	p = strchr(p, '\n');
	return p && p[1] ? p + 1 : NULL;
}

#endif
