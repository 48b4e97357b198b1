/* SPDX-License-Identifier: Apache-2.0 */
/* One client of the control socket: its answers wait here until it takes them. */
#ifndef MANAGER_CONTROL_CLIENT_H
#define MANAGER_CONTROL_CLIENT_H

#include "core/manager/unit.h"

struct control;
struct packet;

struct control_client {
	struct control *control;
	struct control_client *next;
	int fd;
	sd_event_source *io;
	sd_event_source *reap; /* the control's: set off when a client is dead. Borrowed. */
	struct packet *queue;
	struct packet **queue_end;
	size_t queued;
	bool asked; /* its one request came */
	bool follows_status;
	bool follows_events;
	bool waits_reload;
	bool ending; /* close when the queue is empty */
	bool dead; /* close at the next turn of the loop */
	struct check *waits_for;
	struct command_job *command;
};

/* A client for an accepted socket, which is taken on success. on_event is called with it. 0 or -errno. */
int client_new(sd_event *event, int fd, sd_event_io_handler_t on_event, struct control *control,
	sd_event_source *reap, struct control_client **ret_client);
void client_free(struct control_client *client);

/* A client is freed between events, never while somebody uses it. */
void client_mark_dead(struct control_client *client);

/* Queues an answer. A client with too many of them is dropped. */
void client_send(struct control_client *client, const Gavea__Control__V1__Answer *answer);

/* Sends what the socket takes. */
void client_send_queue(struct control_client *client);

/* An End with further lines; more: answers follow. */
void client_send_end(
	struct control_client *client, const char *error, char **messages, size_t count, bool more);

/* Closes when the queue is empty. */
void client_close(struct control_client *client);

/* The last answer. error NULL: all is well. */
void client_end(struct control_client *client, const char *error);

#endif
