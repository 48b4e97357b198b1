/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"
#include "cli/help.h"
#include "cli/table.h"

#include <errno.h>

struct type {
	const char *name;
	const char *doc;
};

static const struct type types[] = {
	[GAVEA_OPTION_STRING] = {"string", "a string"},
	[GAVEA_OPTION_BOOL] = {"bool", "true or false"},
	[GAVEA_OPTION_INT] = {"int", "a whole number"},
	[GAVEA_OPTION_FLOAT] = {"float", "a number"},
	[GAVEA_OPTION_DURATION] = {"duration", "a duration, such as \"10s\" or \"5min\""},
	[GAVEA_OPTION_SIZE] = {"size", "a size, such as \"64KiB\" or \"2GiB\""},
	[GAVEA_OPTION_PERCENT] = {"percent", "a percentage, such as \"12.5%\""},
	[GAVEA_OPTION_CHOICE] = {"choice", "one of the words"},
	[GAVEA_OPTION_STRINGS] = {"strings", "a list of strings"},
	[GAVEA_OPTION_SECRET] = {"secret",
		"a string that is never shown; best ${credential:NAME} or ${file:PATH}"},
};

const char *option_type_name(uint32_t type)
{
	return type > 0 && type < ARRAY_SIZE(types) ? types[type].name : "?";
}

const char *option_type_doc(uint32_t type)
{
	return type > 0 && type < ARRAY_SIZE(types) ? types[type].doc : "";
}

static void add_kind(const Gavea__Worker__V1__Hello *hello, struct buf *out)
{
	if (hello->runs)
		buf_add_str(out, "A probe: it runs checks. ");
	if (hello->delivers)
		buf_add_str(out, "An output: it delivers records. ");
	if (hello->n_commands)
		buf_add_str(out, "An actor: it takes commands:");
	if (hello->n_commands) {
		for (size_t i = 0; i < hello->n_commands; i++) {
			buf_add_char(out, ' ');
			text_clean(hello->commands[i], out);
		}
		buf_add_char(out, '.');
	}
	buf_add_char(out, '\n');
}

static int add_options(
	const Gavea__Worker__V1__Hello *hello, const struct terminal *terminal, struct buf *out)
{
	static const struct table_column columns[] = {{.title = "OPTION"}, {.title = "TYPE"},
		{.title = "DEFAULT"}, {.title = "RANGE"}, {.title = "WHAT"}};
	_cleanup_table_ struct table table;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < hello->n_options; i++) {
		const Gavea__Worker__V1__Option *option = hello->options[i];
		bool required = option->flags & GAVEA_OPTION_REQUIRED;

		table_add(&table, STYLE_BOLD, "%s", option->key);
		table_add(&table, STYLE_PLAIN, "%s", option_type_name(option->type));
		table_add(&table, required ? STYLE_WARNING : STYLE_PLAIN, "%s",
			required                         ? "required"
				: *option->default_value ? option->default_value
							 : "-");
		table_add(&table, STYLE_PLAIN, "%s", *option->range ? option->range : "-");
		table_add(&table, STYLE_PLAIN, "%s", option->doc);
	}
	return table_write(&table, terminal, 0, out);
}

int help_text(const Gavea__Worker__V1__Hello *hello, const struct terminal *terminal, struct buf *out)
{
	int r = 0;

	style_begin(terminal, STYLE_BOLD, out);
	text_clean(hello->name, out);
	style_end(terminal, STYLE_BOLD, out);
	buf_add_char(out, ' ');
	text_clean(hello->version, out);
	buf_add_str(out, ": ");
	text_clean(hello->summary, out);
	buf_add_char(out, '\n');
	add_kind(hello, out);
	buf_add_char(out, '\n');
	if (hello->n_options)
		r = add_options(hello, terminal, out);
	else
		buf_add_str(out, "It takes no options of its own.\n");
	buf_add_str(out,
		"\nEvery check also takes name, enabled, every, timeout, attempts, labels: see "
		"gavea.conf(5).\n"
		"\nIt needs, and gets no more than:\n");
	if (hello->needs)
		format_rights(hello->needs, "  ", out);
	return r < 0 ? r : buf_error(out);
}
