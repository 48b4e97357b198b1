/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words as they stand in options: parted by blanks, 'single' or "double" quotes keep blanks; nothing else is
 * special, there is no shell. */
#ifndef SWAP_WORDS_H
#define SWAP_WORDS_H

#include <stddef.h>

struct words {
	char **list; /* NULL at the end; owned */
	size_t count;
};

/* 0, -ENOMEM, or -EINVAL: a quote is not closed, and *ret_at is where it was opened. */
int words_split(const char *text, struct words *ret_words, size_t *ret_at);
void words_done(struct words *words);

/* A copy of a list in which "%c", "%r", … are replaced: letters[i] by values[i]; "%%" is "%". NULL: no memory. */
char **words_fill(const char *const *list, const char *letters, const char *const *values);
void words_free(char **list);

#endif
