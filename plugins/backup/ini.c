/* SPDX-License-Identifier: Apache-2.0 */
#include "ini.h"

#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>

#define FILE_MAX (1u << 20)
#define BLANKS " \t\r"

struct line {
	const char *text;
	size_t size;
};

static struct line trim(const char *text, size_t size)
{
	while (size && strchr(BLANKS, *text)) {
		text++;
		size--;
	}
	while (size && strchr(BLANKS, text[size - 1]))
		size--;
	return (struct line){text, size};
}

static bool is(struct line line, const char *word)
{
	return line.size == strlen(word) && memcmp(line.text, word, line.size) == 0;
}

bool ini_find(const char *text, const char *section, const char *key, char *ret_value, size_t room)
{
	bool inside = !*section, found = false;

	for (size_t size; *text; text += size + (text[size] == '\n')) {
		struct line line;
		const char *equals;

		size = strcspn(text, "\n");
		line = trim(text, size);
		if (line.size == 0 || *line.text == '#' || *line.text == ';')
			continue;
		if (*line.text == '[') {
			inside = line.text[line.size - 1] == ']' && line.size > 1 &&
				is(trim(line.text + 1, line.size - 2), section);
			continue;
		}
		equals = inside ? memchr(line.text, '=', line.size) : NULL;
		if (!equals || !is(trim(line.text, (size_t)(equals - line.text)), key))
			continue;
		line = trim(equals + 1, (size_t)(line.text + line.size - equals - 1));
		if (line.size >= room)
			continue;
		memcpy(ret_value, line.text, line.size);
		ret_value[line.size] = '\0';
		found = true;
	}
	return found;
}

bool ini_find_in_file(
	const char *path, const char *const *sections, const char *key, char *ret_value, size_t room)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool found = false;

	if (file_read(AT_FDCWD, path, FILE_MAX, &text) < 0)
		return false;
	for (; !found && *sections; sections++)
		found = ini_find(buf_str(&text), *sections, key, ret_value, room);
	if (text.size)
		explicit_bzero(text.data, text.size); /* a cipher's passphrase may be in it */
	return found;
}
