/* SPDX-License-Identifier: Apache-2.0 */
/* Of a later major version of the ABI. */
#define NAME "bad-major"
#define MAJOR 2u
#include "bad.h"
