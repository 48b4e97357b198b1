/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef CONF_INTERNAL_H
#define CONF_INTERNAL_H

#include "base/buf.h"
#include "conf/conf.h"

struct conf {
	conf_report_fn *report;
	void *data;
	struct conf_node *root;
	char **files; /* names that nodes borrow */
	size_t file_count;
	size_t file_room;
};

struct conf_node {
	struct conf *conf;
	struct conf_node *parent;
	char *name;
	const char *file;
	int line;
	enum conf_kind kind;
	bool taken;
	int64_t number;
	double real;
	char *text;
	struct conf_node **children;
	size_t count;
	size_t room;
};

/* Tells of an error at a place. Returns -EINVAL. */
int conf_report(struct conf *conf, const char *file, int line, const char *format, ...) _printf_(4, 5);

/* A new child of parent (NULL: a root). NULL: no memory. */
struct conf_node *conf_node_new(
	struct conf *conf, struct conf_node *parent, const char *name, const char *file, int line);
void conf_node_free(struct conf_node *node);
DEFINE_CLEANUP(struct conf_node *, conf_node_free);

/* The child of that name without taking it. */
struct conf_node *conf_node_find(const struct conf_node *group, const char *name);

/*
 * Goes through the text of a file before libconfig does, because libconfig 1.5 follows @include, wraps
 * numbers beyond 32 bits around, names one place only for a key that is defined twice, and has a message for
 * nothing. Writes what libconfig shall read to out. 0, or -EINVAL: reported.
 */
int conf_scan(struct conf *conf, const char *file, const char *text, size_t size, struct buf *out);

/*
 * Appends a regular file of at most limit bytes to buf. Links are followed; what would block or has no end (a
 * FIFO, a device) is refused. 0 or -errno: -EINVAL not a regular file, -EFBIG over the limit.
 */
int conf_slurp(const char *path, size_t limit, struct buf *buf);

/* "is not a regular file", "is larger than 64 KiB" or the system's text. Returns buffer. */
const char *conf_slurp_text(int error, size_t limit, char buffer[static 64]);

/*
 * Fills in the references of text: *ret_text (allocated, NUL after it) and *ret_size. NUL bytes and bytes
 * that are not UTF-8 are refused unless binary. 0 or -EINVAL with error's message, which names the reference
 * and never shows contents. Blocks on the disk.
 */
int conf_expand(const char *text, bool binary, char **ret_text, size_t *ret_size, struct error *error);

#endif
