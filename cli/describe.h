/* SPDX-License-Identifier: Apache-2.0 */
/* Many plugins described at once: their workers load them side by side. */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "cli/session.h"

struct description {
	const char *plugin; /* set by the caller */
	char *path; /* NULL: there is no such plugin */
	hello_t *hello; /* NULL: */
	char *failure; /* why there is none */
};

/* Describes all of them. 0 or -ENOMEM; each has a hello or a failure then. Blocks. */
int describe_all(const char *folder, struct description *descriptions, size_t count);
void descriptions_done(struct description *descriptions, size_t count);

/* The path of a plugin by its name, allocated, or NULL after a complaint that suggests the nearest one. */
char *find_plugin(const char *folder, const char *name);

#endif
