/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_map.h"

#include "base/fd.h"
#include "base/parse.h"
#include "replace.h"

#include <fcntl.h>

#define KEY_MAX 64

bool haproxy_map_key_valid(const char *key)
{
	size_t size = strlen(key);

	return size && size <= KEY_MAX &&
		strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

struct span {
	const char *at;
	size_t size;
};

struct line {
	struct span whole; /* without its line feed */
	struct span key; /* empty: a comment or a blank line */
	struct span value;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next line of text from *position on. */
static bool next_line(const struct buf *text, size_t *position, struct line *line)
{
	const char *at, *end, *stop;

	if (*position >= text->size)
		return false;
	at = text->data + *position;
	end = memchr(at, '\n', text->size - *position);
	stop = end ? end : text->data + text->size;
	*position = (size_t)(stop - text->data) + (end != NULL);
	line->whole = (struct span){at, (size_t)(stop - at)};
	while (at < stop && blank(*at))
		at++;
	line->key = (struct span){at, 0};
	if (at < stop && *at == '#')
		stop = at;
	while (at + line->key.size < stop && !blank(at[line->key.size]))
		line->key.size++;
	at += line->key.size;
	while (at < stop && blank(*at))
		at++;
	while (stop > at && blank(stop[-1]))
		stop--;
	line->value = (struct span){at, (size_t)(stop - at)};
	return true;
}

static bool is_key(const struct line *line, const char *key)
{
	return line->key.size == strlen(key) && memcmp(line->key.at, key, line->key.size) == 0;
}

static void change_value(const struct line *line, uint32_t value, struct buf *out)
{
	const char *end = line->key.at + line->key.size;

	buf_add(out, line->whole.at, (size_t)(end - line->whole.at));
	if (line->value.at > end)
		buf_add(out, end, (size_t)(line->value.at - end));
	else
		buf_add_char(out, ' ');
	buf_printf(out, "%u", value);
	end = line->value.at + line->value.size;
	buf_add(out, end, (size_t)(line->whole.at + line->whole.size - end));
}

void haproxy_map_edit(const struct buf *text, const char *key, uint32_t value, struct buf *out)
{
	size_t position = 0;
	struct line line;
	bool found = false;

	while (next_line(text, &position, &line)) {
		if (is_key(&line, key)) {
			change_value(&line, value, out);
			found = true;
		} else {
			buf_add(out, line.whole.at, line.whole.size);
		}
		if (position < text->size || text->data[text->size - 1] == '\n' || !found)
			buf_add_char(out, '\n');
	}
	if (!found)
		buf_printf(out, "%s %u\n", key, value);
}

static int line_value(const struct line *line, uint32_t *ret_value)
{
	char digits[24];
	uint64_t value;

	if (line->value.size >= sizeof digits)
		return -ENOENT;
	memcpy(digits, line->value.at, line->value.size);
	digits[line->value.size] = '\0';
	if (parse_uint64(digits, &value) < 0 || value > UINT32_MAX)
		return -ENOENT;
	*ret_value = (uint32_t)value;
	return 0;
}

int haproxy_map_find(const struct buf *text, const char *key, uint32_t *ret_value)
{
	size_t position = 0;
	struct line line;
	bool found = false;
	uint32_t first = 0, value;

	while (next_line(text, &position, &line)) {
		if (!is_key(&line, key))
			continue;
		if (line_value(&line, &value) < 0 || (found && value != first))
			return -ENOENT;
		first = value;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*ret_value = first;
	return 0;
}

int haproxy_map_store(
	const char *path, const char *key, uint32_t value, int64_t deadline, struct error *error)
{
	_cleanup_(replace_freep) struct replace *replace = NULL;
	_cleanup_buf_ struct buf edited = BUF_INIT;
	int r = replace_begin(path, false, deadline, &replace, error);

	if (r == -ENOENT)
		return error_set(error, r,
			"%s: there is no such map, and HAProxy can't start without it: create it with the "
			"line \"%s 0\"",
			path, key);
	if (r < 0)
		return r;
	haproxy_map_edit(replace_old(replace), key, value, &edited);
	if (buf_error(&edited) < 0)
		return error_set(error, -ENOMEM, "%s: out of memory", path);
	return replace_same(replace, &edited) ? 0 : replace_write(replace, &edited, error);
}

int haproxy_map_load(const char *path, const char *key, uint32_t *ret_value, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, REPLACE_SIZE_MAX, &text);

	if (r < 0)
		return error_set(error, r, "%s: can't read it: %s", path, error_text(NULL, r));
	return haproxy_map_find(&text, key, ret_value);
}
