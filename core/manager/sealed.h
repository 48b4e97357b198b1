/* SPDX-License-Identifier: Apache-2.0 */
/* A file that holds one message behind its crc32c, replaced as a whole. Both calls block on the disk. */
#ifndef MANAGER_SEALED_H
#define MANAGER_SEALED_H

#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

/* The message's bytes into buf, which was empty. 0; -EBADMSG: damaged; -errno. */
int sealed_read(const char *path, size_t limit, struct buf *buf);

/* Mode 0600. 0 or -errno. */
int sealed_write(const char *path, const ProtobufCMessage *message);

#endif
