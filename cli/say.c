/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"
#include "cli/cli.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>

int say(const struct buf *text)
{
	if (buf_error(text) < 0)
		return complain(CLI_FAILED, "out of memory");
	if (text->size && fwrite(text->data, 1, text->size, stdout) != text->size)
		return complain(CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
	if (fflush(stdout) != 0)
		return complain(CLI_FAILED, "cannot write to standard output: %s", strerror(errno));
	return 0;
}

/* Line by line: what comes from elsewhere may hold anything else. */
static void print_lines(const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		_cleanup_free_ char *line = strndup(text, (size_t)(end - text));
		_cleanup_buf_ struct buf clean = BUF_INIT;

		if (line)
			text_clean(line, &clean);
		fprintf(stderr, "%s\n", buf_str(&clean));
		text = *end ? end + 1 : end;
	}
}

int complain(int code, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list args;

	buf_add_str(&text, "gavea: ");
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	fflush(stdout);
	print_lines(buf_str(&text));
	return code;
}

int complain_error(int code, const struct error *error, int r)
{
	return complain(code, "%s%s%s", error->where ? error->where : "", error->where ? ": " : "",
		error_text(error, r));
}
