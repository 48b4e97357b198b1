/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"
#include "dialogue.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"

#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <unistd.h>

#define HANDSHAKE_BYTES_MAX (512u * 1024) /* that a server may send until all is said */
#define SETTLE_TIME NSEC_PER_SEC /* for a server to refuse our client certificate (TLS 1.3) */
#define FAREWELL_TIME (2 * NSEC_PER_SEC)
#define LINGER_READS_MAX 16

enum state {
	CONNECTING,
	TALKING,
	SHAKING_HANDS,
	SETTLING,
	TAKING_LEAVE,
	LINGERING,
	OVER,
};

struct probe {
	const struct probe_settings *settings;
	const struct endpoint *endpoint;
	struct outcome *outcome;
	enum state state;
	int fd;
	bool judged;
	int64_t now; /* as the caller said last */
	int64_t begin; /* of the handshake */
	int64_t started;
	int64_t last; /* whatever happens */
	int64_t deadline; /* of this state */
	size_t received; /* outside of TLS */
	struct dialogue dialogue;
	bool accepted; /* the server has taken our side of the handshake */
	bool leaving; /* the farewell was begun */
	bool left; /* nothing more is expected */
	struct buf in;
	struct buf out;
	SSL *ssl;
};

static const char *name_of(const struct probe *probe)
{
	return probe->settings->server_name ? probe->settings->server_name : probe->endpoint->host;
}

static void _printf_(3, 4) found(struct probe *probe, const char *remedy, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	findings_add(&probe->outcome->verdict.findings, GAVEA_CRITICAL, FINDING_BREAKS, remedy, "%s",
		buf_str(&text));
}

static enum state enter(struct probe *probe, enum state state, int64_t patience)
{
	probe->deadline = MIN(probe->last, probe->now + patience);
	return state;
}

/* Nothing more is sent; what the server still sends is taken, so that it sees an end and not a reset. */
static enum state linger(struct probe *probe)
{
	shutdown(probe->fd, SHUT_WR);
	if (probe->state < TAKING_LEAVE)
		probe->last = probe->now + FAREWELL_TIME;
	return enter(probe, LINGERING, FAREWELL_TIME);
}

/* ---- Connecting ---- */

static void cannot_connect(struct outcome *outcome, int error, bool is_v6)
{
	struct findings *findings = &outcome->verdict.findings;

	switch (error) {
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		findings_add(findings, GAVEA_UNKNOWN, FINDING_BREAKS,
			is_v6 ? "give this host IPv6, or set family = \"ipv4\""
			      : "look at this host's routes",
			"this host has no way there: %s", strerror(error));
		return;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EPERM:
	case EACCES:
		findings_add(findings, GAVEA_UNKNOWN, FINDING_BREAKS,
			"look at this host's limits and firewall", "cannot connect: %s", strerror(error));
		return;
	default:
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			error == ECONNREFUSED ? "start the server, or correct the port"
					      : "look at the server and the network between",
			"cannot connect: %s", strerror(error));
	}
}

static enum state connecting(struct probe *probe)
{
	int error = 0, yes = 1;
	socklen_t size = sizeof(error);
	union address peer;
	socklen_t peer_size = sizeof(peer);

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		cannot_connect(probe->outcome, error, false);
		return OVER;
	}
	if (getpeername(probe->fd, &peer.any, &peer_size) < 0)
		return CONNECTING; /* an early wake-up */
	setsockopt(probe->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	probe->outcome->connect_time = probe->now - probe->started;
	probe->begin = probe->now;
	if (dialogue_begin(&probe->dialogue, probe->endpoint->starttls, name_of(probe), &probe->out) ==
		DIALOGUE_READY)
		return enter(probe, SHAKING_HANDS, INT64_MAX / 4);
	return enter(probe, TALKING, INT64_MAX / 4);
}

/* ---- Before TLS ---- */

/* 1: all is sent, 0: not yet, negative: the connection is gone. */
static int flush(struct probe *probe)
{
	ssize_t sent;

	while (probe->out.size) {
		sent = send(probe->fd, probe->out.data, probe->out.size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		probe->out.size -= (size_t)sent;
		memmove(probe->out.data, probe->out.data + sent, probe->out.size + 1);
	}
	return 1;
}

/* Bytes that came; 0: the server closed; -EAGAIN; another error. */
static ssize_t receive(struct probe *probe)
{
	char *room = buf_extend(&probe->in, 4096);
	ssize_t got = room ? recv(probe->fd, room, 4096, 0) : -1;

	if (!room)
		return -ENOMEM;
	if (got < 0)
		return -errno;
	probe->in.size += (size_t)got;
	probe->in.data[probe->in.size] = '\0';
	probe->received += (size_t)got;
	return got;
}

static enum state talk_lost(struct probe *probe, int error)
{
	found(probe, "look at the server's log", "the connection was %s before TLS began (%s): %s",
		error ? "lost" : "closed", starttls_name(probe->endpoint->starttls),
		error ? strerror(-error) : "the server sent its end");
	return OVER;
}

static enum state talking(struct probe *probe)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	ssize_t got;
	int r;

	for (;;) {
		r = flush(probe);
		if (r <= 0)
			return r < 0 ? talk_lost(probe, r) : TALKING;
		got = receive(probe);
		if (got == -EAGAIN)
			return TALKING;
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return talk_lost(probe, (int)got);
		r = dialogue_feed(&probe->dialogue, &probe->in, &probe->out, &error);
		if (r == DIALOGUE_MORE && probe->received > DIALOGUE_INPUT_MAX)
			r = error_set(&error, -EPROTO,
				"the server does not come to an end: %d bytes before TLS",
				DIALOGUE_INPUT_MAX);
		if (r < 0) {
			found(probe, "correct the port or starttls, or switch TLS on in the server",
				"%s (%s)", error_text(&error, r), starttls_name(probe->endpoint->starttls));
			flush(probe);
			return linger(probe);
		}
		if (r == DIALOGUE_READY)
			return enter(probe, SHAKING_HANDS, INT64_MAX / 4);
	}
}

/* ---- TLS ---- */

/* A server may send some messages for ever within one call of the library. */
static long bound_input(BIO *bio, int operation, const char *data, size_t size, int argi, long argl,
	int result, size_t *processed)
{
	(void)data;
	(void)size;
	(void)argi;
	(void)argl;
	(void)processed;
	return operation == BIO_CB_READ && BIO_number_read(bio) > HANDSHAKE_BYTES_MAX ? -1 : result;
}

static int note_asked(SSL *ssl, void *userdata)
{
	struct probe *probe = SSL_get_app_data(ssl);

	(void)userdata;
	probe->outcome->client_certificate_asked = true;
	return 1;
}

/* A ticket comes after the server has taken our side of the handshake. */
static int note_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct probe *probe = SSL_get_app_data(ssl);

	(void)session;
	probe->accepted = true;
	return 0;
}

static bool set_up(struct probe *probe)
{
	SSL *ssl = SSL_new(probe->settings->tls);
	const char *name = name_of(probe);
	bool is_name = probe->settings->server_name || !probe->endpoint->is_address;

	if (!ssl || SSL_set_fd(ssl, probe->fd) != 1 ||
		(is_name && SSL_set_tlsext_host_name(ssl, name) != 1)) {
		SSL_free(ssl);
		ERR_clear_error();
		return false;
	}
	SSL_set_app_data(ssl, probe);
	SSL_set_cert_cb(ssl, note_asked, NULL);
	SSL_CTX_sess_set_new_cb(probe->settings->tls, note_ticket);
	BIO_set_callback_ex(SSL_get_rbio(ssl), bound_input);
	if (probe->settings->judge->ocsp != OCSP_OFF)
		SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
	SSL_set_connect_state(ssl);
	probe->ssl = ssl;
	return true;
}

static void judge_server(struct probe *probe)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(probe->ssl);
	struct judge_case subject = {
		.leaf = sk_X509_value(sent, 0),
		.others = sent,
		.verify = probe->settings->verify,
		.served = true,
		.name = name_of(probe),
	};
	const unsigned char *staple = NULL;

	if (!subject.leaf || probe->judged)
		return;
	subject.staple_size = SSL_get_tlsext_status_ocsp_resp(probe->ssl, &staple);
	subject.staple = staple;
	judge(probe->settings->judge, &subject, &probe->outcome->verdict);
	probe->judged = true;
}

static void refused_client(struct probe *probe, const char *why)
{
	struct findings *findings = &probe->outcome->verdict.findings;

	if (probe->settings->has_client_certificate)
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"look at client_certificate and at the server's log",
			"the server refuses our client certificate: %s", why);
	else
		findings_add(findings, GAVEA_WARNING, 0, "set client_certificate and client_key",
			"the server wants a client certificate, and ends the connection without one: %s",
			why);
}

static void handshake_failed(struct probe *probe, unsigned long code, int kind, int error)
{
	const char *why = ERR_GET_LIB(code) ? ERR_reason_error_string(code) : NULL;
	int reason = ERR_GET_REASON(code);
	const char *shown = why                      ? why
		: kind == SSL_ERROR_SYSCALL && error ? strerror(error)
						     : "the server closed the connection";

	if (BIO_number_read(SSL_get_rbio(probe->ssl)) > HANDSHAKE_BYTES_MAX)
		found(probe, NULL, "the server does not come to an end: %u KiB in the handshake",
			HANDSHAKE_BYTES_MAX / 1024);
	else if (probe->outcome->client_certificate_asked && probe->judged)
		refused_client(probe, shown);
	else if (why && reason == SSL_R_WRONG_VERSION_NUMBER && !probe->judged)
		found(probe, "correct the port, or set starttls to what is spoken there",
			"what answers there is not TLS");
	else if (why && reason == SSL_R_EXCESSIVE_MESSAGE_SIZE)
		found(probe, "send the leaf and its intermediates alone",
			"the certificates that the server sends are too large (more than 100 KiB)");
	else
		found(probe, "look at the server's log", "the TLS handshake failed: %s", shown);
}

static enum state hands_shaken(struct probe *probe)
{
	probe->outcome->protocol = SSL_get_version(probe->ssl);
	probe->outcome->cipher = SSL_get_cipher_name(probe->ssl);
	probe->outcome->handshake_time = clock_ns(CLOCK_MONOTONIC) - probe->begin;
	judge_server(probe);
	if (!probe->judged)
		found(probe, "look at the server's TLS settings", "the server sends no certificate");
	if (SSL_version(probe->ssl) < TLS1_2_VERSION)
		findings_add(&probe->outcome->verdict.findings, GAVEA_WARNING, 0,
			"let the server speak TLS 1.2 and 1.3", "the server speaks nothing newer than %s",
			SSL_get_version(probe->ssl));
	if (probe->outcome->client_certificate_asked && SSL_version(probe->ssl) == TLS1_3_VERSION)
		return enter(probe, SETTLING, SETTLE_TIME);
	return enter(probe, TAKING_LEAVE, FAREWELL_TIME);
}

static enum state shaking_hands(struct probe *probe)
{
	int r, kind, error;
	unsigned long code;

	if (probe->out.size) {
		r = flush(probe);
		if (r <= 0)
			return r < 0 ? talk_lost(probe, r) : SHAKING_HANDS;
	}
	if (!probe->ssl && !set_up(probe)) {
		findings_add(&probe->outcome->verdict.findings, GAVEA_UNKNOWN, FINDING_BREAKS, NULL,
			"cannot begin TLS: out of memory, or the name %s is too long", name_of(probe));
		return linger(probe);
	}
	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(probe->ssl);
	error = errno;
	if (r == 1)
		return hands_shaken(probe);
	kind = SSL_get_error(probe->ssl, r);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return SHAKING_HANDS;
	code = ERR_peek_error();
	judge_server(probe);
	handshake_failed(probe, code, kind, error);
	ERR_clear_error();
	return linger(probe);
}

/* In TLS 1.3 a server says only afterwards that it does not like our client certificate. */
static enum state settling(struct probe *probe)
{
	char byte;
	int r, kind;
	unsigned long code;

	ERR_clear_error();
	r = SSL_peek(probe->ssl, &byte, 1);
	kind = SSL_get_error(probe->ssl, r);
	if (r <= 0 && kind == SSL_ERROR_WANT_READ && !probe->accepted)
		return SETTLING;
	if (r <= 0 && kind != SSL_ERROR_WANT_READ) {
		code = ERR_peek_error();
		refused_client(probe,
			ERR_GET_LIB(code) ? ERR_reason_error_string(code) : "it closes the connection");
		ERR_clear_error();
		return linger(probe);
	}
	return enter(probe, TAKING_LEAVE, FAREWELL_TIME);
}

/* ---- The end ---- */

/* 1: all is sent, 0: not yet, -1: no use. */
static int flush_tls(struct probe *probe)
{
	while (probe->out.size) {
		int r = SSL_write(probe->ssl, probe->out.data, (int)probe->out.size);

		if (r <= 0) {
			int kind = SSL_get_error(probe->ssl, r);

			return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? 0 : -1;
		}
		probe->out.size -= (size_t)r;
		memmove(probe->out.data, probe->out.data + r, probe->out.size + 1);
	}
	return 1;
}

/* 1: something came, 0: not yet, -1: no more will. */
static int receive_tls(struct probe *probe)
{
	char *room = buf_extend(&probe->in, 4096);
	int r = room ? SSL_read(probe->ssl, room, 4096) : -1;

	if (r > 0) {
		probe->in.size += (size_t)r;
		probe->in.data[probe->in.size] = '\0';
		return 1;
	}
	if (!room)
		return -1;
	r = SSL_get_error(probe->ssl, r);
	return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static enum state taking_leave(struct probe *probe)
{
	int r;

	if (!probe->leaving) {
		probe->leaving = true;
		buf_reset(&probe->in);
		probe->left = dialogue_farewell(&probe->dialogue, &probe->out) == DIALOGUE_READY;
	}
	for (;;) {
		ERR_clear_error();
		r = flush_tls(probe);
		if (r == 0)
			return TAKING_LEAVE;
		if (r < 0 || probe->left)
			break;
		r = receive_tls(probe);
		if (r == 0)
			return TAKING_LEAVE;
		if (r < 0)
			break;
		probe->left =
			dialogue_farewell_feed(&probe->dialogue, &probe->in, &probe->out) == DIALOGUE_READY;
	}
	if (r >= 0)
		SSL_shutdown(probe->ssl);
	ERR_clear_error();
	return linger(probe);
}

static enum state lingering(struct probe *probe)
{
	char rest[4096];
	ssize_t r;

	for (int i = 0; i < LINGER_READS_MAX; i++) {
		r = recv(probe->fd, rest, sizeof(rest), 0);
		if (r < 0 && errno == EAGAIN)
			return LINGERING;
		if (r == 0 || (r < 0 && errno != EINTR))
			return OVER;
	}
	return OVER;
}

/* ---- What the caller sees ---- */

bool probe_step(struct probe *probe, int64_t now)
{
	static enum state (*const steps[])(struct probe *) = {
		[CONNECTING] = connecting,
		[TALKING] = talking,
		[SHAKING_HANDS] = shaking_hands,
		[SETTLING] = settling,
		[TAKING_LEAVE] = taking_leave,
		[LINGERING] = lingering,
	};
	enum state before;

	probe->now = now;
	do {
		before = probe->state;
		if (before != OVER)
			probe->state = steps[before](probe);
	} while (probe->state != before);
	return probe->state == OVER;
}

bool probe_expire(struct probe *probe, int64_t now)
{
	char time[32];

	format_duration_rough(time, now - probe->started);
	probe->now = now;
	switch (probe->state) {
	case CONNECTING:
		found(probe, "look at the server and at the firewalls between",
			"no answer when connecting in %s", time);
		return true;
	case TALKING:
		found(probe, "correct the port or starttls, or look at the server",
			"no consent to TLS in %s (%s)", time, starttls_name(probe->endpoint->starttls));
		return true;
	case SHAKING_HANDS:
		found(probe, "look at the server, or raise target_timeout",
			"the TLS handshake was not over in %s", time);
		return true;
	case SETTLING:
		/* It had its time to refuse us. */
		probe->state = enter(probe, TAKING_LEAVE, FAREWELL_TIME);
		return probe->deadline <= now || probe_step(probe, now);
	default:
		return true;
	}
}

void probe_abandon(struct probe *probe)
{
	if (probe->state <= SHAKING_HANDS)
		findings_add(&probe->outcome->verdict.findings, GAVEA_UNKNOWN, FINDING_BREAKS,
			"raise timeout, or check fewer endpoints in one check",
			"the time of the check ran out");
}

int64_t probe_deadline(const struct probe *probe)
{
	return probe->deadline;
}

int probe_fd(const struct probe *probe)
{
	return probe->fd;
}

struct probe *probe_new(const struct probe_settings *settings, const struct endpoint *endpoint,
	const union address *address, int64_t now, int64_t deadline, struct outcome *outcome)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	bool is_v6 = address->any.sa_family == AF_INET6;

	if (!probe) {
		outcome->verdict.findings.lost = true;
		return NULL;
	}
	*probe = (struct probe){
		.settings = settings,
		.endpoint = endpoint,
		.outcome = outcome,
		.now = now,
		.started = now,
		.last = deadline,
		.fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	};
	probe->state = enter(probe, CONNECTING, settings->connect_timeout);
	if (probe->fd < 0 ||
		(connect(probe->fd, &address->any, address_size(address)) < 0 && errno != EINPROGRESS)) {
		cannot_connect(outcome, errno, is_v6);
		probe_free(probe);
		return NULL;
	}
	return probe;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	SSL_free(probe->ssl);
	fd_close(probe->fd);
	buf_done(&probe->in);
	buf_done(&probe->out);
	free(probe);
}
