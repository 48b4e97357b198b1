/* SPDX-License-Identifier: Apache-2.0 */
/* Does nothing. */
#define NAME "bad-callbacks"
#define RUN NULL
#include "bad.h"
