/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/result_text.h"
#include "base/status.h"
#include "cli/format.h"
#include "cli/table.h"
#include "wire/convert.h"

#include <inttypes.h>

static void add_line(const struct result_view *view, const struct terminal *terminal, struct buf *out)
{
	const Gavea__V1__Result *result = view->result;
	char text[FORMAT_SIZE];

	format_status(terminal, result ? status_from_wire(result->status) : GAVEA_UNKNOWN, out);
	buf_add_str(out, "  ");
	style_begin(terminal, STYLE_BOLD, out);
	text_clean(view->check, out);
	style_end(terminal, STYLE_BOLD, out);
	buf_add_str(out, "  ");
	text_clean(result ? result->summary : "has not run yet", out);
	if (result) {
		style_begin(terminal, STYLE_DIM, out);
		buf_printf(out, "  (%s)", format_run(text, result->duration_us));
		style_end(terminal, STYLE_DIM, out);
	}
	buf_add_char(out, '\n');
}

static void add_attributes(const Gavea__V1__Item *item, struct buf *out)
{
	for (size_t i = 0; i < item->n_attributes; i++)
		buf_printf(
			out, "%s%s=%s", i ? ", " : "", item->attributes[i]->key, item->attributes[i]->value);
}

static int add_items(const struct result_view *view, const struct terminal *terminal, struct buf *out)
{
	static const struct table_column columns[] = {
		{.title = "STATUS"}, {.title = "ITEM"}, {.title = "SUMMARY"}};
	_cleanup_table_ struct table table = {.columns = NULL};
	const Gavea__V1__Result *result = view->result;
	int r;

	if (!result || result->n_items == 0)
		return 0;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < result->n_items; i++) {
		const Gavea__V1__Item *item = result->items[i];
		enum gavea_status status = status_from_wire(item->status);
		_cleanup_buf_ struct buf more = BUF_INIT;

		if (view->all_attributes && item->n_attributes > 0) {
			buf_add_str(&more, *item->summary ? "  [" : "[");
			add_attributes(item, &more);
			buf_add_char(&more, ']');
		}
		table_add(&table, style_of_status(status), "%s %s", status_icon(terminal, status),
			status_name(status));
		table_add(&table, STYLE_PLAIN, "%s", item->name);
		table_add(&table, STYLE_PLAIN, "%s%s", item->summary, buf_str(&more));
	}
	buf_add_char(out, '\n');
	r = table_write(&table, terminal, 2, out);
	if (result->items_left_out)
		buf_printf(out, "  and %" PRIu32 " items more, over the limit of one run\n",
			result->items_left_out);
	return r;
}

/* {cpu="0",mode="idle"} */
static void add_labels(const Gavea__V1__Series *series, struct buf *out)
{
	for (size_t i = 0; i < series->n_labels; i++)
		buf_printf(
			out, "%s%s=\"%s\"", i ? "," : "{", series->labels[i]->key, series->labels[i]->value);
	if (series->n_labels)
		buf_add_char(out, '}');
}

static int add_samples(const struct result_view *view, const struct terminal *terminal, struct buf *out)
{
	static const struct table_column columns[] = {
		{.title = "VALUE", .right = true}, {.title = "UNIT"}, {.title = "SAMPLE"}};
	_cleanup_table_ struct table table = {.columns = NULL};

	if (!view->all_samples || view->sample_count == 0) {
		if (view->sample_count > 0)
			buf_printf(out, "\n  %zu sample%s (--samples shows them)\n", view->sample_count,
				view->sample_count == 1 ? "" : "s");
		return 0;
	}
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < view->sample_count; i++) {
		const struct result_sample *sample = &view->samples[i];
		_cleanup_buf_ struct buf labels = BUF_INIT;
		char number[FORMAT_SIZE];

		add_labels(sample->series, &labels);
		if (sample->histogram)
			table_add(&table, STYLE_PLAIN, "histogram");
		else
			table_add(&table, STYLE_PLAIN, "%s", format_number(number, sample->value));
		table_add(&table, STYLE_DIM, "%s", sample->series->unit);
		table_add(&table, STYLE_PLAIN, "%s%s", sample->series->name, buf_str(&labels));
	}
	buf_add_char(out, '\n');
	return table_write(&table, terminal, 2, out);
}

int result_text(const struct result_view *view, const struct terminal *terminal, struct buf *out)
{
	int r;

	add_line(view, terminal, out);
	r = add_items(view, terminal, out);
	return r < 0 ? r : add_samples(view, terminal, out);
}
