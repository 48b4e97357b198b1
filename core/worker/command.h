/* SPDX-License-Identifier: Apache-2.0 */
/* One request to an actor. */
#ifndef CORE_WORKER_COMMAND_H
#define CORE_WORKER_COMMAND_H

#include "base/buf.h"
#include "proto/worker.pb-c.h"

#include <stdbool.h>

#define COMMAND_REPLY_MAX (32u * 1024)

struct gavea_command {
	const Gavea__Worker__V1__Command *message;
	struct buf reply;
	bool cut; /* the reply became too long */
};

#endif
