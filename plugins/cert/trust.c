/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"
#include "content.h"
#include "paths.h"
#include "source.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>

/* Reads a file into an empty bundle; what is broken in it is an error here. */
static int read_file(const char *option, const char *path, struct bundle *bundle, struct error *error)
{
	struct bundle_secrets none = {0};
	struct source source = {0};
	int r = source_read(path, &source, error);

	if (r < 0) {
		error_prefix(error, "%s: %s", option, path);
		return r;
	}
	r = content_read(source.content.data, source.content.size, &none, bundle);
	source_done(&source);
	if (r < 0)
		return error_set(error, r, "%s: %s: %s", option, path, strerror(-r));
	if (bundle->broken) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		findings_worst(&bundle->findings, &text);
		return error_set(error, -EINVAL, "%s: %s: %s", option, path, buf_str(&text));
	}
	return 0;
}

static int add_certificates(const struct bundle *bundle, struct trust *trust)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (X509_STORE_add_cert(trust->store, bundle->certificates[i].certificate) != 1)
			return -ENOMEM;
	return 0;
}

static int load_authorities(const struct path *path, struct trust *trust, size_t *count, struct error *error)
{
	struct bundle bundle = {0};
	int r = read_file("ca", path->path, &bundle, error);

	if (r == 0 && add_certificates(&bundle, trust) < 0)
		r = error_set(error, -ENOMEM, "out of memory");
	*count += bundle.count;
	bundle_done(&bundle);
	return r;
}

static int load_given(const char *ca, struct trust *trust, struct error *error)
{
	struct paths paths = {0};
	struct findings findings = {0};
	size_t count = 0;
	int r = paths_add(&paths, ca, &findings);

	for (size_t i = 0; r == 0 && i < paths.count; i++) {
		r = load_authorities(&paths.list[i], trust, &count, error);
		/* In a folder, what is damaged or unreadable costs itself alone. */
		if (r < 0 && !paths.list[i].named && r != -ENOMEM)
			r = 0;
	}
	if (r == 0 && count == 0)
		r = error_set(error, -EINVAL, "ca: %s: there is no certificate in it", ca);
	trust->partial = true;
	findings_done(&findings);
	paths_done(&paths);
	return r;
}

static bool has_system_store(void)
{
	struct stat st;
	const char *file = X509_get_default_cert_file(), *folder = X509_get_default_cert_dir();

	/* a folder with nothing in it has two links and no size to speak of; the bundle is what Debian makes of it */
	return stat(file, &st) == 0 ||
		(stat(folder, &st) == 0 && stat("/etc/ssl/certs/ca-certificates.crt", &st) == 0) ||
		(stat(folder, &st) == 0 && st.st_size > 4096);
}

static int load_lists(const char *const *crls, size_t count, struct trust *trust, struct error *error)
{
	int r = 0;

	if (!count)
		return 0;
	trust->lists = sk_X509_CRL_new_null();
	for (size_t i = 0; r == 0 && trust->lists && i < count; i++) {
		struct bundle bundle = {0};

		r = read_file("crl", crls[i], &bundle, error);
		if (r == 0 && sk_X509_CRL_num(bundle.lists) <= 0)
			r = error_set(error, -EINVAL, "crl: %s: there is no CRL in it", crls[i]);
		while (r == 0 && sk_X509_CRL_num(bundle.lists) > 0)
			if (sk_X509_CRL_push(trust->lists, sk_X509_CRL_pop(bundle.lists)) <= 0)
				r = -ENOMEM;
		bundle_done(&bundle);
	}
	return trust->lists ? r : -ENOMEM;
}

int trust_load(const char *ca, const char *const *crls, size_t crl_count, struct trust *ret_trust,
	struct error *error)
{
	struct trust trust = {.store = X509_STORE_new()};
	int r = trust.store ? 0 : error_set(error, -ENOMEM, "out of memory");

	if (r == 0 && !str_empty(ca)) {
		r = load_given(ca, &trust, error);
	} else if (r == 0) {
		if (X509_STORE_set_default_paths(trust.store) != 1)
			r = error_set(error, -ENOMEM, "the system's trust store cannot be used");
		trust.empty = !has_system_store();
	}
	if (r == 0)
		r = load_lists(crls, crl_count, &trust, error);
	ERR_clear_error();
	if (r < 0) {
		trust_done(&trust);
		return r;
	}
	*ret_trust = trust;
	return 0;
}

void trust_done(struct trust *trust)
{
	X509_STORE_free(trust->store);
	sk_X509_CRL_pop_free(trust->lists, X509_CRL_free);
	*trust = (struct trust){0};
}
