/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. Text in it is always followed by a NUL byte that does not count. Appending to a
 * buffer that ran out of memory, or over its limit, does nothing and is remembered: check once at the end
 * with buf_error().
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/util.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
	char *data; /* never NULL for readers after the first append; use buf_str() for text */
	size_t size;
	size_t room;
	size_t limit; /* 0: none */
	int error;
};

#define BUF_INIT \
	{ \
		NULL, 0, 0, 0, 0 \
	}

void buf_done(struct buf *buf);
#define _cleanup_buf_ _cleanup_(buf_done)

/* Forgets content and error, keeps the memory. */
void buf_reset(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t size);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) _printf_(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list args);

/* Room for size bytes behind the content, which the caller fills and then adds by raising buf->size. NULL: no
 * memory or over the limit. */
char *buf_extend(struct buf *buf, size_t size);

/* 0, -ENOMEM or -E2BIG. */
int buf_error(const struct buf *buf);

/* The content as text; "" when empty. Borrowed, until the next change. */
const char *buf_str(const struct buf *buf);

/* Hands the content over as an allocated string and empties the buffer; NULL when memory ran out. */
char *buf_take(struct buf *buf);

#endif
