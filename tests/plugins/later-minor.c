/* SPDX-License-Identifier: Apache-2.0 */
/* Of a later minor version of the ABI: what it knows of ours is where it was. */
#define NAME "later-minor"
#define MINOR 7u
#include "bad.h"
