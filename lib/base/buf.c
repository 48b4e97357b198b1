/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *buf)
{
	buf->size = 0;
	buf->error = 0;
	if (buf->data)
		buf->data[0] = 0;
}

char *buf_extend(struct buf *buf, size_t size)
{
	size_t need, room = buf->room ? buf->room : 64;
	char *bigger;

	if (buf->error)
		return NULL;
	if (__builtin_add_overflow(buf->size, size, &need) || need == SIZE_MAX ||
		(buf->limit && need > buf->limit)) {
		buf->error = -E2BIG;
		return NULL;
	}
	need++;
	if (need > buf->room) {
		while (room < need)
			if (__builtin_mul_overflow(room, (size_t)2, &room))
				room = need;
		bigger = realloc(buf->data, room);
		if (!bigger) {
			buf->error = -ENOMEM;
			return NULL;
		}
		buf->data = bigger;
		buf->room = room;
	}
	return buf->data + buf->size;
}

void buf_add(struct buf *buf, const void *bytes, size_t size)
{
	char *end = buf_extend(buf, size);

	if (!end)
		return;
	if (size)
		memcpy(end, bytes, size);
	buf->size += size;
	buf->data[buf->size] = 0;
}

void buf_add_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	char *end;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0) {
		buf->error = buf->error ? buf->error : -EINVAL;
		return;
	}
	end = buf_extend(buf, (size_t)length);
	if (!end)
		return;
	vsnprintf(end, (size_t)length + 1, format, args);
	buf->size += (size_t)length;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

int buf_error(const struct buf *buf)
{
	return buf->error;
}

const char *buf_str(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
	char *text;

	if (buf->error) {
		buf_done(buf);
		return NULL;
	}
	text = buf->data ? TAKE_PTR(buf->data) : strdup("");
	*buf = (struct buf){.limit = buf->limit};
	return text;
}
