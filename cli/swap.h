/* SPDX-License-Identifier: Apache-2.0 */
/* `gavea swap` and `gavea preflight`: what the plugin swap is asked, and how its answers are shown. */
#ifndef CLI_SWAP_H
#define CLI_SWAP_H

#include "base/buf.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/terminal.h"

#include <jansson.h>

struct swap_argument {
	const char *name;
	const char *value; /* NULL: it is left out */
};

/* Sends a command to swap/APP; "by" is added. The answer is appended to reply. 0, or -errno with an error. */
int swap_ask(struct cli *cli, const char *app, const char *command, const struct swap_argument *arguments,
	size_t count, struct buf *reply, struct error *error);

/* The same for an answer that is JSON; *ret_answer is owned. */
int swap_ask_json(
	struct cli *cli, const char *app, const char *command, json_t **ret_answer, struct error *error);

/* Shows where a swap stands, again and again, until it is over or a signal comes. Neither ends the swap. Returns the exit
 * code: 0 also when it was left alone, 1 when it was rolled back. */
int swap_watch(struct cli *cli, const char *app);

/* The screen of one look: state, progress, gates with their numbers, colours. */
void swap_text(const json_t *status, const struct terminal *terminal, struct buf *out);

/* The checklist, with a sign, evidence, age and remedy for each point. */
void swap_preflight_text(const json_t *answer, const struct terminal *terminal, struct buf *out);

#endif
