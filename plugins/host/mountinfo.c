/* SPDX-License-Identifier: Apache-2.0 */
#include "mountinfo.h"

#include "scan.h"

#include "base/util.h"

#include <errno.h>
#include <stdbool.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* A copy of a word with \040 and its like undone; an escape of a NUL byte stays as it is. */
static char *unescaped(const char *word, size_t size)
{
	char *copy = malloc(size + 1);
	size_t used = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (word[i] == '\\' && size - i > 3 && word[i + 1] <= '3' && is_octal(word[i + 1]) &&
			is_octal(word[i + 2]) && is_octal(word[i + 3])) {
			int code = (word[i + 1] - '0') * 64 + (word[i + 2] - '0') * 8 + (word[i + 3] - '0');

			if (code) {
				copy[used++] = (char)code;
				i += 3;
				continue;
			}
		}
		copy[used++] = word[i];
	}
	copy[used] = '\0';
	return copy;
}

void mount_done(struct mount *mount)
{
	free(mount->device);
	free(mount->mount_point);
	free(mount->type);
	*mount = (struct mount){NULL, NULL, NULL, false, false};
}

/* Whether option is one of the comma-separated ones of a word. */
static bool has_option(const char *word, size_t size, const char *option)
{
	size_t length = strlen(option);

	for (const char *p = word, *end = word + size; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - p) == length && memcmp(p, option, length) == 0)
			return true;
		p = stop + 1;
	}
	return false;
}

/* ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [OPTIONAL …] - TYPE DEVICE SUPER-OPTIONS */
int mount_parse(const char *line, struct mount *ret_mount)
{
	const char *mount_point = NULL, *type, *device, *options, *p = line;
	size_t size, mount_point_size = 0, type_size, device_size;
	bool writable = false;

	for (int i = 0;; i++) {
		p = scan_word(p, &size);
		if (!p)
			return -EBADMSG;
		if (i == 4) {
			mount_point = p;
			mount_point_size = size;
		}
		if (i == 5)
			writable = has_option(p, size, "rw");
		p += size;
		if (i >= 6 && size == 1 && p[-1] == '-')
			break;
	}
	type = scan_word(p, &type_size);
	device = type ? scan_word(type + type_size, &device_size) : NULL;
	if (!device)
		return -EBADMSG;
	options = scan_word(device + device_size, &size);
	*ret_mount = (struct mount){unescaped(device, device_size), unescaped(mount_point, mount_point_size),
		unescaped(type, type_size), writable, options && has_option(options, size, "emergency_ro")};
	if (!ret_mount->device || !ret_mount->mount_point || !ret_mount->type) {
		mount_done(ret_mount);
		return -ENOMEM;
	}
	return 0;
}
