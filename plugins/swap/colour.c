/* SPDX-License-Identifier: Apache-2.0 */
#include "colour.h"

const char *colour_name(enum colour colour)
{
	return colour == COLOUR_GREEN ? "green" : "blue";
}
