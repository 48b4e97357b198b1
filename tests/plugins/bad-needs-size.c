/* SPDX-License-Identifier: Apache-2.0 */
/* Its needs have no size. */
#define NAME "bad-needs-size"
#define NEEDS_SIZE 0u
#include "bad.h"
