/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a step's entries. */
#include "plan.h"

#include <errno.h>

static bool is_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		c == '-';
}

size_t step_label(const char *text, const char **ret_rest)
{
	size_t length = *text == '*' ? 1 : 0;

	if (!length)
		while (is_label(text[length]))
			length++;
	if (!length || length > STEP_NAME_MAX || text[length] != ':')
		return 0;
	*ret_rest = text + length + 1 + strspn(text + length + 1, " \t");
	return length;
}

static int judge_target(const char *target, struct error *error)
{
	const char *name;
	size_t size;

	if (!*target)
		return error_set(error, -EINVAL, "the path or URL is missing");
	for (const char *p = target; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return error_set(error, -EINVAL,
				"the path or URL has a space or a control character: write "
				"%%20 for a space");
	if (*target != '/' && !startswith(target, "http://") && !startswith(target, "https://") &&
		!template_reference(target, &name, &size))
		return error_set(error, -EINVAL, "what is asked for must begin with /, http:// or https://");
	return 0;
}

int step_parse_request(const char *text, struct step *step, struct error *error)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	const char *target = text;
	int r;

	if (length && text[length] == ' ') {
		target = text + length + strspn(text + length, " ");
	} else if (length && !text[length]) {
		return error_set(error, -EINVAL, "the path or URL is missing");
	} else {
		length = 0;
	}
	r = judge_target(target, error);
	if (r < 0)
		return r;
	step->method = length ? strndup(text, length) : NULL;
	step->target = strdup(target);
	return step->target && (step->method || !length) ? 0 : error_set(error, -ENOMEM, "out of memory");
}
