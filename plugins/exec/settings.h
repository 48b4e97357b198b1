/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one check, judged: what is run, as whom, and what its end means. */
#ifndef EXEC_SETTINGS_H
#define EXEC_SETTINGS_H

#include "codes.h"

#include "kit/program.h"

#include <gavea/plugin.h>

#define NAGIOS_FOLDER "/usr/lib/nagios/plugins/"

struct settings {
	char *path;
	const char **arguments;
	const char **environment;
	char *secrets; /* lines of environment, cut into strings; zeroed at the end */
	size_t secrets_size;
	struct program_user user;
	enum gavea_status timeout_status;
	struct codes codes;
	struct program program; /* all but deadline, grace and cancelled(); points into the rest */
};

/* Reads the options. On failure gavea_fail() was called; settings_done() is to be called in any case. */
int settings_open(struct settings *settings, struct gavea_check *check);
void settings_done(struct settings *settings);

#endif
