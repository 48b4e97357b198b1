/* SPDX-License-Identifier: Apache-2.0 */
/* Never ends loading. */
#define NAME "hang-at-start"
#include "bad.h"

#include <unistd.h>

static void __attribute__((constructor)) wait_for_ever(void)
{
	for (;;)
		pause();
}
