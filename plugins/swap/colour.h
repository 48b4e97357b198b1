/* SPDX-License-Identifier: Apache-2.0 */
/* The two copies of an app. An app of one colour (rolling) has blue only. */
#ifndef SWAP_COLOUR_H
#define SWAP_COLOUR_H

enum colour {
	COLOUR_BLUE,
	COLOUR_GREEN,
	COLOURS,
};

/* "blue", "green". */
const char *colour_name(enum colour colour);

static inline enum colour colour_other(enum colour colour)
{
	return colour == COLOUR_BLUE ? COLOUR_GREEN : COLOUR_BLUE;
}

#endif
