/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/texts.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct text {
	size_t users;
	char bytes[];
};

static struct text *add(struct strmap *texts, const char *value)
{
	size_t size = strlen(value) + 1;
	struct text *text = malloc(sizeof *text + size);

	if (!text)
		return NULL;
	text->users = 0;
	memcpy(text->bytes, value, size);
	if (strmap_set(texts, value, text, NULL) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

int texts_set(struct strmap *texts, char **text, const char *value)
{
	struct text *found;

	if (*text && streq(*text, value))
		return 0;
	found = strmap_get(texts, value);
	if (!found)
		found = add(texts, value);
	if (!found)
		return -ENOMEM;
	found->users++;
	texts_drop(texts, *text);
	*text = found->bytes;
	return 0;
}

void texts_drop(struct strmap *texts, char *text)
{
	struct text *found = text ? (struct text *)(void *)(text - offsetof(struct text, bytes)) : NULL;

	if (!found || --found->users > 0)
		return;
	(void)strmap_remove(texts, found->bytes);
	free(found);
}
