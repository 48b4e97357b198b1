/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of one number each, as sysfs has them. They are found by a scan, which keeps their descriptors, and read
 * with one pread() a run; those that hardly ever change are read once in a while and remembered in between. A file
 * that can't be read or holds no number has no sample.
 */
#ifndef HOST_ATTRS_H
#define HOST_ATTRS_H

#include "collector.h"

enum attr_pace {
	ATTR_EACH_RUN,
	ATTR_SELDOM, /* each 10 seconds */
};

struct attr {
	int fd; /* -EBADF: too many are open; the path is opened each time */
	char *path; /* NULL while fd is one */
	int series;
	double factor;
	double divisor; /* apart from the factor: x / 1000 and x * 0.001 are not the same double */
	enum attr_pace pace;
	bool known;
	double value;
};

struct attrs {
	struct attr *list;
	size_t count;
	size_t room;
	struct collection *collection; /* that counts the descriptors */
	int64_t next_seldom;
	bool stale; /* a device has gone, and perhaps come back under the same name: scan again */
};

void attrs_done(struct attrs *attrs);

/* Forgets all of them. */
void attrs_reset(struct attrs *attrs);

/* Adds folder/name, when it is there, as a series whose value is the file's number * factor / divisor. Returns whether
 * it is there. */
bool attrs_add(struct attrs *attrs, struct collection *collection, const char *folder, const char *name,
	int series, double factor, double divisor, enum attr_pace pace);

/* Collects what all of them say now. */
void attrs_collect(struct attrs *attrs, struct collection *collection);

/* The number that a file holds: decimal, with a sign and a fraction, or hexadecimal after 0x. 0, -errno, or -EBADMSG:
 * it holds none. */
int attr_read_number(const char *folder, const char *name, double *ret_value);

/* The text of a small file without the blanks around it, in the caller's buffer. 0, -errno. */
int attr_read_text(const char *folder, const char *name, char *buffer, size_t room);

/* The number in a text, which must be all of it but for blanks at its end. 0 or -EBADMSG. */
int attr_parse(const char *text, double *ret_value);

/* Calls take() for each entry of folder that begins with prefix ("" for all), sorted as by ls, with the folder and the
 * entry's name; ends at the first negative return, which it returns. A folder that can't be read has no entries. */
int attr_each(const char *folder, const char *prefix, void *context,
	int (*take)(void *context, const char *folder, const char *name));

#endif
