/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that is a program: it runs as a child of the worker and is spoken to in lines of JSON on its descriptor 3
 * (docs/plugin-protocol.md). To the rest of the worker it is a plugin like any other.
 */
#ifndef CORE_WORKER_PROGRAM_H
#define CORE_WORKER_PROGRAM_H

#include "core/worker/session.h"

/* Starts programs in place of loading shared objects. */
extern const struct session_loader program_loader;

#endif
