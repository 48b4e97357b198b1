/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: libconfig syntax, several files merged into one tree whose nodes know where they
 * stand.
 *
 *   conf_new()         with a function that is told of every error
 *   conf_read_…()      once for each file; the text of one that is broken adds nothing, the others are still
 * read conf_take…()       what is wanted, key by key conf_leftovers()   what nobody took is an unknown key
 *
 * Groups of one name in several files are merged; any other key that is defined twice is an error that names
 * both places. String values may refer to what stands elsewhere: ${env:NAME}, ${file:PATH},
 * ${credential:NAME}; "$${" is a literal "${". No error ever shows the contents of a reference, or of a
 * secret.
 *
 * Errors are reported as they are found, "KEY: what is wrong" with file and line; a call that reported one
 * returns -EINVAL.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/error.h"

#include <gavea/plugin.h>

#define CONF_FILE_MAX (1024u * 1024u) /* bytes of one file */
#define CONF_DEPTH_MAX 16 /* brackets within brackets */
#define CONF_KEYS_MAX 4096 /* keys in one group of one file */
#define CONF_ELEMENTS_MAX 20000 /* elements of one list: libconfig's time grows with their square */
#define CONF_FILES_MAX 1000 /* files in one folder */
#define CONF_REFERENCE_MAX 65536u /* bytes of a file or credential that a value refers to */

enum conf_kind {
	CONF_GROUP,
	CONF_LIST, /* ( ) and [ ] alike */
	CONF_INT,
	CONF_FLOAT,
	CONF_BOOL,
	CONF_STRING,
};

struct conf;
struct conf_node;

/* Is told of an error. file is NULL, or line is 0, where there is none to name. All is borrowed. */
typedef void conf_report_fn(void *data, const char *file, int line, const char *message);

/* 0 or -ENOMEM. */
int conf_new(conf_report_fn *report, void *data, struct conf **ret_conf);
void conf_free(struct conf *conf);
DEFINE_CLEANUP(struct conf *, conf_free);

/* Where errors go from now on. */
void conf_set_report(struct conf *conf, conf_report_fn *report, void *data);

/* ---- Reading; blocks on the disk ---- */

/* 0; -ENOENT: there is no such file (not reported: the caller knows whether it must be there); -EINVAL:
 * reported. */
int conf_read_file(struct conf *conf, const char *path);

/* FOLDER/[!.]*.conf in lexical order. A folder that is not there is an empty one. 0, or -EINVAL: reported. */
int conf_read_folder(struct conf *conf, const char *path);

/* The same for text that is here already; name is what errors call it. */
int conf_read_text(struct conf *conf, const char *name, const char *text, size_t size);

/* ---- Nodes; all are borrowed from conf ---- */

struct conf_node *conf_root(struct conf *conf);
const char *conf_name(const struct conf_node *node); /* NULL: an element of a list */
enum conf_kind conf_kind(const struct conf_node *node);
const char *conf_file(const struct conf_node *node); /* NULL: the root */
int conf_line(const struct conf_node *node);

/* A string as it was written, references not filled in; NULL for other kinds. */
const char *conf_text(const struct conf_node *node);

/* Children of a group or a list. */
size_t conf_size(const struct conf_node *node);
struct conf_node *conf_at(const struct conf_node *node, size_t index);

/* Finds a key of a group and marks it as known; NULL: not there, or group is NULL. */
struct conf_node *conf_take(struct conf_node *group, const char *key);

/* The same for a key that must be a group, or a list. 1 with *ret_node; 0: not there; -EINVAL. */
int conf_take_kind(
	struct conf_node *group, const char *key, enum conf_kind kind, struct conf_node **ret_node);

/* Reports every key of group that was not taken, with the nearest of the known keys as a suggestion. Returns
 * how many there were. */
size_t conf_leftovers(struct conf_node *group, const char *const *known, size_t known_count);

/* Reports an error at a node: "KEY: text" for one with a name. Returns -EINVAL. */
int conf_error(const struct conf_node *node, const char *format, ...) _printf_(2, 3);

/* ---- Values ---- */

struct conf_value {
	int64_t number; /* int; bool, 0 or 1; duration, ns; size, bytes */
	double real; /* float, percent */
	char *text; /* string, secret, choice, with references filled in and a NUL after it */
	size_t size; /* of text; a secret may have NUL bytes inside */
};

/* Frees the text, which is wiped first. */
void conf_value_done(struct conf_value *value);

/* A node as a value of a type (enum gavea_option_type; choices as strings, lists by their elements). 0 or
 * -EINVAL. Blocks on the disk when there are references. */
int conf_value(const struct conf_node *node, uint32_t type, struct conf_value *ret_value);

/* A value as a person writes it outside of files, without quotes. 0 or -EINVAL with error's message. Blocks
 * likewise. */
int conf_value_from_text(const char *text, uint32_t type, struct conf_value *ret_value, struct error *error);

/* The same for text that did not come from the operator: references in it mean nothing and are left alone,
 * and a bare number is in the smallest unit. Does not block. */
int conf_value_literal(const char *text, uint32_t type, struct conf_value *ret_value, struct error *error);

/* Whether text has a reference or an escape in it. */
bool conf_has_reference(const char *text);

/* A key of a group as a value: 1 with *ret; 0: not there, nothing is written; -EINVAL. */
int conf_take_string(struct conf_node *group, const char *key, char **ret_text);
int conf_take_bool(struct conf_node *group, const char *key, bool *ret_value);
int conf_take_int(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_value);
int conf_take_duration(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_ns);
int conf_take_size(struct conf_node *group, const char *key, int64_t min, int64_t max, int64_t *ret_bytes);

#endif
