/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/text.h"
#include "base/utf8.h"

#include <stdio.h>

static const char ellipsis[] = "\xe2\x80\xa6";

static void make_one_line(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
}

/* Cuts text of this size, of which text[limit] can be read, to the limit. Returns the new size. */
static size_t cut(char *text, size_t size, size_t limit)
{
	if (size <= limit)
		return size;
	size = utf8_cut(text, size, limit - (sizeof ellipsis - 1));
	memcpy(text + size, ellipsis, sizeof ellipsis);
	return size + sizeof ellipsis - 1;
}

size_t text_format(char *buffer, size_t limit, const char *format, va_list args)
{
	int length = vsnprintf(buffer, TEXT_ROOM(limit), format, args);
	size_t size;

	if (length < 0) {
		buffer[0] = 0;
		return 0;
	}
	size = cut(buffer, MIN((size_t)length, TEXT_ROOM(limit) - 1), limit);
	utf8_repair(buffer, size);
	make_one_line(buffer, size);
	return size;
}

char *text_copy(struct arena *arena, const char *text, size_t limit, bool one_line)
{
	size_t size = strnlen(text ? text : "", limit + 1);
	char *copy = arena_alloc(arena, size + sizeof ellipsis);

	if (!copy)
		return NULL;
	memcpy(copy, text ? text : "", size);
	copy[size] = 0;
	size = cut(copy, size, limit);
	utf8_repair(copy, size);
	if (one_line)
		make_one_line(copy, size);
	return copy;
}

char *text_format_copy(struct arena *arena, size_t limit, const char *format, va_list args)
{
	char buffer[TEXT_ROOM(TEXT_VALUE_MAX)];
	size_t size = text_format(buffer, MIN(limit, (size_t)TEXT_VALUE_MAX), format, args);
	char *copy = arena_alloc(arena, size + 1);

	return copy ? memcpy(copy, buffer, size + 1) : NULL;
}
