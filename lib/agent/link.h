/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process as its host sees it: started by fork and exec, spoken to in frames, ended by closing the
 * link or by force. The host watches link_fd() for messages and link_pidfd() for the death. Nothing here
 * blocks but link_describe().
 */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "agent/place.h"
#include "base/error.h"
#include "proto/worker.pb-c.h"

#include <stdbool.h>
#include <sys/types.h>

/* The exit status of a worker whose sandbox is out of date: a file that it was granted has been replaced. It was about to
 * begin a job. */
#define LINK_EXIT_NEW_SANDBOX 75

struct link;

struct link_spec {
	const char *worker; /* path of gavea-worker; NULL: beside this program, or where it is installed */
	const char *plugin; /* the plugin's name */
	const char *path; /* its file */
	const char *state_directory; /* NULL: none */
	const Gavea__Worker__V1__Rights *rights; /* NULL with describe */
	bool describe;
	int cgroup_fd; /* the folder of a cgroup v2 to start it in; -1: none */
};

/* Starts the worker and sends it Start. 0 with *ret_link, or -errno with error filled. */
int link_spawn(const struct link_spec *spec, struct link **ret_link, struct error *error);

int link_fd(const struct link *link);
int link_pidfd(const struct link *link);
pid_t link_pid(const struct link *link);

/* As frame_send() and frame_receive() for this link's messages. A message that is received is freed with
 * gavea__worker__v1__from_worker__free_unpacked(). */
int link_send(struct link *link, const Gavea__Worker__V1__ToWorker *message, int passed_fd);
int link_receive(struct link *link, Gavea__Worker__V1__FromWorker **ret_message);

/* Closes the socket: the worker ends by itself. */
void link_close(struct link *link);

/* SIGKILL. Only this one process is ever signalled. */
void link_kill(struct link *link);

/* Whether it has ended; if so *ret_status is what waitpid() gives. Reaps it. */
bool link_reap(struct link *link, int *ret_status);

/* "killed by SIGSEGV", "exited with status 1" into buffer, which is returned. */
char *link_death(int wait_status, char buffer[static 64]);

/* Closes what is open; a process that has not been reaped is killed, and reaped if it dies at once. */
void link_free(struct link *link);
DEFINE_CLEANUP(struct link *, link_free);

/* The first message (Hello or Refused) of a worker that starts, as far as it is there: 0 with *ret_hello; -EAGAIN: not
 * yet; -EINPROGRESS: nothing will come, call again when link_pidfd() tells of the end; otherwise -errno with error
 * filled. */
int link_described(struct link *link, Gavea__Worker__V1__Hello **ret_hello, struct error *error);

/* Waits for the first message (Hello or Refused) of a worker that was started with describe, at most
 * timeout_ms. 0 with *ret_hello (free with gavea__worker__v1__hello__free_unpacked), or -errno with error
 * filled. Blocks. */
int link_describe(
	struct link *link, int timeout_ms, Gavea__Worker__V1__Hello **ret_hello, struct error *error);

#endif
