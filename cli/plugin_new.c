/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"
#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/say.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE_MAX ((size_t)1 << 20)
#define NAME_MAX_BYTES 31

static const char *const files[] = {"NAME.c", "Makefile", "README.md"};

/* A plugin's name: [a-z][a-z0-9-]*, at most 31 bytes. */
static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return name[0] >= 'a' && name[0] <= 'z' && length <= NAME_MAX_BYTES &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* Replaces @NAME@, and PLUGIN_IDENT by the name as C and Prometheus know names. */
static void fill_in(const char *text, const char *name, struct buf *out)
{
	while (*text) {
		const char *rest;

		if ((rest = startswith(text, "@NAME@"))) {
			buf_add_str(out, name);
		} else if ((rest = startswith(text, "PLUGIN_IDENT"))) {
			for (const char *c = name; *c; c++)
				buf_add_char(out, (char)(*c == '-' ? '_' : *c));
		} else {
			rest = text + 1;
			buf_add_char(out, *text);
		}
		text = rest;
	}
}

static int write_new(const char *path, const struct buf *content)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : fd_write_full(fd, content->data, content->size);

	return r < 0 ? complain(CLI_FAILED, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static int make_file(const char *templates, const char *file, const char *folder, const char *name)
{
	_cleanup_free_ char *from = NULL, *to = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, content = BUF_INIT;
	const char *extension = startswith(file, "NAME");
	int r;

	if (asprintf(&from, "%s/%s", templates, file) < 0 ||
		asprintf(&to, "%s/%s%s", folder, extension ? name : file, extension ? extension : "") < 0)
		return complain(CLI_FAILED, "out of memory");
	r = file_read(AT_FDCWD, from, TEMPLATE_MAX, &text);
	if (r < 0)
		return complain(CLI_FAILED,
			"cannot read the template %s: %s; is the package gavea-dev installed?", from,
			strerror(-r));
	fill_in(buf_str(&text), name, &content);
	if (buf_error(&content) < 0)
		return complain(CLI_FAILED, "out of memory");
	return write_new(to, &content);
}

static char *template_folder(void)
{
	const char *folder = getenv("GAVEA_TEMPLATE_DIR");

	return str_empty(folder) ? place_data("template") : strdup(folder);
}

int cmd_plugin_new(struct cli *cli, const struct command *command, int argc, char **argv)
{
	_cleanup_free_ char *templates = template_folder();
	const char *name, *folder;
	int code,
		n = arguments_parse(cli, command, NULL, 0, (struct argument_range){1, 2}, argc, argv, &code);

	if (n < 0)
		return code;
	name = argv[0];
	folder = n > 1 ? argv[1] : name;
	if (!templates)
		return complain(CLI_FAILED, "out of memory");
	if (!is_name(name))
		return complain(CLI_USAGE,
			"\"%s\" is no name for a plugin: it begins with a letter and has at most 31 of a-z, "
			"0-9 and -",
			name);
	if (mkdir(folder, 0777) < 0)
		return complain(CLI_FAILED, "cannot make the folder %s: %s", folder,
			errno == EEXIST ? "there is something of that name already" : strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		code = make_file(templates, files[i], folder, name);
		if (code)
			return code;
	}
	printf("%s/%s.c is a plugin that works; make it yours. To build and try it: make -C %s check\n",
		folder, name, folder);
	return 0;
}
