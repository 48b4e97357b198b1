/* SPDX-License-Identifier: Apache-2.0 */
/* The file that nginx includes: a split_clients block for one app, which is ours alone. Text only, nothing blocks. */
#ifndef SWAP_NGINX_INCLUDE_H
#define SWAP_NGINX_INCLUDE_H

#include "base/buf.h"
#include "colour.h"

#include <stdbool.h>
#include <stdint.h>

struct nginx_include {
	const char *app; /* the variable is $gavea_APP, the key $gavea_APP_key */
	const char *upstream[COLOURS];
};

/* Whether nginx can't misread this as anything but one word. */
bool nginx_word_valid(const char *word);

/* Appends the file's text. applied: nginx has taken this share up. */
void nginx_include_write(const struct nginx_include *include, uint32_t share, bool applied, struct buf *out);

/* 0, or -EBADMSG: this is not word for word what nginx_include_write() makes. */
int nginx_include_read(
	const struct nginx_include *include, const struct buf *text, uint32_t *ret_share, bool *ret_applied);

#endif
