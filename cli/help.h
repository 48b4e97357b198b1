/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin says of itself, as text and as a manual page. Pure. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/terminal.h"
#include "proto/worker.pb-c.h"

/* "string", "duration", …; "?" for what this program does not know. */
const char *option_type_name(uint32_t type);

/* What a value looks like: "a list of strings", "a duration such as 10s or 5min". */
const char *option_type_doc(uint32_t type);

/* 0 or -ENOMEM. */
int help_text(const Gavea__Worker__V1__Hello *hello, const struct terminal *terminal, struct buf *out);

/* The manual page gavea-PLUGIN(7), in mdoc; date is "January 31, 2026". */
void help_mdoc(const Gavea__Worker__V1__Hello *hello, const char *date, struct buf *out);

#endif
