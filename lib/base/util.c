/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"

#include <errno.h>

int grow_array(void **array, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : 8;
	void *bigger = reallocarray(*array, want, size);

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*room = want;
	return 0;
}
