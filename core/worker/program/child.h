/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that is a plugin, as a child of its worker: started, spoken to in lines over a stream socket that is its
 * descriptor 3, ended. It dies with the worker. Not for use by two threads.
 */
#ifndef CORE_WORKER_PROGRAM_CHILD_H
#define CORE_WORKER_PROGRAM_CHILD_H

#include "base/buf.h"
#include "base/error.h"

#include <sys/types.h>

#define CHILD_LINE_MAX ((size_t)256 * 1024) /* bytes of a line of the program's */
#define CHILD_CAUSE_SIZE 96

struct child {
	pid_t pid; /* 0: there is none */
	int fd;
	struct buf in; /* what came and was not taken yet */
	size_t taken; /* bytes of it that were */
	size_t searched; /* bytes of it that hold no end of a line */
};

#define CHILD_INIT \
	{ \
		.fd = -EBADF \
	}

/* 0, or -errno with error. There must be none running. */
int child_start(struct child *child, const char *path, struct error *error);

/* Sends a line, which ends in a newline. 0; -ETIMEDOUT: the program did not read for 5 s; -EPIPE: it has closed the
 * socket. Blocks. */
int child_send(struct child *child, const struct buf *line);

/*
 * The next line without its newline, NUL-terminated, valid until the next call: 1; 0: none came in timeout_ms; -EPIPE:
 * none will come; -EMSGSIZE: it is longer than CHILD_LINE_MAX. Blocks for as long.
 */
int child_receive(struct child *child, int timeout_ms, char **ret_line, size_t *ret_size);

/* Closes the socket, which asks the program to end; one that does not within 2 s is killed. cause (NULL: not wanted)
 * becomes "exited with status 1", "was killed by SIGSEGV" or "closed descriptor 3". Does nothing when there is none.
 * Blocks. */
void child_end(struct child *child, char cause[CHILD_CAUSE_SIZE]);

/* The same without asking. */
void child_kill(struct child *child);

#endif
