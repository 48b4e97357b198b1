/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "net/internal.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define SEND_WAIT (2 * NSEC_PER_SEC) /* for an answer that came late */
#define STOP_WAIT_MS 5000u
/* Forward secrecy and authenticated encryption, in TLS 1.2 as well. */
#define TLS_PRIORITIES \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-" \
	"GCM:" \
	"+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE"

static void _printf_(2, 0) on_log(void *userdata, const char *format, va_list args)
{
	struct httpd *httpd = userdata;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_vprintf(&text, format, args);
	while (text.size > 0 && text.data[text.size - 1] == '\n')
		text.data[--text.size] = 0;
	if (pthread_equal(pthread_self(), httpd->starter) && httpd->start_error &&
		!httpd->start_error->message)
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
	struct MHD_OptionItem options[14];
	size_t n = 0;

#define OPTION(...) options[n++] = (struct MHD_OptionItem){__VA_ARGS__}
	OPTION(MHD_OPTION_LISTEN_SOCKET, httpd->listen_fd, NULL);
	OPTION(MHD_OPTION_CONNECTION_LIMIT, settings->max_connections, NULL);
	OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->max_connections_per_address, NULL);
	OPTION(MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_timeout_s, NULL);
	OPTION(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)httpd_on_completed, httpd);
	OPTION(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)httpd_on_connection, httpd);
	OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
	OPTION(MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)httpd_unescape, NULL);
	if (settings->threads > 1)
		OPTION(MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL);
	if (settings->certificate_pem) {
		flags |= MHD_USE_TLS;
		OPTION(MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)httpd_choose_certificate);
		OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES);
		/* With authorities the library asks for a certificate, and goes on without one. */
		if (settings->client_authorities_pem)
			OPTION(MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)settings->client_authorities_pem);
	}
	OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
	httpd->starter = pthread_self();
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
	r = httpd_start_reaper(httpd);
	if (r == 0)
		r = listen_at(httpd, &own);
	if (r == 0 && settings->certificate_pem) {
		r = httpd_set_certificate(httpd, settings->certificate_pem, settings->key_pem, &own);
		if (r < 0)
			error_prefix(&own, "can't start the HTTP server");
	}
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
	httpd->settings.client_authorities_pem = NULL;
	*ret_httpd = httpd;
	return 0;
}

/* Clients may be given up, but not those who will answer: the library takes a suspended connection at its end for a
 * mistake of ours, and aborts. */
static void wait_for_requests(const struct httpd *httpd)
{
	const struct timespec pause = {.tv_nsec = 5 * NSEC_PER_MSEC};
	unsigned wait_ms = httpd->settings.stop_wait_ms ? httpd->settings.stop_wait_ms : STOP_WAIT_MS;
	int64_t wait = (int64_t)wait_ms * NSEC_PER_MSEC, until = clock_ns(CLOCK_MONOTONIC) + wait;

	while (httpd->suspended > 0 || (httpd->requests > 0 && clock_ns(CLOCK_MONOTONIC) < until)) {
		/* The answer has to be sent, too: that ends as soon as it is, so there is no harm in patience. */
		if (httpd->suspended > 0)
			until = clock_ns(CLOCK_MONOTONIC) + MAX(wait, SEND_WAIT);
		nanosleep(&pause, NULL);
	}
}

void httpd_stop(struct httpd *httpd)
{
	if (!httpd)
		return;
	httpd->stopping = true;
	if (httpd->daemon) {
		/* Not MHD_quiesce_daemon(): its threads may take the same socket out of their epoll sets at the same
		 * moment, and the one that comes second aborts the process. */
		(void)shutdown(httpd->listen_fd, SHUT_RDWR);
		httpd_end_streams(httpd);
		wait_for_requests(httpd);
		MHD_stop_daemon(httpd->daemon);
	}
	fd_close(httpd->listen_fd);
	httpd_free_certificates(httpd);
	httpd_stop_reaper(httpd);
	free(httpd);
}

uint16_t httpd_port(const struct httpd *httpd)
{
	return httpd->port;
}
