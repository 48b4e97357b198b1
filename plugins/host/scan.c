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
