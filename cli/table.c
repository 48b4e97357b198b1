/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <assert.h>
#include <errno.h>

#define GAP 2
#define LAST_LEAST 12 /* columns for the last one, however narrow the terminal */

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){.columns = columns, .column_count = column_count};
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->count = table->room = 0;
}

void table_add(struct table *table, enum style style, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT, clean = BUF_INIT;
	struct table_cell cell = {.style = style};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	text_clean(buf_str(&text), &clean);
	cell.text = buf_error(&text) < 0 ? NULL : strdup(buf_str(&clean));
	if (!cell.text || buf_error(&clean) < 0 || GROW(table->cells, table->count, table->room) < 0) {
		free(cell.text);
		table->failed = true;
		return;
	}
	table->cells[table->count++] = cell;
}

static void measure(const struct table *table, unsigned widths[static TABLE_COLUMNS_MAX])
{
	assert(table->column_count > 0);
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = text_width(table->columns[i].title);
	for (size_t i = 0; i < table->count; i++) {
		unsigned *width = &widths[i % table->column_count];

		*width = MAX(*width, text_width(table->cells[i].text));
	}
}

static void limit_last(
	const struct table *table, const struct terminal *terminal, unsigned indent, unsigned *widths)
{
	unsigned before = indent;

	if (terminal->width == 0)
		return;
	for (size_t i = 0; i + 1 < table->column_count; i++)
		before += widths[i] + GAP;
	widths[table->column_count - 1] = before + LAST_LEAST < terminal->width
		? MIN(widths[table->column_count - 1], terminal->width - before)
		: LAST_LEAST;
}

static void add_spaces(struct buf *out, unsigned count)
{
	buf_printf(out, "%*s", (int)count, "");
}

static void add_cell(const struct table *table, const struct terminal *terminal, size_t column,
	const struct table_cell *cell, unsigned width, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned used = text_fit(terminal, cell->text, width, &text);
	bool last = column + 1 == table->column_count;

	if (table->columns[column].right)
		add_spaces(out, width - used);
	style_begin(terminal, cell->style, out);
	buf_add_str(out, buf_str(&text));
	style_end(terminal, cell->style, out);
	if (!table->columns[column].right && !last)
		add_spaces(out, width - used);
	if (!last)
		add_spaces(out, GAP);
}

static void end_line(struct buf *out)
{
	while (out->size && out->data[out->size - 1] == ' ')
		out->data[--out->size] = 0;
	buf_add_char(out, '\n');
}

int table_write(const struct table *table, const struct terminal *terminal, unsigned indent, struct buf *out)
{
	unsigned widths[TABLE_COLUMNS_MAX];

	if (table->failed)
		return -ENOMEM;
	assert(table->column_count > 0);
	measure(table, widths);
	limit_last(table, terminal, indent, widths);
	add_spaces(out, indent);
	for (size_t i = 0; i < table->column_count; i++) {
		struct table_cell title = {(char *)table->columns[i].title, STYLE_DIM};

		add_cell(table, terminal, i, &title, widths[i], out);
	}
	end_line(out);
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->column_count;

		if (column == 0)
			add_spaces(out, indent);
		add_cell(table, terminal, column, &table->cells[i], widths[column], out);
		if (column + 1 == table->column_count)
			end_line(out);
	}
	return buf_error(out);
}
