/* SPDX-License-Identifier: Apache-2.0 */
/* An option that is not documented. */
#define NAME "bad-option"
#define DOC ""
#include "bad.h"
