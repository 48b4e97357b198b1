/* SPDX-License-Identifier: Apache-2.0 */
/* From the first message to the last: start, sandbox, plugin, work. */
#ifndef CORE_WORKER_SESSION_H
#define CORE_WORKER_SESSION_H

#define SESSION_SOCKET 3

/* Turns this process into the worker that the host asks for, and serves. 0: the host let it go, or refused
 * it; -errno: the host broke the protocol. */
int session_run(void);

#endif
