/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes as soon as it is loaded. */
#define NAME "crash-at-start"
#include "bad.h"

#include <stdlib.h>

static void __attribute__((constructor)) leave(void)
{
	abort();
}
