/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that wait at a TCP port until somebody accepts them, as /proc/net/tcp and tcp6 tell it (proc(5)). */
#ifndef SYSTEMD_BACKLOG_H
#define SYSTEMD_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

/* Adds those at an address such as "127.0.0.1:80" or "[::]:443" to *waiting. 0; -ENOENT: nobody listens there;
 * -EINVAL: not an address and a port; or another -errno. Blocks on the disk. */
int backlog_add(const char *procfs, const char *address, uint32_t *waiting);

#endif
