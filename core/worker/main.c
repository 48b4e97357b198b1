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

int main(int argc, char **argv)
{
	static const struct session_loader loader = {.load = loader_load};

	(void)argv;
	return session_main(argc, &loader);
}
