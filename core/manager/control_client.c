/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/control_client.h"
#include "base/fd.h"
#include "wire/frame.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define QUEUE_MAX_BYTES ((size_t)16 << 20)

/* An answer that the client has not taken yet. */
struct packet {
	struct packet *next;
	size_t size;
	uint8_t bytes[];
};

int client_new(sd_event *event, int fd, sd_event_io_handler_t on_event, struct control *control,
	sd_event_source *reap, struct control_client **ret_client)
{
	struct control_client *client = calloc(1, sizeof *client);
	int r;

	if (!client)
		return -ENOMEM;
	client->control = control;
	client->reap = reap;
	client->queue_end = &client->queue;
	r = sd_event_add_io(event, &client->io, fd, EPOLLIN, on_event, client);
	if (r < 0) {
		free(client);
		return r;
	}
	client->fd = fd;
	*ret_client = client;
	return 0;
}

void client_free(struct control_client *client)
{
	while (client->queue) {
		struct packet *packet = client->queue;

		client->queue = packet->next;
		free(packet);
	}
	if (client->waits_for)
		check_stop_waiting(client->waits_for, client);
	if (client->command)
		client->command->userdata = NULL; /* its answer goes nowhere */
	sd_event_source_disable_unref(client->io);
	fd_close(client->fd);
	free(client);
}

void client_mark_dead(struct control_client *client)
{
	client->dead = true;
	sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(client->reap, SD_EVENT_ONESHOT);
}

void client_send_queue(struct control_client *client)
{
	while (client->queue) {
		struct packet *packet = client->queue;
		ssize_t n = send(client->fd, packet->bytes, packet->size, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			sd_event_source_set_io_events(client->io, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			client_mark_dead(client);
			return;
		}
		client->queue = packet->next;
		client->queued -= packet->size;
		free(packet);
	}
	client->queue_end = &client->queue;
	sd_event_source_set_io_events(client->io, EPOLLIN);
	if (client->ending)
		client_mark_dead(client);
}

void client_send(struct control_client *client, const Gavea__Control__V1__Answer *answer)
{
	size_t size = gavea__control__v1__answer__get_packed_size(answer);
	struct packet *packet;

	if (client->dead || client->ending)
		return;
	if (size > FRAME_MAX) {
		client_end(client, "the answer does not fit into a message");
		return;
	}
	packet = malloc(sizeof *packet + size);
	if (!packet || client->queued + size > QUEUE_MAX_BYTES) {
		free(packet);
		client_mark_dead(client);
		return;
	}
	packet->next = NULL;
	packet->size = size;
	gavea__control__v1__answer__pack(answer, packet->bytes);
	*client->queue_end = packet;
	client->queue_end = &packet->next;
	client->queued += size;
	if (client->queue == packet)
		client_send_queue(client);
}

void client_send_end(
	struct control_client *client, const char *error, char **messages, size_t count, bool more)
{
	Gavea__Control__V1__Answer answer = GAVEA__CONTROL__V1__ANSWER__INIT;
	Gavea__Control__V1__End end = GAVEA__CONTROL__V1__END__INIT;

	if (error)
		end.error = (char *)error;
	end.messages = messages;
	end.n_messages = count;
	end.more = more;
	answer.body_case = GAVEA__CONTROL__V1__ANSWER__BODY_END;
	answer.end = &end;
	client_send(client, &answer);
}

void client_close(struct control_client *client)
{
	client->ending = true;
	if (!client->queue && !client->dead)
		client_mark_dead(client);
}

void client_end(struct control_client *client, const char *error)
{
	client_send_end(client, error, NULL, 0, false);
	client_close(client);
}
