/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "base/util.h"

#include <stdio.h>
#include <sys/random.h>

void random_bytes(void *buffer, size_t size)
{
	char *p = buffer;

	while (size > 0) {
		size_t part = MIN(size, (size_t)256); /* up to here getrandom() is never interrupted */

		if (getrandom(p, part, 0) != (ssize_t)part)
			abort();
		p += part;
		size -= part;
	}
}

void random_id(char id[static 33])
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

uint64_t random_below(uint64_t limit)
{
	uint64_t value;

	if (limit == 0)
		return 0;
	/* The bias of a remainder is below limit / 2^64: nothing, for times and choices. */
	random_bytes(&value, sizeof value);
	return value % limit;
}
