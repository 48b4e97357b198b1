/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate the server shows, and which one a client has shown. */
#include "net/internal.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define CHAIN_MAX 8

/* A certificate with its chain. Handshakes may still use an old one: all are kept until the end. */
struct tls_certificate {
	struct tls_certificate *next;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned count;
	gnutls_privkey_t key;
};

static void free_certificate(struct tls_certificate *certificate)
{
	if (!certificate)
		return;
	for (unsigned i = 0; i < certificate->count; i++)
		gnutls_pcert_deinit(&certificate->chain[i]);
	if (certificate->key)
		gnutls_privkey_deinit(certificate->key);
	free(certificate);
}
DEFINE_CLEANUP(struct tls_certificate *, free_certificate);

static int complain(struct error *error, const char *what, int code)
{
	return error_set(error, code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL, "%s: %s", what,
		gnutls_strerror(code));
}

/* That the key is not the certificate's would be seen by clients only. */
static int judge_pair(const struct tls_certificate *certificate, struct error *error)
{
	uint8_t of_key[64], of_certificate[64];
	size_t size_of_key = sizeof of_key, size_of_certificate = sizeof of_certificate;
	gnutls_pubkey_t public;
	int r = gnutls_pubkey_init(&public);

	if (r < 0)
		return complain(error, "the key", r);
	r = gnutls_pubkey_import_privkey(public, certificate->key, 0, 0);
	if (r == 0)
		r = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &size_of_key);
	if (r == 0)
		r = gnutls_pubkey_get_key_id(certificate->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
			of_certificate, &size_of_certificate);
	gnutls_pubkey_deinit(public);
	if (r < 0)
		return complain(error, "the key", r);
	if (size_of_key != size_of_certificate || memcmp(of_key, of_certificate, size_of_key) != 0)
		return error_set(error, -EINVAL, "the key is not that of the certificate");
	return 0;
}

static int load(const char *certificate_pem, const char *key_pem, struct tls_certificate *certificate,
	struct error *error)
{
	const gnutls_datum_t chain = {(unsigned char *)certificate_pem, (unsigned)strlen(certificate_pem)};
	const gnutls_datum_t key = {(unsigned char *)key_pem, (unsigned)strlen(key_pem)};
	gnutls_x509_privkey_t x509;
	unsigned count = CHAIN_MAX;
	int r = gnutls_pcert_list_import_x509_raw(certificate->chain, &count, &chain, GNUTLS_X509_FMT_PEM, 0);

	if (r < 0)
		return complain(error, "the certificate cannot be used", r);
	certificate->count = count;
	r = gnutls_x509_privkey_init(&x509);
	if (r < 0)
		return complain(error, "the key cannot be used", r);
	r = gnutls_x509_privkey_import2(x509, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r == 0)
		r = gnutls_privkey_init(&certificate->key);
	if (r == 0)
		r = gnutls_privkey_import_x509(certificate->key, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
	if (r < 0) {
		gnutls_x509_privkey_deinit(x509);
		return complain(error, "the key cannot be used", r);
	}
	return judge_pair(certificate, error);
}

int httpd_set_certificate(
	struct httpd *httpd, const char *certificate_pem, const char *key_pem, struct error *error)
{
	_cleanup_(free_certificatep) struct tls_certificate *certificate = calloc(1, sizeof *certificate);
	int r;

	if (!certificate)
		return error_set(error, -ENOMEM, "out of memory");
	r = load(certificate_pem, key_pem, certificate, error);
	if (r < 0)
		return r;
	pthread_mutex_lock(&httpd->mutex);
	certificate->next = httpd->certificates;
	httpd->certificates = TAKE_PTR(certificate);
	pthread_mutex_unlock(&httpd->mutex);
	return 0;
}

void httpd_free_certificates(struct httpd *httpd)
{
	while (httpd->certificates) {
		struct tls_certificate *next = httpd->certificates->next;

		free_certificate(httpd->certificates);
		httpd->certificates = next;
	}
}

int httpd_choose_certificate(gnutls_session_t session, const gnutls_datum_t *authorities _unused_,
	int authority_count _unused_, const gnutls_pk_algorithm_t *algorithms _unused_,
	int algorithm_count _unused_, gnutls_pcert_st **ret_chain, unsigned *ret_count,
	gnutls_privkey_t *ret_key)
{
	struct connection *connection = gnutls_session_get_ptr(session);
	struct tls_certificate *certificate;

	if (!connection)
		return -1; /* memory ran out at its start */
	pthread_mutex_lock(&connection->httpd->mutex);
	certificate = connection->httpd->certificates;
	pthread_mutex_unlock(&connection->httpd->mutex);
	*ret_chain = certificate->chain;
	*ret_count = certificate->count;
	*ret_key = certificate->key;
	return 0;
}

void httpd_own_session(struct connection *connection, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (info && info->tls_session)
		gnutls_session_set_ptr(info->tls_session, connection);
}

bool httpd_is_tls(const struct httpd_request *request)
{
	return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL;
}

const void *httpd_peer_certificate(const struct httpd_request *request, size_t *ret_size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *peers;
	unsigned count = 0;

	if (!info || !info->tls_session)
		return NULL;
	peers = gnutls_certificate_get_peers(info->tls_session, &count);
	if (!peers || count == 0)
		return NULL;
	*ret_size = peers[0].size;
	return peers[0].data;
}

void httpd_keep(struct httpd_request *request, void *data, void (*release)(void *data))
{
	struct connection *connection = request->socket;

	if (connection->kept)
		connection->release(connection->kept);
	connection->kept = data;
	connection->release = release;
}

void *httpd_kept(const struct httpd_request *request)
{
	return request->socket->kept;
}
