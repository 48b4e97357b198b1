/* SPDX-License-Identifier: Apache-2.0 */
#include "variables.h"

#include "base/utf8.h"

#include <errno.h>

#define HIDDEN "***"
#define SHORTEST_HIDDEN 4 /* of HIDE_LONG */

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void variable_done(struct variable *variable)
{
	wipe(&variable->value);
	wipe(&variable->encoded);
	wipe(&variable->escaped);
}

void variables_done(struct variables *variables)
{
	for (size_t i = 0; i < variables->count; i++)
		variable_done(&variables->list[i]);
	variables->count = 0;
}

static struct variable *find(const struct variables *variables, const char *name, size_t size)
{
	for (size_t i = 0; i < variables->count; i++) {
		const struct variable *variable = &variables->list[i];

		if (strlen(variable->name) == size && memcmp(variable->name, name, size) == 0)
			return (struct variable *)variable;
	}
	return NULL;
}

static void add_encoded(struct buf *out, const char *value)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c))
			buf_add_char(out, *value);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void add_escaped(struct buf *out, const char *value)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_add_char(out, *value);
	}
}

static char *converted(const char *value, void (*add)(struct buf *out, const char *value))
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	add(&out, value);
	return out.size ? buf_take(&out) : calloc(1, 1);
}

int variables_set(
	struct variables *variables, const char *name, const char *value, size_t size, enum hiding hiding)
{
	struct variable *variable = find(variables, name, strlen(name));
	struct variable made = {.hiding = hiding};

	if (size > VARIABLE_VALUE_MAX || strlen(name) > VARIABLE_NAME_MAX ||
		(!variable && variables->count == VARIABLES_MAX))
		return -E2BIG;
	made.value = strndup(value, size);
	if (made.value) {
		made.encoded = converted(made.value, add_encoded);
		made.escaped = converted(made.value, add_escaped);
	}
	if (!made.value || !made.encoded || !made.escaped) {
		variable_done(&made);
		return -ENOMEM;
	}
	strcpy(made.name, name); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
	if (variable)
		variable_done(variable);
	else
		variable = &variables->list[variables->count++];
	*variable = made;
	return 0;
}

bool variable_name_valid(const char *name, size_t size)
{
	if (!size || size > VARIABLE_NAME_MAX || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", name[i]) || !name[i])
			return false;
	return true;
}

size_t template_reference(const char *text, const char **ret_name, size_t *ret_size)
{
	const char *end;

	if (text[0] != '{' || text[1] != '{')
		return 0;
	end = strstr(text, "}}");
	if (!end || !variable_name_valid(text + 2, (size_t)(end - text - 2)))
		return 0;
	*ret_name = text + 2;
	*ret_size = (size_t)(end - text - 2);
	return (size_t)(end - text) + 2;
}

static bool has_control(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return true;
	return false;
}

static int add_value(const char *value, enum filling filling, bool first, struct buf *out)
{
	switch (filling) {
	case FILL_HEADER:
		if (has_control(value))
			return -EINVAL;
		break;
	case FILL_URL:
		if (first)
			break;
		add_encoded(out, value);
		return 0;
	case FILL_JSON:
		add_escaped(out, value);
		return 0;
	case FILL_PLAIN:
		break;
	}
	buf_add_str(out, value);
	return 0;
}

int template_fill(const char *text, const struct variables *variables, enum filling filling, struct buf *out,
	struct error *error)
{
	const char *start = text, *name;
	size_t size;

	while (*text) {
		size_t length = template_reference(text, &name, &size);
		const struct variable *variable;

		if (!length) {
			buf_add_char(out, *text++);
			continue;
		}
		variable = find(variables, name, size);
		if (!variable)
			return error_set(error, -ENODATA, "{{%.*s}} has no value", (int)size, name);
		if (add_value(variable->value, filling, text == start, out) < 0)
			return error_set(error, -EINVAL,
				"{{%.*s}} has control characters, which a header cannot carry", (int)size,
				name);
		text += length;
	}
	return buf_error(out) ? error_set(error, buf_error(out), "out of memory") : 0;
}

/* The longest form of a value that must not be seen and begins here; 0: none. */
static size_t hidden_here(const struct variables *variables, const char *text, size_t size)
{
	size_t longest = 0;

	for (size_t i = 0; i < variables->count; i++) {
		const struct variable *variable = &variables->list[i];
		const char *const forms[] = {variable->value, variable->encoded, variable->escaped};

		if (variable->hiding == HIDE_NEVER ||
			(variable->hiding == HIDE_LONG && strlen(variable->value) < SHORTEST_HIDDEN))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(forms); j++) {
			size_t length = strlen(forms[j]);

			if (length > longest && length <= size && memcmp(text, forms[j], length) == 0)
				longest = length;
		}
	}
	return longest;
}

void variables_show(
	const struct variables *variables, const char *text, size_t size, size_t limit, struct buf *out)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;
	size_t at = 0, cut;

	/* A little beyond the limit is enough to know that it has to be cut. */
	while (at < size && shown.size <= limit) {
		size_t hidden = hidden_here(variables, text + at, size - at);

		if (hidden)
			buf_add_str(&shown, HIDDEN);
		else
			buf_add_char(&shown, text[at]);
		at += hidden ? hidden : 1;
	}
	if (buf_error(&shown) || !shown.size)
		return;
	utf8_repair(shown.data, shown.size > limit ? utf8_cut(shown.data, shown.size, limit) : shown.size);
	for (size_t i = 0; i < shown.size; i++)
		if ((unsigned char)shown.data[i] < 0x20 || shown.data[i] == 0x7f)
			shown.data[i] = ' ';
	cut = shown.size > limit || at < size ? utf8_cut(shown.data, shown.size, limit) : shown.size;
	buf_add(out, shown.data, cut);
	if (cut < shown.size || at < size)
		buf_add_str(out, "\xe2\x80\xa6");
}
