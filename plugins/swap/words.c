/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include "base/buf.h"

#include <errno.h>

void words_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void words_done(struct words *words)
{
	words_free(words->list);
	*words = (struct words){0};
}

static int add(struct words *words, char *word)
{
	char **list = word ? realloc(words->list, (words->count + 2) * sizeof *list) : NULL;

	if (!list) {
		free(word);
		return -ENOMEM;
	}
	list[words->count++] = word;
	list[words->count] = NULL;
	words->list = list;
	return 0;
}

/* One word from *at on. */
static int take(const char *text, const char **at, struct words *words, size_t *ret_at)
{
	_cleanup_buf_ struct buf word = BUF_INIT;
	const char *c = *at;

	buf_add_str(&word, "");
	while (*c && *c != ' ' && *c != '\t') {
		const char *end;

		if (*c != '\'' && *c != '"') {
			buf_add_char(&word, *c++);
			continue;
		}
		end = strchr(c + 1, *c);
		if (!end) {
			*ret_at = (size_t)(c - text);
			return -EINVAL;
		}
		buf_add(&word, c + 1, (size_t)(end - c - 1));
		c = end + 1;
	}
	*at = c;
	return add(words, buf_error(&word) < 0 ? NULL : strdup(buf_str(&word)));
}

int words_split(const char *text, struct words *ret_words, size_t *ret_at)
{
	struct words words = {0};
	const char *at = text;
	int r = 0;

	while (r == 0) {
		at += strspn(at, " \t");
		if (!*at)
			break;
		r = take(text, &at, &words, ret_at);
	}
	if (r < 0) {
		words_done(&words);
		return r;
	}
	*ret_words = words;
	return 0;
}

static char *fill(const char *text, const char *letters, const char *const *values)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (; *text; text++) {
		const char *letter = *text == '%' && text[1] ? strchr(letters, text[1]) : NULL;

		if (letter)
			buf_add_str(&out, values[letter - letters]);
		else if (*text == '%' && text[1] == '%')
			buf_add_char(&out, '%');
		else
			buf_add_char(&out, *text);
		if (*text == '%' && (letter || text[1] == '%'))
			text++;
	}
	return buf_error(&out) < 0 ? NULL : strdup(buf_str(&out));
}

char **words_fill(const char *const *list, const char *letters, const char *const *values)
{
	struct words words = {0};

	for (; list && *list; list++)
		if (add(&words, fill(*list, letters, values)) < 0) {
			words_done(&words);
			return NULL;
		}
	return words.list;
}
