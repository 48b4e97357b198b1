/* SPDX-License-Identifier: Apache-2.0 */
/* Describes nothing. */
#define NAME "bad-null"
#define RETURN NULL
#include "bad.h"
