/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "cli/enroll.h"

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define TOKEN_MAX 4096
#define CONFIG_MAX ((size_t)1 << 20)

static void trim(struct buf *text)
{
	while (text->size && strchr(" \t\r\n", text->data[text->size - 1]))
		text->data[--text->size] = 0;
}

static int read_line(int fd, struct buf *out)
{
	char c;

	while (out->size < TOKEN_MAX) {
		ssize_t n = read(fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 || c == '\n')
			return 0;
		buf_add_char(out, c);
	}
	return -EFBIG;
}

/* As with a password: it is not shown. */
static int ask(struct buf *token)
{
	_cleanup_fd_ int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	static const char prompt[] = "enrolment token: ";
	struct termios before, quiet;
	int r;

	if (terminal < 0)
		return -ENOTTY;
	if (tcgetattr(terminal, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(terminal, TCSAFLUSH, &quiet) < 0)
		return -errno;
	r = fd_write_full(terminal, prompt, strlen(prompt));
	if (r == 0)
		r = read_line(terminal, token);
	(void)tcsetattr(terminal, TCSAFLUSH, &before);
	(void)fd_write_full(terminal, "\n", 1);
	return r;
}

int enroll_read_token(const char *path, struct buf *token, struct error *error)
{
	int r;

	if (!path)
		r = ask(token);
	else if (streq(path, "-"))
		r = read_line(STDIN_FILENO, token);
	else
		r = file_read(AT_FDCWD, path, TOKEN_MAX, token);
	if (r == -ENOTTY)
		return error_set(
			error, r, "there is no terminal to ask for the token: use --token-file FILE");
	if (r < 0)
		return error_set(error, r, "cannot read the token%s%s: %s", path ? " from " : "",
			path ? path : "",
			r == -EFBIG ? "it is larger than 4 KiB, that is no token" : strerror(-r));
	trim(token);
	if (token->size == 0)
		return error_set(error, -EINVAL, "there is no token in %s", path ? path : "what was typed");
	return 0;
}

void enroll_add_config(
	const char *name, const char *url, const char *ca_file, const char *folder, struct buf *out)
{
	buf_printf(out, "fleet: {\n  checks = (\n    { name = \"%s\"; url = \"%s\";", name, url);
	if (ca_file)
		buf_printf(out, " ca = \"%s\";", ca_file);
	if (folder)
		buf_printf(out, " identity = \"%s\";", folder);
	buf_add_str(out, " }\n  );\n};\n");
}

/* Whether there is anything in it that the agent would read. */
static int is_comment(const char *text)
{
	while (*text) {
		text += strspn(text, " \t\r\n");
		if (*text == '#' || startswith(text, "//"))
			text += strcspn(text, "\n");
		else if (*text)
			return 0;
	}
	return 1;
}

int enroll_write_config(const char *folder, const struct buf *section, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (asprintf(&path, "%s/conf.d/fleet.conf", folder) < 0) {
		path = NULL;
		return error_set(error, -ENOMEM, "out of memory");
	}
	r = file_read(AT_FDCWD, path, CONFIG_MAX, &text);
	if (r < 0 && r != -ENOENT)
		return error_set(error, r, "cannot read %s: %s", path, strerror(-r));
	if (!is_comment(buf_str(&text)))
		return error_set(error, -EEXIST, "%s has settings already: add the section by hand", path);
	if (text.size)
		buf_add_char(&text, '\n');
	buf_add(&text, section->data, section->size);
	r = file_write_atomic(AT_FDCWD, path, text.data, text.size, 0644);
	return r < 0 ? error_set(error, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}
