/* SPDX-License-Identifier: Apache-2.0 */
/* Text in columns with a header "# name,name": fields may be quoted as in RFC 4180 when the separator is a comma. */
#ifndef SWAP_HAPROXY_TABLE_H
#define SWAP_HAPROXY_TABLE_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define HAPROXY_COLUMNS_MAX 512
#define HAPROXY_FIELD_MAX 256 /* bytes of a field that are kept; longer ones are cut */

struct haproxy_column {
	const char *name;
	unsigned at; /* filled in */
	bool optional; /* else a header without it is an error */
};

struct haproxy_table {
	const char *text; /* what is left */
	char separator; /* ',' or ' ' */
	struct haproxy_column *columns; /* that are wanted */
	size_t column_count;
};

/* Reads the header line at the start of the text. */
int haproxy_table_begin(struct haproxy_table *table, struct error *error);

/* The next row: fields[i] is what stands in columns[i], "" when the row is too short. False: no more rows. */
bool haproxy_table_next(struct haproxy_table *table, char (*fields)[HAPROXY_FIELD_MAX]);

/* A number of 0 or more; an empty field is -1. */
int haproxy_number(const char *field, const char *name, int64_t *ret_value, struct error *error);

#endif
