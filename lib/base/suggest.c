/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "base/util.h"

#define MAX_WORD 64

unsigned edit_distance(const char *a, const char *b, unsigned limit)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][MAX_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	if (n > MAX_WORD || m > MAX_WORD)
		return limit + 1;
	for (size_t j = 0; j <= m; j++)
		above[j] = (unsigned)j;
	memset(before, 0, sizeof rows[0]);
	for (size_t i = 1; i <= n; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = a[i - 1] != b[j - 1];
			unsigned best = MIN(MIN(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
		before = above;
		above = row;
		row = oldest;
	}
	return MIN(above[m], limit + 1);
}

const char *suggest(const char *word, const char *const *candidates, size_t count)
{
	unsigned limit = (unsigned)MAX(strlen(word) / 3, (size_t)1), best = limit + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = edit_distance(word, candidates[i], limit);

		if (distance < best) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
