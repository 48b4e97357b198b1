/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process as soon as it is loaded. */
#define NAME "exit-at-start"
#include "bad.h"

#include <stdlib.h>

static void __attribute__((constructor)) leave(void)
{
	exit(3);
}
