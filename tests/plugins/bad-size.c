/* SPDX-License-Identifier: Apache-2.0 */
/* Shorter than any description ever was. */
#define NAME "bad-size"
#define SIZE 24u
#include "bad.h"
