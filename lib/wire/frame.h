/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: one protobuf message a packet on a SOCK_SEQPACKET unix socket, with at most one descriptor beside
 * it. Used between manager and workers (worker.proto) and on the control socket (control.proto).
 *
 * What comes in is bounded by FRAME_MAX and judged by protobuf-c's parser; anything else about it is for the
 * caller to judge.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

/* The largest packet, either way. The sockets' send buffers are made to hold two. */
#define FRAME_MAX (128u * 1024u)

/* Makes a connected pair of non-blocking, close-on-exec sockets with buffers for two frames. 0 or -errno. */
int frame_pair(int ret_fds[static 2]);

/* Sets the buffers of a socket that was made elsewhere. 0 or -errno. */
int frame_prepare(int fd);

/*
 * Encodes and sends one message, with passed_fd (or -1) beside it. scratch is memory that is kept between
 * calls. 0; -EAGAIN: the peer's buffer is full (nothing was sent); -EMSGSIZE: over FRAME_MAX; -EPIPE: the
 * peer is gone. Blocks only if the socket does.
 */
int frame_send(int fd, const ProtobufCMessage *message, int passed_fd, struct buf *scratch);

/*
 * Receives one message of that type. Returns 1 and the message (free with protobuf_c_message_free_unpacked)
 * and, when ret_fd is not NULL, the descriptor or -EBADF (descriptors nobody asked for are closed); 0: the
 * peer has closed; -EAGAIN: nothing there; -EBADMSG: not such a message, or cut off at FRAME_MAX. scratch as
 * above.
 */
int frame_receive(int fd, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message, int *ret_fd,
	struct buf *scratch);

/* Both, for clients that wait: -ETIMEDOUT after timeout_ms (-1: for ever). */
int frame_send_wait(
	int fd, const ProtobufCMessage *message, int passed_fd, struct buf *scratch, int timeout_ms);
int frame_receive_wait(int fd, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_message,
	int *ret_fd, struct buf *scratch, int timeout_ms);

#endif
