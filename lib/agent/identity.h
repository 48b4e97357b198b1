/* SPDX-License-Identifier: Apache-2.0 */
/* Who this agent is. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "base/error.h"

struct identity {
	char agent_id[33]; /* made once, kept in the state directory */
	char machine_id[33]; /* derived from /etc/machine-id for this application, never the id itself; ""
				where there is none */
	char boot_id[33];
};

/* Reads or makes it. A state directory that was copied from another machine (its "agent-machine" tells) gets a new agent id:
 * two machines under one id would overwrite each other. When the state directory can't be used the agent id lives for this run only, with a log
 * line: 0 all the same. Blocks. */
int identity_load(const char *state_directory, struct identity *ret_identity);

#endif
