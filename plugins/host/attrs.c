/* SPDX-License-Identifier: Apache-2.0 */
#include "attrs.h"

#include "scan.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	KEPT_MAX = 400, /* descriptors of all collectors together; see needs.open_files */
	TEXT_ROOM = 128,
	ENTRIES_MAX = 4096,
};

#define SELDOM (10 * NSEC_PER_SEC)

void attrs_reset(struct attrs *attrs)
{
	for (size_t i = 0; i < attrs->count; i++) {
		if (attrs->list[i].fd >= 0)
			attrs->collection->kept_files--;
		fd_close(attrs->list[i].fd);
		free(attrs->list[i].path);
	}
	attrs->count = 0;
	attrs->next_seldom = 0;
	attrs->stale = false;
}

void attrs_done(struct attrs *attrs)
{
	attrs_reset(attrs);
	free(attrs->list);
	*attrs = (struct attrs){0};
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

bool attrs_add(struct attrs *attrs, struct collection *collection, const char *folder, const char *name,
	int series, double factor, double divisor, enum attr_pace pace)
{
	struct attr attr = {-EBADF, NULL, series, factor, divisor, pace, false, 0};
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -EBADF;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return false;
	}
	fd = open_file(path);
	if (fd < 0 || GROW(attrs->list, attrs->count, attrs->room) < 0)
		return false;
	attrs->collection = collection;
	if (collection->kept_files < KEPT_MAX) {
		attr.fd = TAKE_FD(fd);
		collection->kept_files++;
	} else {
		attr.path = TAKE_PTR(path);
	}
	attrs->list[attrs->count++] = attr;
	return true;
}

int attr_parse(const char *text, double *ret_value)
{
	bool negative = *text == '-';
	double value;
	uint64_t whole;

	text += negative;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		text = scan_hex(text + 2, &whole);
		value = text ? (double)whole : 0;
	} else {
		text = *text >= '0' && *text <= '9' ? scan_decimal(text, &value) : NULL;
	}
	if (!text || text[strspn(text, " \t\n")])
		return -EBADMSG;
	*ret_value = negative ? -value : value;
	return 0;
}

/* Reads what fd holds, at most room - 1 bytes. */
static int read_text(int fd, char *buffer, size_t room)
{
	ssize_t n;

	do
		n = pread(fd, buffer, room - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return 0;
}

/* Reads it again. 0, or a negative errno when it can't be read. */
static int attr_update(struct attr *attr)
{
	char text[TEXT_ROOM];
	int fd = attr->path ? open_file(attr->path) : attr->fd;
	int r = fd < 0 ? fd : read_text(fd, text, sizeof(text));

	attr->known = r == 0 && attr_parse(text, &attr->value) == 0;
	if (attr->known)
		attr->value = attr->value * attr->factor / attr->divisor;
	if (attr->path)
		fd_close(fd);
	return r;
}

void attrs_collect(struct attrs *attrs, struct collection *collection)
{
	bool seldom = due(collection, &attrs->next_seldom, SELDOM);

	for (size_t i = 0; i < attrs->count; i++) {
		struct attr *attr = &attrs->list[i];

		if ((attr->pace == ATTR_EACH_RUN || seldom) && attr_update(attr) == -ENODEV)
			attrs->stale = true;
		if (attr->known)
			collect(collection, attr->series, attr->value);
	}
}

int attr_read_text(const char *folder, const char *name, char *buffer, size_t room)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -EBADF;
	size_t start, size;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open_file(path);
	if (fd < 0)
		return fd;
	r = read_text(fd, buffer, room);
	if (r < 0)
		return r;
	size = strlen(buffer);
	while (size && strchr(" \t\r\n", buffer[size - 1]))
		buffer[--size] = '\0';
	start = strspn(buffer, " \t\r\n");
	memmove(buffer, buffer + start, size - MIN(start, size) + 1);
	return 0;
}

int attr_read_number(const char *folder, const char *name, double *ret_value)
{
	char text[TEXT_ROOM];
	int r = attr_read_text(folder, name, text, sizeof(text));

	return r < 0 ? r : attr_parse(text, ret_value);
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int attr_each(const char *folder, const char *prefix, void *context,
	int (*take)(void *context, const char *folder, const char *name))
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char **names = NULL;
	size_t count = 0, room = 0;
	int r = 0;

	while (dir && count < ENTRIES_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !startswith(entry->d_name, prefix))
			continue;
		if (GROW(names, count, room) < 0 || !(names[count] = strdup(entry->d_name))) {
			r = -ENOMEM;
			break;
		}
		count++;
	}
	if (dir)
		closedir(dir);
	if (count)
		qsort(names, count, sizeof(*names), by_version);
	for (size_t i = 0; i < count; i++) {
		if (r == 0)
			r = take(context, folder, names[i]);
		free(names[i]);
	}
	free(names);
	return r;
}
