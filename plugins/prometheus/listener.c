/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include "base/clock.h"
#include "base/fd.h"
#include "endpoint.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#define ACCEPTS 16 /* before what there is gets its turn */
#define PAUSE_MS 1000 /* after descriptors or memory ran out */
#define REQUEST_MAX ((size_t)16 << 10) /* a request's head and what the library needs with it */
#define ENDING_MAX 32u /* that were ended and are not yet gone */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct listener {
	struct pages *pages;
	struct connection *adding; /* while the library takes it in */
	struct MHD_Daemon *daemon;
	int daemon_fd; /* the library's epoll; borrowed */
	int fd, wake_fd;
	bool full; /* accept() failed: it pauses */
	bool demands_certificate;
	pthread_t thread;
	bool runs;
	char address[ENDPOINT_TEXT_MAX];
	bool local;
	struct error *start_error; /* where complaints of the library go while it starts; else NULL */
};

/* ---- The library's callbacks ---- */

static void _printf_(2, 0) on_log(void *userdata, const char *format, va_list args)
{
	struct listener *listener = userdata;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!listener->start_error) /* what clients do wrong is no news */
		return;
	buf_vprintf(&text, format, args);
	while (text.size > 0 && text.data[text.size - 1] == '\n')
		text.data[--text.size] = '\0';
	error_set(listener->start_error, -EINVAL, "%s", buf_str(&text));
}

static void demand_certificate(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (!info || !info->tls_session)
		return;
	gnutls_certificate_server_set_request(info->tls_session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_cert(info->tls_session, NULL, 0);
}

static void on_connection(
	void *userdata, struct MHD_Connection *mhd, void **state, enum MHD_ConnectionNotificationCode what)
{
	struct listener *listener = userdata;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = TAKE_PTR(listener->adding);
		if (listener->demands_certificate)
			demand_certificate(mhd);
	} else if (*state) {
		connections_remove(&listener->pages->connections, *state);
		*state = NULL;
	}
}

static void on_completed(
	void *userdata, struct MHD_Connection *mhd, void **state, enum MHD_RequestTerminationCode how)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)userdata;
	(void)how;
	*state = NULL;
	if (info && info->socket_context)
		connection_waits(info->socket_context, clock_ns(CLOCK_MONOTONIC));
}

/* ---- The thread ---- */

static void take_in(struct listener *listener, int fd, const struct sockaddr_storage *address, socklen_t size)
{
	uint8_t peer[PEER_SIZE];

	connections_peer((const struct sockaddr *)address, peer);
	if (connections_admit(&listener->pages->connections, peer))
		listener->adding =
			connections_add(&listener->pages->connections, fd, peer, clock_ns(CLOCK_MONOTONIC));
	if (!listener->adding) {
		fd_close(fd);
		return;
	}
	/* The descriptor is the library's from here on, also when it refuses. */
	(void)MHD_add_connection(listener->daemon, fd, (const struct sockaddr *)address, size);
	if (listener->adding)
		connections_remove(&listener->pages->connections, TAKE_PTR(listener->adding));
}

static void accept_some(struct listener *listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage address = {0};
		socklen_t size = sizeof(address);
		int fd = accept4(
			listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_in(listener, fd, &address, size);
			continue;
		}
		listener->full = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
		return;
	}
}

/* How long the library and the deadlines of connections allow to sleep, in milliseconds; -1: for ever. */
static int sleep_ms(struct listener *listener)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC), until = connections_reap(&listener->pages->connections, now);
	MHD_UNSIGNED_LONG_LONG library;
	int64_t ms = -1;

	if (until != INT64_MAX)
		ms = MAX((until - now) / NSEC_PER_MSEC + 1, 0);
	if (MHD_get_timeout(listener->daemon, &library) == MHD_YES)
		ms = ms < 0 ? (int64_t)MIN(library, INT32_MAX) : MIN(ms, (int64_t)MIN(library, INT32_MAX));
	if (listener->full)
		ms = ms < 0 ? PAUSE_MS : MIN(ms, PAUSE_MS);
	return (int)MIN(ms, INT32_MAX);
}

static void *run(void *userdata)
{
	struct listener *listener = userdata;
	struct pollfd fds[] = {
		{.fd = listener->wake_fd, .events = POLLIN},
		{.fd = listener->daemon_fd, .events = POLLIN},
		{.fd = listener->fd, .events = POLLIN},
	};

	for (;;) {
		nfds_t count = ARRAY_SIZE(fds) - listener->full;

		listener->full = false;
		fds[2].revents = 0;
		if (poll(fds, count, sleep_ms(listener)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[2].revents)
			accept_some(listener);
		MHD_run(listener->daemon);
	}
	return NULL;
}

/* ---- Life ---- */

static int listen_on(struct listener *listener, const char *address, struct error *error)
{
	struct endpoint endpoint;
	int r = endpoint_parse(address, &endpoint, error);

	if (r == 0)
		r = endpoint_listen(&endpoint, &listener->fd, error);
	if (r < 0)
		return r;
	endpoint_format(&endpoint, listener->address);
	listener->local = endpoint_is_local(&endpoint);
	listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return listener->wake_fd < 0 ? error_set(error, -errno, "eventfd: %s", strerror(errno)) : 0;
}

static int start_library(struct listener *listener, const struct tls *tls, struct error *error)
{
	struct MHD_OptionItem options[8];
	unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
	const union MHD_DaemonInfo *info;
	size_t n = 0;

	if (tls->certificate.size > 0) {
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, tls->certificate.data};
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key.data};
		options[n++] =
			(struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES};
	}
	if (tls->client_ca.size > 0)
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, tls->client_ca.data};
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	listener->demands_certificate = listener->pages->client_certificates = tls->client_ca.size > 0;
	listener->start_error = error;
	listener->daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer_request, listener->pages,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX + ENDING_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	listener->start_error = NULL;
	info = listener->daemon ? MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		error_prefix(error, "can't start the HTTP server");
		return -EINVAL;
	}
	listener->daemon_fd = info->epoll_fd;
	return 0;
}

/* Signals are for the worker's main thread. */
static int start_thread(struct listener *listener, struct error *error)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&listener->thread, NULL, run, listener);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	listener->runs = r == 0;
	return r < 0 ? error_set(error, r, "can't start a thread: %s", strerror(-r)) : 0;
}

int listener_start(const char *address, const struct tls *tls, struct pages *pages,
	struct listener **ret_listener, struct error *error)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return error_set(error, -ENOMEM, "out of memory");
	listener->pages = pages;
	pages->connections.counters = &pages->counters;
	listener->fd = listener->wake_fd = -EBADF;
	r = listen_on(listener, address, error);
	if (r == 0)
		r = start_library(listener, tls, error);
	if (r == 0)
		r = start_thread(listener, error);
	if (r < 0)
		listener_stop(listener);
	else
		*ret_listener = listener;
	return r;
}

void listener_stop(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->runs) {
		eventfd_write(listener->wake_fd, 1);
		pthread_join(listener->thread, NULL);
	}
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	fd_close(listener->fd);
	fd_close(listener->wake_fd);
	free(listener);
}

const char *listener_address(const struct listener *listener)
{
	return listener->address;
}

bool listener_is_local(const struct listener *listener)
{
	return listener->local;
}
