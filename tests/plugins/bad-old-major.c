/* SPDX-License-Identifier: Apache-2.0 */
/* Of a major version that was never released. */
#define NAME "bad-old-major"
#define MAJOR 0u
#include "bad.h"
