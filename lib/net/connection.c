/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets from accept to close, and the end of those that dribble. */
#include "base/clock.h"
#include "net/internal.h"

#include <errno.h>
#include <sys/socket.h>

int64_t httpd_request_deadline(const struct httpd *httpd)
{
	/* Twice: once to stay idle, once to send what began at the last moment. The library ends what is
	 * silent earlier; this ends what dribbles. */
	return clock_ns(CLOCK_MONOTONIC) + 2 * (int64_t)httpd->settings.idle_timeout_s * NSEC_PER_SEC;
}

static void format_peer(const struct sockaddr *address, char peer[static INET6_ADDRSTRLEN])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
	const char *text = NULL;

	if (address && address->sa_family == AF_INET)
		text = inet_ntop(AF_INET, &v4->sin_addr, peer, INET6_ADDRSTRLEN);
	else if (address && address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		text = inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], peer, INET6_ADDRSTRLEN);
	else if (address && address->sa_family == AF_INET6)
		text = inet_ntop(AF_INET6, &v6->sin6_addr, peer, INET6_ADDRSTRLEN);
	if (!text)
		peer[0] = 0;
}

static struct connection *connection_add(struct httpd *httpd, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection)
		return NULL;
	connection->httpd = httpd;
	connection->fd = fd ? fd->connect_fd : -EBADF;
	connection->deadline_ns = httpd_request_deadline(httpd);
	format_peer(peer ? peer->client_addr : NULL, connection->peer);
	httpd_own_session(connection, mhd);
	pthread_mutex_lock(&httpd->mutex);
	connection->next = httpd->connections;
	if (connection->next)
		connection->next->previous = connection;
	httpd->connections = connection;
	pthread_mutex_unlock(&httpd->mutex);
	return connection;
}

static void connection_remove(struct httpd *httpd, struct connection *connection)
{
	pthread_mutex_lock(&httpd->mutex);
	if (connection->next)
		connection->next->previous = connection->previous;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		httpd->connections = connection->next;
	pthread_mutex_unlock(&httpd->mutex);
	if (connection->kept)
		connection->release(connection->kept);
	free(connection);
}

void httpd_on_connection(
	void *userdata, struct MHD_Connection *mhd, void **state, enum MHD_ConnectionNotificationCode what)
{
	struct httpd *httpd = userdata;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = connection_add(httpd, mhd);
	} else if (*state) {
		connection_remove(httpd, *state);
		*state = NULL;
	}
}

/* The library closes a socket only after it told us: under the mutex the descriptor is still this
 * connection's. */
static void *reap(void *userdata)
{
	struct httpd *httpd = userdata;

	pthread_mutex_lock(&httpd->mutex);
	while (!httpd->ended) {
		int64_t now = clock_ns(CLOCK_MONOTONIC), next = now + NSEC_PER_SEC;
		struct timespec until = {.tv_sec = next / NSEC_PER_SEC, .tv_nsec = next % NSEC_PER_SEC};

		for (struct connection *c = httpd->connections; c; c = c->next) {
			int64_t deadline = c->deadline_ns;

			if (deadline > 0 && deadline < now)
				shutdown(c->fd, SHUT_RDWR);
		}
		pthread_cond_timedwait(&httpd->stop, &httpd->mutex, &until);
	}
	pthread_mutex_unlock(&httpd->mutex);
	return NULL;
}

int httpd_start_reaper(struct httpd *httpd)
{
	pthread_condattr_t attributes;
	int r;

	pthread_mutex_init(&httpd->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&httpd->stop, &attributes);
	pthread_condattr_destroy(&attributes);
	r = -pthread_create(&httpd->reaper, NULL, reap, httpd);
	httpd->reaper_runs = r == 0;
	return r;
}

void httpd_stop_reaper(struct httpd *httpd)
{
	pthread_mutex_lock(&httpd->mutex);
	httpd->ended = true;
	pthread_cond_signal(&httpd->stop);
	pthread_mutex_unlock(&httpd->mutex);
	if (httpd->reaper_runs)
		pthread_join(httpd->reaper, NULL);
	pthread_cond_destroy(&httpd->stop);
	pthread_mutex_destroy(&httpd->mutex);
}
