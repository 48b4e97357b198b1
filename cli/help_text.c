/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"
#include "cli/help.h"

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

/* Two lines each: defaults may be long. */
static void add_option(
	const Gavea__Worker__V1__Option *option, const struct terminal *terminal, struct buf *out)
{
	buf_add_str(out, "  ");
	style_begin(terminal, STYLE_BOLD, out);
	text_clean(option->key, out);
	style_end(terminal, STYLE_BOLD, out);
	buf_printf(out, "  %s", option_type_name(option->type));
	if (*option->range) {
		buf_add_str(out, ", ");
		text_clean(option->range, out);
	}
	if (option->flags & GAVEA_OPTION_REQUIRED) {
		buf_add_str(out, ", required");
	} else if (*option->default_value) {
		buf_add_str(out, ", default ");
		text_clean(option->default_value, out);
	}
	buf_add_str(out, "\n      ");
	text_clean(option->doc, out);
	buf_add_char(out, '\n');
}

int help_text(const Gavea__Worker__V1__Hello *hello, const struct terminal *terminal, struct buf *out)
{
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
	for (size_t i = 0; i < hello->n_options; i++)
		add_option(hello->options[i], terminal, out);
	if (hello->n_options == 0)
		buf_add_str(out, "It takes no options of its own.\n");
	buf_add_str(out,
		"\nEvery check also takes name, enabled, every, timeout, attempts, labels, thresholds: see "
		"gavea.conf(5).\n"
		"\nIt needs, and gets no more than:\n");
	if (hello->needs)
		format_rights(hello->needs, "  ", out);
	return buf_error(out);
}
