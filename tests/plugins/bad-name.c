/* SPDX-License-Identifier: Apache-2.0 */
/* Calls itself otherwise than its file. */
#define NAME "other-name"
#include "bad.h"
