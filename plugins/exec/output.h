/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Nagios plugin writes: "summary | perfdata", then lines of long output, of which one may have a "|" after which
 * all is perfdata again.
 */
#ifndef EXEC_OUTPUT_H
#define EXEC_OUTPUT_H

#include "base/buf.h"

struct output {
	char *summary; /* the first line that says something, without blanks around it; may be empty */
	char *text; /* further lines; may be empty */
	struct buf perfdata; /* that of the first line, then the rest, on one line */
};

/* Takes text apart, in place: the parts point into it. NUL bytes and what is no UTF-8 are replaced. Reuses the memory of
 * perfdata. 0 or -ENOMEM. */
int output_split(struct buf *text, struct output *output);

void output_done(struct output *output);

#endif
