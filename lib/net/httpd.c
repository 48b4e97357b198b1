/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "net/internal.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define STOP_WAIT_NS (5 * NSEC_PER_SEC)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

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
	connection->fd = fd ? fd->connect_fd : -EBADF;
	connection->deadline_ns = httpd_request_deadline(httpd);
	format_peer(peer ? peer->client_addr : NULL, connection->peer);
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
	free(connection);
}

static void on_connection(
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

static void _printf_(2, 0) on_log(void *userdata, const char *format, va_list args)
{
	struct httpd *httpd = userdata;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_vprintf(&text, format, args);
	while (text.size > 0 && text.data[text.size - 1] == '\n')
		text.data[--text.size] = 0;
	if (httpd->start_error && !httpd->start_error->message)
		error_set(httpd->start_error, -EINVAL, "%s", buf_str(&text));
	else
		log_debug("http: %s", buf_str(&text));
}

static int bind_address(const struct addrinfo *info, uint16_t port, int *ret_fd)
{
	_cleanup_fd_ int fd = -EBADF;
	struct sockaddr_storage address = {};
	int one = 1, zero = 0;

	memcpy(&address, info->ai_addr, info->ai_addrlen);
	if (info->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&address)->sin_port = htons(port);
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* accepted sockets inherit it */
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	if (bind(fd, (struct sockaddr *)&address, info->ai_addrlen) < 0 || listen(fd, 1024) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int listen_at(struct httpd *httpd, struct error *error)
{
	const struct httpd_settings *settings = &httpd->settings;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	const char *address = settings->address ? settings->address : "::";
	struct sockaddr_storage bound;
	socklen_t size = sizeof bound;
	struct addrinfo *info;
	char port[8];
	int r;

	snprintf(port, sizeof port, "%u", settings->port);
	if (getaddrinfo(address, port, &hints, &info) != 0)
		return error_set(error, -EINVAL, "'%s' is not an IP address", address);
	r = bind_address(info, settings->port, &httpd->listen_fd);
	freeaddrinfo(info);
	if (r == -EAFNOSUPPORT && !settings->address) {
		struct sockaddr_in any = {.sin_family = AF_INET};
		struct addrinfo v4 = {
			.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof any};

		r = bind_address(&v4, settings->port, &httpd->listen_fd);
	}
	if (r < 0)
		return error_set(
			error, r, "can't listen on %s port %u: %s", address, settings->port, strerror(-r));
	if (getsockname(httpd->listen_fd, (struct sockaddr *)&bound, &size) < 0)
		return error_set(error, -errno, "getsockname: %s", strerror(errno));
	httpd->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
							: ((struct sockaddr_in *)&bound)->sin_port);
	return 0;
}

static int start_daemon(struct httpd *httpd, struct error *error)
{
	const struct httpd_settings *settings = &httpd->settings;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem options[12];
	size_t n = 0;

#define OPTION(...) options[n++] = (struct MHD_OptionItem){__VA_ARGS__}
	OPTION(MHD_OPTION_LISTEN_SOCKET, httpd->listen_fd, NULL);
	OPTION(MHD_OPTION_CONNECTION_LIMIT, settings->max_connections, NULL);
	OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->max_connections_per_address, NULL);
	OPTION(MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_timeout_s, NULL);
	OPTION(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)httpd_on_completed, httpd);
	OPTION(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, httpd);
	OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
	if (settings->threads > 1)
		OPTION(MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL);
	if (settings->certificate_pem) {
		flags |= MHD_USE_TLS;
		OPTION(MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)settings->certificate_pem);
		OPTION(MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)settings->key_pem);
		OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES);
	}
	OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
	httpd->start_error = error;
	httpd->daemon = MHD_start_daemon(flags, 0, NULL, NULL, httpd_on_request, httpd,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, httpd, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	httpd->start_error = NULL;
	if (!httpd->daemon) {
		error_prefix(error, "can't start the HTTP server");
		return -EINVAL;
	}
	return 0;
}

static int start_reaper(struct httpd *httpd)
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

int httpd_start(const struct httpd_settings *settings, httpd_admit admit, httpd_handle handle, void *userdata,
	struct httpd **ret_httpd, struct error *error)
{
	struct error own = ERROR_INIT;
	struct httpd *httpd = calloc(1, sizeof *httpd);
	int r;

	if (!httpd)
		return error_set(error, -ENOMEM, "out of memory");
	httpd->settings = *settings;
	httpd->admit = admit;
	httpd->handle = handle;
	httpd->userdata = userdata;
	httpd->listen_fd = -EBADF;
	r = start_reaper(httpd);
	if (r == 0)
		r = listen_at(httpd, &own);
	if (r == 0)
		r = start_daemon(httpd, &own);
	if (r < 0) {
		error_set(error, r, "%s", error_text(&own, r));
		error_done(&own);
		httpd_stop(httpd);
		return r;
	}
	error_done(&own);
	/* The strings were the caller's, and only needed to start. */
	httpd->settings.address = httpd->settings.certificate_pem = httpd->settings.key_pem = NULL;
	*ret_httpd = httpd;
	return 0;
}

void httpd_stop(struct httpd *httpd)
{
	const struct timespec pause = {.tv_nsec = 5 * NSEC_PER_MSEC};
	int64_t until = clock_ns(CLOCK_MONOTONIC) + STOP_WAIT_NS;

	if (!httpd)
		return;
	httpd->stopping = true;
	if (httpd->daemon) {
		MHD_quiesce_daemon(httpd->daemon);
		httpd_end_streams(httpd);
		while (httpd->requests > 0 && clock_ns(CLOCK_MONOTONIC) < until)
			nanosleep(&pause, NULL);
		MHD_stop_daemon(httpd->daemon);
	}
	fd_close(httpd->listen_fd);
	pthread_mutex_lock(&httpd->mutex);
	httpd->ended = true;
	pthread_cond_signal(&httpd->stop);
	pthread_mutex_unlock(&httpd->mutex);
	if (httpd->reaper_runs)
		pthread_join(httpd->reaper, NULL);
	pthread_cond_destroy(&httpd->stop);
	pthread_mutex_destroy(&httpd->mutex);
	free(httpd);
}

uint16_t httpd_port(const struct httpd *httpd)
{
	return httpd->port;
}
