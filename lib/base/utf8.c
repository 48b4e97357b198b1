/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

size_t utf8_sequence(const char *text, size_t size)
{
	const uint8_t *s = (const uint8_t *)text;
	uint8_t low = 0x80, high = 0xbf; /* of the second byte, RFC 3629 section 4 */
	size_t length;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (size < length || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool utf8_valid(const char *text, size_t size)
{
	while (size > 0) {
		size_t n = utf8_sequence(text, size);

		if (n == 0)
			return false;
		text += n;
		size -= n;
	}
	return true;
}

void utf8_repair(char *text, size_t size)
{
	while (size > 0) {
		size_t n = utf8_sequence(text, size);

		if (n == 0) {
			*text = '?';
			n = 1;
		}
		text += n;
		size -= n;
	}
}

size_t utf8_cut(const char *text, size_t size, size_t limit)
{
	if (size <= limit)
		return size;
	while (limit > 0 && ((uint8_t)text[limit] & 0xc0) == 0x80)
		limit--;
	return limit;
}
