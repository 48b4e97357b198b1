/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"
#include "source.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define CERTIFICATES_BYTES_MAX (100 * 1024)

/* Certificates are judged after the handshake, with all that is wrong with them. */
static int accept_any(X509_STORE_CTX *ctx, void *userdata)
{
	(void)ctx;
	(void)userdata;
	return 1;
}

/* Never asks at a terminal. */
static int give_password(char *buffer, int size, int writing, void *userdata)
{
	const char *password = userdata;
	size_t length = password ? strlen(password) : 0;

	(void)writing;
	if (!password || length >= (size_t)size)
		return -1;
	memcpy(buffer, password, length + 1);
	return (int)length;
}

static BIO *open_file(const char *option, const char *path, struct source *source, struct error *error)
{
	BIO *bio;

	if (source_read(path, source, error) < 0) {
		error_prefix(error, "%s: %s", option, path);
		return NULL;
	}
	bio = BIO_new_mem_buf(source->content.data, (int)source->content.size);
	if (!bio)
		error_set(error, -ENOMEM, "out of memory");
	return bio;
}

static int use_certificates(SSL_CTX *tls, BIO *bio)
{
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int r = certificate ? SSL_CTX_use_certificate(tls, certificate) : 0;

	X509_free(certificate);
	while (r == 1 && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(tls, certificate) != 1) {
			X509_free(certificate);
			r = 0;
		}
	ERR_clear_error();
	return r;
}

static int load_certificate(SSL_CTX *tls, const char *path, struct error *error)
{
	struct source source = {0};
	BIO *bio = open_file("client_certificate", path, &source, error);
	int r = bio ? 0 : -EINVAL;

	if (r == 0 && use_certificates(tls, bio) != 1)
		r = error_set(error, -EINVAL,
			"client_certificate: %s: there is no certificate in PEM form in it", path);
	BIO_free(bio);
	source_done(&source);
	return r;
}

static int load_key(SSL_CTX *tls, const char *path, const char *password, struct error *error)
{
	struct source source = {0};
	BIO *bio = open_file("client_key", path, &source, error);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)password) : NULL;
	int r = bio ? 0 : -EINVAL;

	if (r == 0 && !key)
		r = error_set(error, -EINVAL, "client_key: %s: there is no private key in PEM form in it%s",
			path,
			password ? ", or key_password does not open it"
				 : ", or it is encrypted: set key_password");
	if (r == 0 && SSL_CTX_use_PrivateKey(tls, key) != 1)
		r = error_set(
			error, -EINVAL, "client_key: %s: it is not the key of client_certificate", path);
	EVP_PKEY_free(key);
	BIO_free(bio);
	source_done(&source);
	ERR_clear_error();
	return r;
}

SSL_CTX *tls_context_new(const char *certificate, const char *key, const char *password, struct error *error)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	int r = tls ? 0 : error_set(error, -ENOMEM, "cannot set up TLS: out of memory");

	if (tls) {
		SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(tls, 0);
		SSL_CTX_set_security_level(tls, 0);
		if (SSL_CTX_set_cipher_list(tls, "DEFAULT:@SECLEVEL=0") != 1)
			r = error_set(error, -EINVAL, "cannot set up TLS: no ciphers");
		SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_cert_verify_callback(tls, accept_any, NULL);
		SSL_CTX_set_max_cert_list(tls, CERTIFICATES_BYTES_MAX);
		SSL_CTX_set_mode(tls,
			SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
		SSL_CTX_set_read_ahead(tls, 1);
		SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	}
	if (r == 0 && certificate)
		r = load_certificate(tls, certificate, error);
	if (r == 0 && certificate)
		r = load_key(tls, key, password, error);
	if (r < 0) {
		SSL_CTX_free(tls);
		return NULL;
	}
	return tls;
}
