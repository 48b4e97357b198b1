/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

const char *scan_decimal(const char *p, double *ret_value)
{
	uint64_t whole, scale = 1;

	p = scan_u64(p, &whole);
	if (!p)
		return NULL;
	/* One division of two exact integers gives the same double as a full parser does. */
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			if (whole >= (UINT64_C(1) << 53) / 10 || scale >= UINT64_C(1000000000))
				continue;
			whole = whole * 10 + (unsigned)(*p - '0');
			scale *= 10;
		}
	}
	*ret_value = (double)whole / (double)scale;
	return p;
}

const char *scan_hex(const char *p, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = p;

	for (;; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		else if (*p >= 'A' && *p <= 'F')
			digit = (unsigned)(*p - 'A') + 10;
		else
			break;
		value = value >> 60 ? UINT64_MAX : value << 4 | digit;
	}
	if (p == start)
		return NULL;
	*ret_value = value;
	return p;
}

const char *scan_signed(const char *p, double *ret_value)
{
	uint64_t value;
	int negative;

	p = scan_blanks(p);
	negative = *p == '-';
	if (negative && (p[1] < '0' || p[1] > '9'))
		return NULL;
	p = scan_u64(p + negative, &value);
	if (p)
		*ret_value = negative ? -(double)value : (double)value;
	return p;
}
