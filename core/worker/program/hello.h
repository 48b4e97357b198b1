/* SPDX-License-Identifier: Apache-2.0 */
/* What a program says of itself: its line "hello", as the description that the SDK has for shared objects. */
#ifndef CORE_WORKER_PROGRAM_HELLO_H
#define CORE_WORKER_PROGRAM_HELLO_H

#include "base/error.h"

#include <gavea/plugin.h>

#include <jansson.h>

struct hello {
	struct gavea_plugin plugin; /* without callbacks but commands; needs points to the next one */
	struct gavea_needs needs;
	bool runs;
	json_t *root; /* has all the text */
	struct gavea_option *options;
	const char **lists[4]; /* of commands, capabilities, read paths, write paths; each may be NULL */
};

/* Reads the object behind "hello", to which a reference is kept. 0; -ENOMEM; -EINVAL with error naming the member.
 * What the SDK's plugins are judged by (plugin_check()) is still to be judged. */
int hello_read(json_t *object, struct hello *ret_hello, struct error *error);

void hello_done(struct hello *hello);

#endif
