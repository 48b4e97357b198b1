/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal shows: colour, icons, and text that fits and does no harm. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "base/buf.h"

#include <gavea/plugin.h>

struct terminal {
	bool is_terminal;
	bool colour;
	bool utf8; /* may draw more than ASCII */
	unsigned width; /* columns; 0: unbounded */
	unsigned height; /* 0: unbounded */
};

/* Asks about standard output: is it a terminal, how large, does the environment (NO_COLOR, TERM, the locale)
 * allow colour and UTF-8. */
struct terminal terminal_get(void);

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_OK,
	STYLE_WARNING,
	STYLE_CRITICAL,
	STYLE_UNKNOWN,
};

enum style style_of_status(enum gavea_status status);

/* Writes escape sequences, or nothing without colour. */
void style_begin(const struct terminal *terminal, enum style style, struct buf *out);
void style_end(const struct terminal *terminal, enum style style, struct buf *out);

/* A sign for the status that can be told apart without colour. */
const char *status_icon(const struct terminal *terminal, enum gavea_status status);

/* Appends text as it may be shown: control characters and bad bytes, which could talk to the terminal, become
 * spaces and '?'. */
void text_clean(const char *text, struct buf *out);

/* How many columns clean text takes. */
unsigned text_width(const char *text);

/* Appends as much of clean text as fits into width columns, with an ellipsis when that is not all. Returns
 * the columns that were used. */
unsigned text_fit(const struct terminal *terminal, const char *text, unsigned width, struct buf *out);

#endif
