/* SPDX-License-Identifier: Apache-2.0 */
/* Says something while it is loaded, and then takes its time. */
#include <sys/socket.h>
#include <unistd.h>

#define NAME "dawdle"
#include "bad.h"

#define CONNECTION 3

static void __attribute__((constructor)) take_time(void)
{
	/* FromWorker { log { level: 6, text: "hm" } } */
	static const unsigned char frame[] = {0x3a, 0x06, 0x08, 0x06, 0x1a, 0x02, 'h', 'm'};

	send(CONNECTION, frame, sizeof frame, MSG_NOSIGNAL);
	usleep(1500000);
}
