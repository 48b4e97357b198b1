/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program of others, which may do anything: never end, ignore SIGTERM, fill its pipes, leave children behind. It
 * gets an argument list (no shell), an environment made from nothing, a session and so a process group of its own, and
 * no descriptor but its three. What it writes is kept up to a bound; the rest is read and dropped, so that it never
 * blocks. It has ended when program_run() returns, whatever it does: SIGTERM to the group, then SIGKILL.
 *
 * What is left in the group when the program ends is killed. A descendant that made a session of its own is not in the
 * group any more: nobody waits for it, and it lives on.
 */
#ifndef KIT_PROGRAM_H
#define KIT_PROGRAM_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum program_end {
	PROGRAM_EXITED, /* by itself: code is its exit status */
	PROGRAM_SIGNALLED, /* by a signal that was not ours: code is its number */
	PROGRAM_TIMED_OUT,
	PROGRAM_CANCELLED,
};

struct program_user {
	uid_t uid;
	gid_t gid;
};

struct program {
	const char *const *arguments; /* the first is the absolute path of the program; NULL at the end */
	const char *const
		*environment; /* "NAME=value", laid over PATH and LANG=C.UTF-8; NULL at the end, or NULL */
	const char *directory; /* NULL: the root */
	const struct program_user *user; /* to become, with its groups; NULL: stay */
	const void *input; /* its standard input; NULL: /dev/null */
	size_t input_size;
	size_t output_max; /* bytes that are kept of standard output, */
	size_t errors_max; /* and of standard error */
	int64_t deadline; /* CLOCK_MONOTONIC, nanoseconds: then SIGTERM; INT64_MAX: none */
	int64_t grace; /* nanoseconds from SIGTERM to SIGKILL */
	bool (*cancelled)(void *userdata); /* asked ten times a second, on this thread; NULL: never */
	void *userdata;
};

struct program_result {
	enum program_end end;
	int code;
	bool killed; /* SIGKILL was needed */
	bool stuck; /* not even that ended it within a second: it hangs in the kernel, and is left there */
	bool held; /* it ended, but somebody held its output open and was not waited for */
	bool output_cut; /* more was written than was kept */
	bool errors_cut;
	struct buf output;
	struct buf errors;
	int64_t elapsed; /* nanoseconds */
	struct rusage usage; /* of the program and the children that it waited for */
};

/*
 * Blocks until the program has ended. 0 with a result, or a negative errno with an error that names the program: it
 * could not be started. May be called on many threads at once. result must be zeroed or from an earlier run, whose
 * memory is used again.
 */
int program_run(const struct program *program, struct program_result *result, struct error *error);

void program_result_done(struct program_result *result);
#define _cleanup_program_result_ _cleanup_(program_result_done)

/* Finds a user by name or number. -ENOENT: there is none. Asks the name service, which may block. */
int program_find_user(const char *name, struct program_user *ret_user, struct error *error);

/* Whether this process may become other users, and end what runs as them: it is root with, or was given as ambient,
 * CAP_SETUID, CAP_SETGID and CAP_KILL; and there is setpriv(1). */
bool program_can_change_user(void);

/* "exited with status 3", "killed by SIGSEGV", "timed out", "was cancelled". Returns buffer. */
char *program_end_text(char buffer[static 64], const struct program_result *result);

#endif
