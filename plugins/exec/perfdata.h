/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perfdata of Nagios plugins: 'label'=value[unit];[warning];[critical];[minimum];[maximum], separated by blanks.
 */
#ifndef EXEC_PERFDATA_H
#define EXEC_PERFDATA_H

#include <stdbool.h>

#define PERFDATA_LABEL_MAX 128 /* bytes; a longer one is malformed */
#define PERFDATA_UNIT_MAX 15

enum perfdata_unit {
	PERFDATA_PLAIN, /* none, or one that we do not know */
	PERFDATA_SECONDS,
	PERFDATA_BYTES,
	PERFDATA_PERCENT,
	PERFDATA_COUNTER,
	PERFDATA_UNITS,
};

struct perfdata {
	const char *label;
	double value; /* as it was written; NAN: "U", the program could not tell */
	double factor; /* by which it becomes seconds, bytes or a ratio */
	enum perfdata_unit unit;
	char unit_text[PERFDATA_UNIT_MAX + 1]; /* as it was written */
	const char
		*warning; /* ranges and numbers as they were written, in the value's unit; "" when left out */
	const char *critical;
	const char *minimum;
	const char *maximum;
};

/*
 * Takes the next item from *text and moves that on. 1, or 0 at the end, or -EINVAL: malformed, passed over; then label
 * holds what was written. The parts point into the text, which is changed.
 */
int perfdata_next(char **text, struct perfdata *ret_perfdata);

#endif
