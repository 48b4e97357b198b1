/* SPDX-License-Identifier: Apache-2.0 */
/* The magic number of something else. */
#define NAME "bad-magic"
#define MAGIC 0x12345678u
#include "bad.h"
