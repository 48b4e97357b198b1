/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_table.h"

#include "base/parse.h"

#include <errno.h>

#define ABSENT UINT32_MAX

/* Text after the closing quote. */
static const char *read_quoted(const char *text, char *kept, size_t *size)
{
	for (text++; *text; text++) {
		if (*text == '"' && *++text != '"')
			break;
		if (kept && *size + 1 < HAPROXY_FIELD_MAX)
			kept[(*size)++] = *text;
	}
	return text;
}

/* One field into kept (may be NULL); returns the text after it and its separator. */
static const char *read_field(const struct haproxy_table *table, const char *text, char *kept, bool *ret_last)
{
	size_t size = 0;

	if (*text == '"' && table->separator == ',')
		text = read_quoted(text, kept, &size);
	for (; *text && *text != '\n' && *text != table->separator; text++)
		if (kept && size + 1 < HAPROXY_FIELD_MAX && *text != '\r')
			kept[size++] = *text;
	if (kept)
		kept[size] = '\0';
	*ret_last = *text != table->separator;
	return *text ? text + 1 : text;
}

static void note_column(struct haproxy_table *table, const char *name, unsigned at)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].at == ABSENT && streq(table->columns[i].name, name))
			table->columns[i].at = at;
}

int haproxy_table_begin(struct haproxy_table *table, struct error *error)
{
	const char *text = startswith(table->text, "# ");
	char name[HAPROXY_FIELD_MAX];
	bool last = false;

	if (!text)
		return error_set(error, -EBADMSG, "its first line is no header that begins with \"# \"");
	for (size_t i = 0; i < table->column_count; i++)
		table->columns[i].at = ABSENT;
	for (unsigned at = 0; !last; at++) {
		if (at == HAPROXY_COLUMNS_MAX)
			return error_set(
				error, -EBADMSG, "its header has more than %d columns", HAPROXY_COLUMNS_MAX);
		text = read_field(table, text, name, &last);
		note_column(table, name, at);
	}
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].at == ABSENT && !table->columns[i].optional)
			return error_set(
				error, -EBADMSG, "its header has no column \"%s\"", table->columns[i].name);
	table->text = text;
	return 0;
}

static char *wanted(const struct haproxy_table *table, unsigned at, char (*fields)[HAPROXY_FIELD_MAX])
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].at == at)
			return fields[i];
	return NULL;
}

bool haproxy_table_next(struct haproxy_table *table, char (*fields)[HAPROXY_FIELD_MAX])
{
	bool last = false;

	for (size_t i = 0; i < table->column_count; i++)
		fields[i][0] = '\0';
	table->text += strspn(table->text, "\r\n");
	if (!*table->text)
		return false;
	for (unsigned at = 0; !last; at++)
		table->text = read_field(table, table->text, wanted(table, at, fields), &last);
	return true;
}

int haproxy_number(const char *field, const char *name, int64_t *ret_value, struct error *error)
{
	int64_t value;

	if (!*field) {
		*ret_value = -1;
		return 0;
	}
	if (parse_int64(field, &value) < 0 || value < 0)
		return error_set(error, -EBADMSG, "its column \"%s\" holds \"%.40s\", which is no number",
			name, field);
	*ret_value = value;
	return 0;
}
