/* SPDX-License-Identifier: Apache-2.0 */
/* Trust anchors: DS and DNSKEY records, written out or in files such as Debian's /usr/share/dns/root.key. */
#ifndef DNS_ANCHOR_H
#define DNS_ANCHOR_H

#include "base/error.h"

enum {
	ANCHOR_FILE_MAX = 256 * 1024,
};

/* Adds the anchors of value, a record or the absolute path of a file, to list, which has room for `room` of them. Each
 * one is owned by the list, on failure too. Errors name the file and line, or quote the record. Blocks on the disk. */
int anchor_add(const char *value, char **list, size_t room, size_t *count, struct error *error);

/* The same with the text of a file. */
int anchor_parse(
	const char *text, const char *path, char **list, size_t room, size_t *count, struct error *error);

#endif
