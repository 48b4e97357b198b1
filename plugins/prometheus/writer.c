/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include "text.h"

#include <inttypes.h>
#include <math.h>

#define TOTAL "_total"

static const char *const type_names[][2] = {
	[WRITTEN_GAUGE] = {"gauge", "gauge"},
	[WRITTEN_COUNTER] = {"counter", "counter"},
	[WRITTEN_HISTOGRAM] = {"histogram", "histogram"},
	[WRITTEN_UNTYPED] = {"untyped", "unknown"},
};

static void add_head(struct writer *writer, const char *what, const char *name, size_t size)
{
	buf_add_str(writer->out, what);
	buf_add(writer->out, name, size);
	buf_add_char(writer->out, ' ');
}

/* OpenMetrics takes a unit only when the name ends in it. */
static bool has_unit(const char *name, size_t size, const char *unit)
{
	size_t length = strlen(unit);

	return length > 0 && size > length + 1 && name[size - length - 1] == '_' &&
		strncmp(name + size - length, unit, length) == 0;
}

void writer_family(
	struct writer *writer, const char *name, enum written_type type, const char *unit, const char *help)
{
	bool openmetrics = writer->format == FORMAT_OPENMETRICS;
	size_t size = strlen(name);

	writer->name = name;
	if (type == WRITTEN_COUNTER && !text_ends_with(name, TOTAL))
		type = WRITTEN_UNTYPED;
	if (openmetrics && type == WRITTEN_COUNTER)
		size -= strlen(TOTAL);
	if (*help) {
		add_head(writer, "# HELP ", name, size);
		text_add_help(writer->out, help, openmetrics);
		buf_add_char(writer->out, '\n');
	}
	add_head(writer, "# TYPE ", name, size);
	buf_add_str(writer->out, type_names[type][openmetrics]);
	buf_add_char(writer->out, '\n');
	if (openmetrics && has_unit(name, size, unit)) {
		add_head(writer, "# UNIT ", name, size);
		buf_add_str(writer->out, unit);
		buf_add_char(writer->out, '\n');
	}
}

/* Whether labels, as they are written, have one of this name. A quote in a value has a backslash before it, so that
 * what is looked for can't be in one. */
static bool has_label(const char *labels, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = strstr(labels, name); at; at = strstr(at + 1, name))
		if ((at == labels || at[-1] == ',') && at[size] == '=' && at[size + 1] == '"')
			return true;
	return false;
}

static void add_comma(struct writer *writer, bool *some)
{
	buf_add_char(writer->out, *some ? ',' : '{');
	*some = true;
}

/* The common labels, but for those that the series has itself. */
static void add_common(struct writer *writer, const char *labels, bool *some)
{
	for (const char *at = writer->common; *at;) {
		_cleanup_free_ char *name = strndup(at, strcspn(at, "="));
		const char *end = at + strcspn(at, "\"") + 1;

		while (*end && *end != '"')
			end += *end == '\\' && end[1] ? 2 : 1;
		end += *end == '"';
		if (name && !has_label(labels, name)) {
			add_comma(writer, some);
			buf_add(writer->out, at, (size_t)(end - at));
		}
		at = end + (*end == ',');
	}
}

static void add_labels(struct writer *writer, const char *labels, const char *check, double bound)
{
	bool some = false;

	if (*labels) {
		add_comma(writer, &some);
		buf_add_str(writer->out, labels);
	}
	if (check) {
		add_comma(writer, &some);
		text_add_label(writer->out, has_label(labels, "check") ? "gavea_check" : "check", check);
	}
	add_common(writer, labels, &some);
	if (!isnan(bound)) {
		add_comma(writer, &some);
		buf_add_str(writer->out, "le=\"");
		text_add_bound(writer->out, bound);
		buf_add_char(writer->out, '"');
	}
	if (some)
		buf_add_char(writer->out, '}');
	buf_add_char(writer->out, ' ');
}

static void add_time(struct writer *writer, int64_t time_ms)
{
	if (writer->timestamps && time_ms != INT64_MIN) {
		if (writer->format == FORMAT_OPENMETRICS)
			buf_printf(writer->out, " %.3f", (double)time_ms / 1000);
		else
			buf_printf(writer->out, " %" PRId64, time_ms);
	}
	buf_add_char(writer->out, '\n');
	writer->samples++;
}

void writer_sample(
	struct writer *writer, const char *labels, const char *check, double value, int64_t time_ms)
{
	buf_add_str(writer->out, writer->name);
	add_labels(writer, labels, check, NAN);
	text_add_value(writer->out, value);
	add_time(writer, time_ms);
}

static void add_part(struct writer *writer, const char *part, const char *labels, const char *check,
	double bound, double value, int64_t time_ms)
{
	buf_add_str(writer->out, writer->name);
	buf_add_str(writer->out, part);
	add_labels(writer, labels, check, bound);
	text_add_value(writer->out, value);
	add_time(writer, time_ms);
}

void writer_histogram(struct writer *writer, const char *labels, const char *check,
	const struct buckets *buckets, int64_t time_ms)
{
	for (size_t i = 0; i < buckets->size; i++)
		add_part(writer, "_bucket", labels, check, buckets_bound(buckets, i),
			(double)buckets->below[i], time_ms);
	add_part(writer, "_bucket", labels, check, INFINITY, (double)buckets->count, time_ms);
	add_part(writer, "_sum", labels, check, NAN, buckets->sum, time_ms);
	add_part(writer, "_count", labels, check, NAN, (double)buckets->count, time_ms);
}

void writer_labelled(struct writer *writer, const char *name, const char *value, double number)
{
	_cleanup_buf_ struct buf label = BUF_INIT;

	text_add_label(&label, name, value);
	if (buf_error(&label) < 0)
		writer->out->error = buf_error(&label);
	writer_sample(writer, buf_str(&label), NULL, number, INT64_MIN);
}

void writer_end(struct writer *writer)
{
	if (writer->format == FORMAT_OPENMETRICS)
		buf_add_str(writer->out, "# EOF\n");
}
