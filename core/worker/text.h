/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from plugins: bounded, valid UTF-8, and where it has to be one line, one line. Text that is cut ends
 * in "…".
 */
#ifndef CORE_WORKER_TEXT_H
#define CORE_WORKER_TEXT_H

#include "base/util.h"
#include "core/worker/arena.h"

#include <stdarg.h>
#include <stdbool.h>

#define TEXT_SUMMARY_MAX 1024
#define TEXT_NAME_MAX 512
#define TEXT_VALUE_MAX 4096
#define TEXT_LOG_MAX 2048

/* What a buffer for text of at most limit bytes needs. */
#define TEXT_ROOM(limit) ((limit) + 8)

/* Formats into a buffer of TEXT_ROOM(limit) bytes, as one clean line. Returns its length. */
size_t text_format(char *buffer, size_t limit, const char *format, va_list args) _printf_(3, 0);

/* A clean copy in the arena; NULL stands for "". one_line: control characters become spaces. NULL: no room.
 */
char *text_copy(struct arena *arena, const char *text, size_t limit, bool one_line);

/* Both. */
char *text_format_copy(struct arena *arena, size_t limit, const char *format, va_list args) _printf_(3, 0);

#endif
