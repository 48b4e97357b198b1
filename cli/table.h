/* SPDX-License-Identifier: Apache-2.0 */
/* A table in text: columns as wide as they need to be, the last one cut off at the edge of the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli/terminal.h"

#define TABLE_COLUMNS_MAX 10

struct table_column {
	const char *title;
	bool right; /* flush right: numbers */
};

struct table_cell {
	char *text; /* clean */
	enum style style;
};

struct table {
	const struct table_column *columns;
	size_t column_count; /* at most TABLE_COLUMNS_MAX */
	struct table_cell *cells; /* column by column, row by row */
	size_t count;
	size_t room;
	bool failed; /* memory ran out */
};

/* columns are borrowed. */
void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_done(struct table *table);
#define _cleanup_table_ _cleanup_(table_done)

/* Adds the next cell of the row; after the last one the next row begins. */
void table_add(struct table *table, enum style style, const char *format, ...) _printf_(3, 4);

/* Appends the table, titles first, each line behind indent spaces. 0 or -ENOMEM. */
int table_write(const struct table *table, const struct terminal *terminal, unsigned indent, struct buf *out);

#endif
