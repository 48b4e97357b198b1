/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "scan.h"

#include "base/util.h"

size_t row_numbers(const char *line, const char *key, double *numbers)
{
	const char *p = startswith(line, key);
	size_t count = 0;

	if (!p || *p != ' ')
		return 0;
	while (count < ROW_MAX && (p = scan_decimal(p, &numbers[count])))
		count++;
	return count;
}

void rows_declare(struct collection *collection, const struct row_column *columns, size_t count,
	const char *label, const char *value, int *series)
{
	for (size_t i = 0; i < count; i++) {
		struct gavea_pair labels[2];
		size_t used = 0;

		if (label)
			labels[used++] = (struct gavea_pair){label, value};
		if (columns[i].label)
			labels[used++] = (struct gavea_pair){columns[i].label, columns[i].value};
		series[i] = declare(collection, &columns[i].metric, labels, used);
	}
}

bool rows_collect(struct collection *collection, const struct row_column *columns, size_t count,
	const int *series, const char *text)
{
	double numbers[ROW_MAX];
	bool any = false;

	for (const char *line = *text ? text : NULL; line; line = scan_line(line)) {
		const char *key = NULL;
		size_t found = 0;

		for (size_t i = 0; i < count; i++) {
			/* The columns of one line lie together. */
			if (key != columns[i].key) {
				key = columns[i].key;
				found = row_numbers(line, key, numbers);
			}
			if (columns[i].column >= found)
				continue;
			collect(collection, series[i], numbers[columns[i].column]);
			any = true;
		}
	}
	return any;
}
