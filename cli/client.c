/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"
#include "base/fd.h"
#include "wire/frame.h"

#include <grp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SEND_TIMEOUT_MS 10000

struct client {
	int fd;
	struct buf scratch;
};

/* The group that may use the socket, as far as it can be seen. */
static const char *socket_group(const char *path, char buffer[static 64])
{
	struct group group, *found = NULL;
	char memory[4096];
	struct stat st;

	snprintf(buffer, 64, "gavea");
	if (stat(path, &st) == 0 && st.st_gid != 0 &&
		getgrgid_r(st.st_gid, &group, memory, sizeof memory, &found) == 0 && found)
		snprintf(buffer, 64, "%s", found->gr_name);
	return buffer;
}

static int no_connection(const char *path, int r, struct error *error)
{
	char group[64];

	if (r == -EACCES || r == -EPERM)
		return error_set(error, r,
			"you may not speak with gavead at %s: %s; be root, or a member of the group %s "
			"(usermod -aG %s YOU, then log in again)",
			path, strerror(-r), socket_group(path, group), group);
	return error_set(error, r,
		"gavead does not answer at %s: %s; is it running? (systemctl status gavead)", path,
		strerror(-r));
}

static int connect_to(const char *path, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(error, -ENAMETOOLONG,
			"the path of the control socket is too long (%zu bytes, at most %zu): %s",
			strlen(path), sizeof address.sun_path - 1, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0)
		return error_set(error, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return no_connection(path, -errno, error);
	frame_prepare(fd);
	if (fd_set_nonblocking(fd, 1) < 0)
		return error_set(error, -errno, "cannot use the socket: %s", strerror(errno));
	return TAKE_FD(fd);
}

int client_ask(
	const char *socket_path, const request_t *request, struct client **ret_client, struct error *error)
{
	_cleanup_(client_freep) struct client *client = calloc(1, sizeof *client);
	int r;

	if (!client)
		return error_set(error, -ENOMEM, "out of memory");
	client->fd = connect_to(socket_path, error);
	if (client->fd < 0)
		return client->fd;
	r = frame_send_wait(client->fd, &request->base, -1, &client->scratch, SEND_TIMEOUT_MS);
	if (r == -EMSGSIZE)
		return error_set(error, r, "the arguments are too long");
	if (r < 0)
		return no_connection(socket_path, r, error);
	*ret_client = TAKE_PTR(client);
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	fd_close(client->fd);
	buf_done(&client->scratch);
	free(client);
}

int client_fd(const struct client *client)
{
	return client->fd;
}

static int take_end(const Gavea__Control__V1__End *end, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (str_empty(end->error) && end->n_messages == 0)
		return 0;
	buf_add_str(&text, str_empty(end->error) ? "it did not work" : end->error);
	for (size_t i = 0; i < end->n_messages; i++)
		buf_printf(&text, "\n%s", end->messages[i]);
	return error_set(error, -EREMOTEIO, "%s", buf_str(&text));
}

int client_next(struct client *client, int timeout_ms, answer_t **ret_answer, struct error *error)
{
	ProtobufCMessage *message;
	answer_t *answer;
	int r = frame_receive(
		client->fd, &gavea__control__v1__answer__descriptor, &message, NULL, &client->scratch);

	if (r == -EAGAIN)
		r = timeout_ms == 0 ? -ETIMEDOUT
				    : frame_receive_wait(client->fd, &gavea__control__v1__answer__descriptor,
					      &message, NULL, &client->scratch, timeout_ms);
	if (r == -ETIMEDOUT)
		return r;
	if (r == -EBADMSG)
		return error_set(error, r,
			"gavead's answer is not understood; are gavea and gavead of the same version?");
	if (r < 0)
		return error_set(error, r, "gavead's answer cannot be read: %s", strerror(-r));
	if (r == 0)
		return error_set(error, -ECONNRESET,
			"gavead has closed the connection; was it stopped? (systemctl status gavead)");
	answer = (answer_t *)message;
	if (answer->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_END) {
		*ret_answer = answer;
		return 1;
	}
	r = take_end(answer->end, error);
	gavea__control__v1__answer__free_unpacked(answer, NULL);
	return r;
}

int client_ask_all(const char *socket_path, const request_t *request,
	int (*take)(const answer_t *answer, void *userdata), void *userdata, struct error *error)
{
	_cleanup_(client_freep) struct client *client = NULL;
	int r = client_ask(socket_path, request, &client, error);

	if (r < 0)
		return r;
	for (;;) {
		answer_t *answer;

		r = client_next(client, -1, &answer, error);
		if (r <= 0)
			return r;
		r = take ? take(answer, userdata) : 0;
		gavea__control__v1__answer__free_unpacked(answer, NULL);
		if (r < 0)
			return r;
	}
}
