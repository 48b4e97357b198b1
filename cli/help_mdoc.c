/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "cli/format.h"
#include "cli/help.h"

#include <ctype.h>
#include <inttypes.h>

static void add_char(char c, struct buf *out)
{
	if (c == '\\')
		buf_add_str(out, "\\e");
	else
		buf_add_char(out, c);
	/* Lists and expressions have no blanks; a line may be broken here. */
	if (c == '|' || c == ',')
		buf_add_str(out, "\\:");
}

/* Text that no macro can hide in: backslashes, and what begins a line with a control character. */
static void add_text(const char *text, struct buf *out)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;
	const char *c;

	text_clean(text, &clean);
	c = buf_str(&clean);
	if (*c == '.' || *c == '\'')
		buf_add_str(out, "\\&");
	for (; *c; c++)
		add_char(*c, out);
}

/* The same as one argument of a macro. */
static void add_argument(const char *text, struct buf *out)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	text_clean(text, &clean);
	buf_add_char(out, '"');
	for (const char *c = buf_str(&clean); *c; c++)
		if (*c == '"')
			buf_add_str(out, "\\(dq");
		else
			add_char(*c, out);
	buf_add_char(out, '"');
}

/* mdoc wants a sentence on a line of its own. */
static void add_sentence(const char *text, struct buf *out)
{
	size_t length = strlen(text);

	if (length == 0)
		return;
	add_text(text, out);
	buf_add_str(out, strchr(".!?", text[length - 1]) ? "\n" : ".\n");
}

static void add_head(const Gavea__Worker__V1__Hello *hello, const char *date, struct buf *out)
{
	buf_add_str(out, ".\\\" Made by `gavea help --format=mdoc` from the plugin's own tables.\n");
	buf_printf(out, ".Dd %s\n.Dt GAVEA-", date);
	for (const char *c = hello->name; *c; c++)
		buf_add_char(out, (char)toupper((unsigned char)*c));
	buf_printf(out, " 7\n.Os\n.Sh NAME\n.Nm gavea-%s\n.Nd ", hello->name);
	add_text(hello->summary, out);
	buf_add_str(out, "\n.Sh SYNOPSIS\n");
	if (hello->runs)
		buf_printf(out, ".Nm gavea run %s\n.Op Ar key Ns = Ns Ar value ...\n", hello->name);
	else
		buf_printf(out, ".Pa /etc/gavea/conf.d/%s.conf\n", hello->name);
}

static void add_description(const Gavea__Worker__V1__Hello *hello, struct buf *out)
{
	buf_printf(out, ".Sh DESCRIPTION\n.Nm\nis %s of the\n.Xr gavead 8\nagent, version\n",
		hello->delivers       ? "an output"
			: hello->runs ? "a probe"
				      : "an actor");
	add_sentence(hello->version, out);
	buf_printf(out, "It is configured in the group\n.Va %s\n", hello->name);
	buf_printf(out, "of a file such as\n.Pa /etc/gavea/conf.d/%s.conf ;\n", hello->name);
	buf_add_str(out, "see\n.Xr gavea.conf 5 .\n");
	if (hello->n_commands == 0)
		return;
	buf_add_str(out, ".Pp\nIt takes these commands, by\n.Ql gavea command :\n.Bl -bullet -compact\n");
	for (size_t i = 0; i < hello->n_commands; i++) {
		buf_add_str(out, ".It\n.Cm ");
		add_argument(hello->commands[i], out);
		buf_add_char(out, '\n');
	}
	buf_add_str(out, ".El\n");
}

static void add_option(const Gavea__Worker__V1__Option *option, struct buf *out)
{
	buf_add_str(out, ".It Va ");
	add_argument(option->key, out);
	buf_add_char(out, '\n');
	add_sentence(option->doc, out);
	buf_add_str(out, "It is ");
	add_sentence(option_type_doc(option->type), out);
	if (*option->range) {
		buf_add_str(out, option->type == GAVEA_OPTION_CHOICE ? "Words:\n.Ql " : "Range:\n.Ql ");
		add_argument(option->range, out);
		buf_add_str(out, " .\n");
	}
	if (option->flags & GAVEA_OPTION_REQUIRED) {
		buf_add_str(out, "It has no default: a check without it is refused.\n");
	} else if (*option->default_value) {
		buf_add_str(out, "Default:\n.Ql ");
		add_argument(option->default_value, out);
		buf_add_str(out, " .\n");
	} else {
		buf_add_str(out, "Not set by default.\n");
	}
}

static void add_paths(const char *title, char **paths, size_t count, struct buf *out)
{
	if (count == 0)
		return;
	buf_printf(out, ".It %s\n", title);
	for (size_t i = 0; i < count; i++) {
		buf_add_str(out, ".Pa ");
		add_argument(paths[i], out);
		buf_add_str(out, i + 1 < count ? " ,\n" : "\n");
	}
}

static void add_needs(const Gavea__Worker__V1__Rights *needs, struct buf *out)
{
	static const char *const networks[] = {"none", "may connect", "may connect and listen"};
	char text[32];

	buf_add_str(out,
		".Sh NEEDS\nThe plugin is granted these rights and no others.\n"
		"Configuration can take rights away, never add any.\n.Bl -tag -width Ds\n");
	buf_printf(out, ".It Network\n%s\n", networks[MIN(needs->network, (uint32_t)GAVEA_NETWORK_SERVER)]);
	buf_printf(out, ".It Other programs\n%s\n", needs->exec ? "may be run" : "none");
	add_paths("Capabilities", needs->capabilities, needs->n_capabilities, out);
	add_paths("May also read", needs->read_paths, needs->n_read_paths, out);
	add_paths("May also write", needs->write_paths, needs->n_write_paths, out);
	buf_printf(out, ".It Memory\n%s\n",
		format_size(text, needs->memory ? needs->memory : UINT64_C(64) << 20));
	buf_printf(out, ".It Open files\n%" PRIu32 "\n.El\n", needs->open_files ? needs->open_files : 256);
}

void help_mdoc(const Gavea__Worker__V1__Hello *hello, const char *date, struct buf *out)
{
	add_head(hello, date, out);
	add_description(hello, out);
	buf_add_str(out, ".Sh OPTIONS\n");
	if (hello->n_options) {
		buf_add_str(out, ".Bl -tag -width Ds\n");
		for (size_t i = 0; i < hello->n_options; i++)
			add_option(hello->options[i], out);
		buf_add_str(out, ".El\n");
	} else {
		buf_add_str(out, "It takes no options of its own.\n");
	}
	if (hello->needs)
		add_needs(hello->needs, out);
	buf_add_str(
		out, ".Sh SEE ALSO\n.Xr gavea 1 ,\n.Xr gavea.conf 5 ,\n.Xr gavea-plugin 7 ,\n.Xr gavead 8\n");
}
