/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "kit/program.h"

#include <errno.h>

#define ERRORS_MAX 4096
#define QUOTE_MAX 200
#define GRACE (2 * NSEC_PER_SEC)

int command_check(const char *setting, const char *const *arguments, struct error *error)
{
	if (arguments && arguments[0] && arguments[0][0] == '/')
		return 0;
	return error_set(error, -EINVAL, "%s: the program must be given by its absolute path", setting);
}

/* The first line with something in it, made printable; "" when there is none. */
static const char *first_line(struct buf *text)
{
	char *line;
	size_t size;

	buf_add(text, "", 0);
	if (!text->data)
		return "";
	line = text->data + strspn(text->data, " \t\r\n");
	size = strcspn(line, "\r\n");
	line[utf8_cut(line, size, QUOTE_MAX)] = '\0';
	utf8_repair(line, strlen(line));
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return line;
}

static int judge(const char *const *arguments, struct program_result *result, struct error *error)
{
	char end[64];
	const char *said;

	if (result->end == PROGRAM_EXITED && result->code == 0)
		return 0;
	said = first_line(&result->errors);
	return error_set(error, result->end == PROGRAM_TIMED_OUT ? -ETIMEDOUT : -EREMOTEIO, "%s: %s%s%s",
		arguments[0], program_end_text(end, result), *said ? ": " : "", said);
}

int command_run(const char *const *arguments, int64_t deadline, struct buf *output, struct error *error)
{
	_cleanup_program_result_ struct program_result result = {0};
	struct program program = {
		.arguments = arguments,
		.output_max = output ? COMMAND_OUTPUT_MAX : 0,
		.errors_max = ERRORS_MAX,
		.deadline = deadline,
		.grace = GRACE,
	};
	int r = program_run(&program, &result, error);

	if (r == 0)
		r = judge(arguments, &result, error);
	if (r < 0 || !output)
		return r;
	if (result.output_cut)
		return error_set(error, -EMSGSIZE, "%s: it printed more than 64 KiB", arguments[0]);
	buf_add(output, result.output.data, result.output.size);
	return buf_error(output) < 0 ? error_set(error, -ENOMEM, "out of memory") : 0;
}
