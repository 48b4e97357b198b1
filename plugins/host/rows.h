/* SPDX-License-Identifier: Apache-2.0 */
/* Files whose lines are a key and a row of numbers, such as "rpc 12 0 12". */
#ifndef HOST_ROWS_H
#define HOST_ROWS_H

#include "collector.h"

enum {
	ROW_MAX = 128, /* numbers that are read of a line */
};

/* What a column of a line is. */
struct row_column {
	const char *key;
	size_t column;
	struct metric metric;
	const char *label; /* with its value; NULL: none */
	const char *value;
};

/* The line's numbers, at most ROW_MAX, when it begins with key and a blank; returns how many, or 0. */
size_t row_numbers(const char *line, const char *key, double *numbers);

/* Declares count columns into series; label and value (NULL: none) go before those of each column. */
void rows_declare(struct collection *collection, const struct row_column *columns, size_t count,
	const char *label, const char *value, int *series);

/* Collects the columns that the text has. Whether there was any. */
bool rows_collect(struct collection *collection, const struct row_column *columns, size_t count,
	const int *series, const char *text);

#endif
