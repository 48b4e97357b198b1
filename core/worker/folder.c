/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/folder.h"
#include "base/buf.h"

#include <stdio.h>

#define NAME_MAX_BYTES 200

static int is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		c == '-' || c == '.';
}

char *folder_of_check(const char *state_directory, const char *check)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	const char *slash = strchr(check, '/'), *name = slash ? slash + 1 : check;
	size_t start;

	buf_printf(&path, "%s/", state_directory);
	start = path.size;
	for (const char *c = name; *c; c++) {
		if (is_plain(*c) && !(c == name && *c == '.'))
			buf_add_char(&path, *c);
		else
			buf_printf(&path, "%%%02X", (unsigned char)*c);
	}
	if (path.size == start || path.size - start > NAME_MAX_BYTES)
		return NULL;
	return buf_take(&path);
}

char *folder_join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}
