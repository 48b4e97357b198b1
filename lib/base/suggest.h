/* SPDX-License-Identifier: Apache-2.0 */
/* "did you mean": the nearest of several words to one that a person wrote. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* The number of insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal
 * string alignment), or limit + 1 when there are more than limit. */
unsigned edit_distance(const char *a, const char *b, unsigned limit);

/* The candidate nearest to word, if it is near enough to have been meant; else NULL. Borrowed from
 * candidates. */
const char *suggest(const char *word, const char *const *candidates, size_t count);

#endif
