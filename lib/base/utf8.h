/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629): is it valid, and make it so. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the valid sequence at the start of text, or 0 when there is none (overlong forms, surrogates
 * and what lies above U+10FFFF are not valid). size must be positive. */
size_t utf8_sequence(const char *text, size_t size);

bool utf8_valid(const char *text, size_t size);

/* Replaces each bad byte by '?', in place. protobuf strings must be valid UTF-8, and a receiver may refuse
 * the whole message for one that isn't. */
void utf8_repair(char *text, size_t size);

/* The largest size <= limit at which text of this size may be cut without splitting a character. */
size_t utf8_cut(const char *text, size_t size, size_t limit);

#endif
