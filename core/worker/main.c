/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavea-worker - the process that loads one plugin
 *
 *   gavea-worker PLUGIN
 *
 * Started by gavead and by gavea, never by hand: it speaks proto/worker.proto on descriptor 3, a
 * SOCK_SEQPACKET socket. PLUGIN is for ps(1); what is loaded is said by the first message. Standard error is
 * the host's.
 *
 * Exit status: 0 when the host closes the socket, 1 when the host breaks the protocol, 2 when there is no
 * host.
 */
#include "core/worker/session.h"

#include <stdio.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__)
/* The check for leaks works with ptrace(), which the sandbox forbids. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static int has_host(void)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(SESSION_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc != 2 || !has_host()) {
		fprintf(stderr,
			"gavea-worker: this program is started by gavead and by gavea, with a socket as "
			"descriptor %d. To run a check by hand: gavea run PLUGIN\n",
			SESSION_SOCKET);
		return 2;
	}
	return session_run() < 0 ? 1 : 0;
}
