/* SPDX-License-Identifier: Apache-2.0 */
#include "rights.h"

#include "base/fd.h"
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define REMEDY "; it has to be the agent's user's, and below one of write_paths: see " RIGHTS_PAGE

static const char *remedy(int code)
{
	return code == -EACCES || code == -EPERM ? REMEDY : "";
}

int rights_replace(const char *path, int64_t deadline, struct error *error)
{
	_cleanup_(replace_freep) struct replace *replace = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;
	int r = replace_begin(path, true, deadline, &replace, &why);

	if (r == 0)
		r = replace_try(replace, &why);
	return r < 0 ? error_set(error, r, "%s%s", error_text(&why, r), remedy(r)) : 0;
}

/* Cuts the path's last name; false when there is none. */
static bool cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* The kernel and the sandbox are asked by what will be done: access(2) knows nothing of the sandbox. */
static int try_folder(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 && errno != EOPNOTSUPP && errno != EISDIR ? -errno : 0;
}

int rights_folder(const char *path, struct error *error)
{
	_cleanup_free_ char *copy = strdup(path);
	int r;

	if (!copy)
		return error_set(error, -ENOMEM, "%s: out of memory", path);
	while ((r = try_folder(copy)) == -ENOENT && cut(copy))
		;
	return r < 0 ? error_set(error, r, "%s: can't write here: %s%s", copy, strerror(-r), remedy(r)) : 0;
}

int rights_beside(const char *path, struct error *error)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return error_set(error, -ENOMEM, "%s: out of memory", path);
	return cut(copy) ? rights_folder(copy, error) : 0;
}
