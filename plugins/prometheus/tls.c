/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include "base/fd.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>

#define FILE_MAX ((size_t)1 << 20)

static int read_file(const char *option, const char *path, struct buf *out, struct error *error)
{
	int r;

	if (!path)
		return 0;
	r = file_read(AT_FDCWD, path, FILE_MAX, out);
	if (r == -EACCES)
		return error_set(error, r,
			"%s: %s: Permission denied: user gavea must be able to read it, and it must have "
			"been there "
			"when the worker started",
			option, path);
	if (r < 0)
		return error_set(error, r, "%s: %s: %s", option, path, strerror(-r));
	return 0;
}

static gnutls_datum_t datum(const struct buf *buf)
{
	return (gnutls_datum_t){.data = (unsigned char *)buf->data, .size = (unsigned)buf->size};
}

static int judge(const struct tls_files *files, const struct tls *tls, struct error *error)
{
	gnutls_datum_t certificate = datum(&tls->certificate), key = datum(&tls->key),
		       ca = datum(&tls->client_ca);
	gnutls_certificate_credentials_t credentials;
	int r = gnutls_certificate_allocate_credentials(&credentials);

	if (r < 0)
		return error_set(error, -ENOMEM, "out of memory");
	r = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		r = error_set(error, -EINVAL, "tls_certificate, tls_key: %s and %s: %s", files->certificate,
			files->key, gnutls_strerror(r));
	else if (files->client_ca &&
		gnutls_certificate_set_x509_trust_mem(credentials, &ca, GNUTLS_X509_FMT_PEM) <= 0)
		r = error_set(error, -EINVAL, "tls_client_ca: %s: there is no certificate in it (PEM)",
			files->client_ca);
	gnutls_certificate_free_credentials(credentials);
	return r < 0 ? r : 0;
}

static int load(const struct tls_files *files, struct tls *tls, struct error *error)
{
	int r;

	if (!files->certificate && !files->key && !files->client_ca)
		return 0;
	if (!files->certificate)
		return error_set(error, -EINVAL, "tls_certificate: is needed with %s",
			files->key ? "tls_key" : "tls_client_ca");
	if (!files->key)
		return error_set(error, -EINVAL, "tls_key: is needed with tls_certificate");
	r = read_file("tls_certificate", files->certificate, &tls->certificate, error);
	if (r == 0)
		r = read_file("tls_key", files->key, &tls->key, error);
	if (r == 0)
		r = read_file("tls_client_ca", files->client_ca, &tls->client_ca, error);
	return r < 0 ? r : judge(files, tls, error);
}

int tls_load(const struct tls_files *files, struct tls *ret_tls, struct error *error)
{
	struct tls tls = {BUF_INIT, BUF_INIT, BUF_INIT};
	int r = load(files, &tls, error);

	if (r < 0)
		tls_done(&tls);
	else
		*ret_tls = tls;
	return r;
}

void tls_done(struct tls *tls)
{
	if (tls->key.data)
		explicit_bzero(tls->key.data, tls->key.size);
	buf_done(&tls->certificate);
	buf_done(&tls->key);
	buf_done(&tls->client_ca);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->size == b->size && memcmp(buf_str(a), buf_str(b), a->size) == 0;
}

bool tls_same(const struct tls *a, const struct tls *b)
{
	return same(&a->certificate, &b->certificate) && same(&a->key, &b->key) &&
		same(&a->client_ca, &b->client_ca);
}
