/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/authority.h"

#include "base/clock.h"
#include "base/fd.h"
#include "fleet/identity/secret.h"
#include "fleet/identity/x509.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define AUTHORITY_FILE "authority.pem"
#define SERVER_FILE "server.pem"
#define FILE_MAX ((size_t)65536)
#define AUTHORITY_LIFETIME_MS (INT64_C(3653) * 86400 * 1000)
#define AGENT_URI "gavea://agent/"
#define MACHINE_URI "gavea://machine/"

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
	char *pem;
	char fingerprint[AUTHORITY_FINGERPRINT_SIZE];
};

void authority_free(struct authority *authority)
{
	if (!authority)
		return;
	EVP_PKEY_free(authority->key);
	X509_free(authority->certificate);
	free(authority->pem);
	free(authority);
}

/* ---- Its own certificate ---- */

static int sign(const struct authority *authority, X509 *certificate, struct error *error)
{
	if (!X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)) ||
		!X509_sign(certificate, authority->key, EVP_sha256()))
		return x509_error(error, "can't sign a certificate");
	return 0;
}

static int make(struct authority *authority, struct error *error)
{
	char id[AUTHORITY_ID_SIZE], name[64];
	uint8_t hash[32];

	authority->key = x509_make_key();
	if (!authority->key)
		return x509_error(error, "can't make a key");
	x509_hash_key(authority->key, hash);
	snprintf(id, sizeof id, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
	snprintf(name, sizeof name, "gavea fleet authority %s", id);
	authority->certificate = x509_new(name, authority->key, clock_unix_ms(), AUTHORITY_LIFETIME_MS);
	if (!authority->certificate ||
		x509_add_extension(authority->certificate, authority->certificate, NID_basic_constraints,
			"critical,CA:TRUE,pathlen:0") < 0 ||
		x509_add_extension(authority->certificate, authority->certificate, NID_key_usage,
			"critical,keyCertSign,cRLSign") < 0 ||
		x509_add_extension(authority->certificate, authority->certificate, NID_subject_key_identifier,
			"hash") < 0)
		return x509_error(error, "can't make the authority's certificate");
	return sign(authority, authority->certificate, error);
}

static int save_pair(
	int folder, const char *file, const EVP_PKEY *key, const X509 *certificate, struct error *error)
{
	_cleanup_secret_ struct buf pem = BUF_INIT;
	int r = x509_add_key_pem(key, &pem);

	if (r == 0)
		r = x509_add_pem(certificate, &pem);
	if (r == 0)
		r = file_write_atomic(folder, file, pem.data, pem.size, 0600);
	return r < 0 ? error_set(error, r, "can't write %s in the state directory: %s", file, strerror(-r))
		     : 0;
}

/* -ENOENT: there is none. */
static int load_pair(
	int folder, const char *file, EVP_PKEY **ret_key, X509 **ret_certificate, struct error *error)
{
	_cleanup_secret_ struct buf pem = BUF_INIT;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(X509_freep) X509 *certificate = NULL;
	int r = file_read(folder, file, FILE_MAX, &pem);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return error_set(error, r, "can't read %s in the state directory: %s", file, strerror(-r));
	key = x509_read_key_pem(buf_str(&pem), pem.size);
	certificate = x509_read_pem(buf_str(&pem), pem.size);
	ERR_clear_error();
	if (!key || !certificate || X509_check_private_key(certificate, key) != 1) {
		ERR_clear_error();
		return error_set(error, -EBADMSG, "%s in the state directory is damaged", file);
	}
	*ret_key = TAKE_PTR(key);
	*ret_certificate = TAKE_PTR(certificate);
	return 0;
}

static int load_or_make(int folder, bool may_make, struct authority *authority, struct error *error)
{
	int r = load_pair(folder, AUTHORITY_FILE, &authority->key, &authority->certificate, error);

	if (r == -EBADMSG)
		error_prefix(error, "bring it back from a backup, else all agents have to enrol again");
	if (r == -ENOENT && !may_make)
		return error_set(error, r,
			AUTHORITY_FILE
			" is gone from the state directory, though agents have certificates of it: bring it "
			"back from a backup; or move identity.db away, then all agents have to enrol again");
	if (r == -ENOENT) {
		r = make(authority, error);
		if (r == 0)
			r = save_pair(folder, AUTHORITY_FILE, authority->key, authority->certificate, error);
		if (r == 0)
			r = 1;
	}
	return r;
}

int authority_open(const char *folder, bool may_make, struct authority **ret_authority, struct error *error)
{
	_cleanup_(authority_freep) struct authority *authority = calloc(1, sizeof *authority);
	_cleanup_fd_ int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buf_ struct buf pem = BUF_INIT;
	int r, made;

	if (!authority)
		return error_set(error, -ENOMEM, "out of memory");
	if (directory < 0)
		return error_set(
			error, -errno, "can't open the state directory %s: %s", folder, strerror(errno));
	/* A server that starts and a command may both find none: only one makes it. */
	if (flock(directory, LOCK_EX) < 0)
		return error_set(error, -errno, "can't lock %s: %s", folder, strerror(errno));
	made = load_or_make(directory, may_make, authority, error);
	if (made < 0)
		return made;
	r = x509_add_pem(authority->certificate, &pem);
	if (r < 0)
		return error_set(error, r, "out of memory");
	authority->pem = buf_take(&pem);
	x509_fingerprint(authority->certificate, authority->fingerprint);
	*ret_authority = TAKE_PTR(authority);
	return made;
}

const char *authority_pem(const struct authority *authority)
{
	return authority->pem;
}

const char *authority_fingerprint(const struct authority *authority)
{
	return authority->fingerprint;
}

int64_t authority_not_after_ms(const struct authority *authority)
{
	return x509_not_after_ms(authority->certificate);
}

/* ---- Agents ---- */

static EVP_PKEY *key_of_request(const char *csr_pem, struct error *error)
{
	_cleanup_(BIO_free_allp) BIO *bio = NULL;
	_cleanup_(X509_REQ_freep) X509_REQ *request = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	size_t size = strlen(csr_pem);

	if (size > AUTHORITY_CSR_MAX) {
		error_set(error, -EINVAL, "csr is larger than %d bytes", AUTHORITY_CSR_MAX);
		return NULL;
	}
	bio = BIO_new_mem_buf(csr_pem, (int)size);
	request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	key = request ? X509_REQ_get_pubkey(request) : NULL;
	ERR_clear_error();
	if (!key)
		error_set(error, -EINVAL, "csr is not a PKCS #10 request in PEM");
	else if (!x509_is_p256(key))
		error_set(error, -EINVAL, "csr: the key is not an ECDSA key on P-256");
	else if (X509_REQ_verify(request, key) != 1)
		error_set(error, -EINVAL, "csr is not signed by its own key");
	else
		return TAKE_PTR(key);
	ERR_clear_error();
	return NULL;
}

int authority_judge_request(const char *csr_pem, uint8_t ret_key_hash[static 32], struct error *error)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_of_request(csr_pem, error);

	if (!key)
		return -EINVAL;
	x509_hash_key(key, ret_key_hash);
	return 0;
}

static void describe(const X509 *certificate, const EVP_PKEY *key, struct credential *credential)
{
	x509_serial(certificate, credential->serial);
	x509_hash_key(key, credential->key_hash);
	credential->not_before_ms = x509_not_before_ms(certificate);
	credential->not_after_ms = x509_not_after_ms(certificate);
}

int authority_issue(const struct authority *authority, const char *csr_pem, const char *agent_id,
	const char *machine_id, int64_t now_ms, int64_t lifetime_ms, struct credential *ret_credential,
	struct buf *ret_pem, struct error *error)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_of_request(csr_pem, error);
	_cleanup_(X509_freep) X509 *certificate = NULL;
	struct credential credential = {};
	char names[160];
	int r;

	if (!key)
		return -EINVAL;
	certificate = x509_new(agent_id, key, now_ms, lifetime_ms);
	snprintf(names, sizeof names, "URI:" AGENT_URI "%s,URI:" MACHINE_URI "%s", agent_id, machine_id);
	if (!certificate ||
		x509_add_extension(certificate, authority->certificate, NID_basic_constraints,
			"critical,CA:FALSE") < 0 ||
		x509_add_extension(certificate, authority->certificate, NID_key_usage,
			"critical,digitalSignature") < 0 ||
		x509_add_extension(certificate, authority->certificate, NID_ext_key_usage, "clientAuth") <
			0 ||
		x509_add_extension(
			certificate, authority->certificate, NID_authority_key_identifier, "keyid") < 0 ||
		x509_add_extension(certificate, authority->certificate, NID_subject_alt_name, names) < 0)
		return x509_error(error, "can't make a certificate");
	r = sign(authority, certificate, error);
	if (r < 0)
		return r;
	describe(certificate, key, &credential);
	memcpy(credential.agent_id, agent_id, sizeof credential.agent_id);
	memcpy(credential.machine_id, machine_id, sizeof credential.machine_id);
	if (x509_add_pem(certificate, ret_pem) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	*ret_credential = credential;
	return 0;
}

static void take_uri(const ASN1_STRING *uri, const char *prefix, char id[static AUTHORITY_ID_SIZE])
{
	const char *text = (const char *)ASN1_STRING_get0_data(uri);
	size_t length = strlen(prefix);

	if ((size_t)ASN1_STRING_length(uri) != length + AUTHORITY_ID_SIZE - 1 ||
		memcmp(text, prefix, length) != 0)
		return;
	memcpy(id, text + length, AUTHORITY_ID_SIZE - 1);
	if (strspn(id, "0123456789abcdef") != AUTHORITY_ID_SIZE - 1)
		id[0] = 0;
}

static void read_names(X509 *certificate, struct credential *credential)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);

		if (type != GEN_URI)
			continue;
		take_uri(value, AGENT_URI, credential->agent_id);
		take_uri(value, MACHINE_URI, credential->machine_id);
	}
	GENERAL_NAMES_free(names);
}

int authority_verify(const struct authority *authority, const void *der, size_t size,
	struct credential *ret_credential, struct error *error)
{
	const unsigned char *bytes = der;
	_cleanup_(X509_freep) X509 *certificate = d2i_X509(NULL, &bytes, (long)size);
	struct credential credential = {};
	bool good;

	/* The issuer's name is anybody's to write; the signature is not. */
	good = certificate && X509_verify(certificate, authority->key) == 1;
	ERR_clear_error();
	if (!good)
		return error_set(
			error, -EACCES, "the client's certificate is not of this server's authority");
	describe(certificate, X509_get0_pubkey(certificate), &credential);
	read_names(certificate, &credential);
	if (X509_check_ca(certificate) || !(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) ||
		!credential.agent_id[0] || !credential.machine_id[0])
		return error_set(error, -EACCES, "the client's certificate is not that of an agent");
	*ret_credential = credential;
	return 0;
}

/* ---- The server ---- */

static void format_names(const char *const *names, size_t count, struct buf *out)
{
	uint8_t address[16];

	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s:%s", i ? "," : "",
			inet_pton(AF_INET, names[i], address) == 1 ||
					inet_pton(AF_INET6, names[i], address) == 1
				? "IP"
				: "DNS",
			names[i]);
}

/* Of this authority, for just these names, and with a third of its life before it. */
static bool fits(const struct authority *authority, X509 *certificate, const char *names, int64_t now_ms)
{
	int64_t begin = x509_not_before_ms(certificate), end = x509_not_after_ms(certificate);
	_cleanup_(X509_freep) X509 *model = X509_new();
	ASN1_OCTET_STRING *wanted = NULL, *actual = NULL;
	X509_EXTENSION *extension;
	int at;
	bool same = false;

	if (!model || X509_verify(certificate, authority->key) != 1 || now_ms < begin ||
		now_ms > begin + (end - begin) / 3 * 2) {
		ERR_clear_error();
		return false;
	}
	if (x509_add_extension(model, authority->certificate, NID_subject_alt_name, names) == 0) {
		extension = X509_get_ext(model, 0);
		wanted = X509_EXTENSION_get_data(extension);
		at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
		extension = X509_get_ext(certificate, at);
		actual = extension ? X509_EXTENSION_get_data(extension) : NULL;
		same = wanted && actual && ASN1_OCTET_STRING_cmp(wanted, actual) == 0;
	}
	ERR_clear_error();
	return same;
}

static int make_server(const struct authority *authority, const char *names, int64_t now_ms,
	int64_t lifetime_ms, EVP_PKEY **ret_key, X509 **ret_certificate, struct error *error)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = x509_make_key();
	_cleanup_(X509_freep) X509 *certificate =
		key ? x509_new("gavea-fleetd", key, now_ms, lifetime_ms) : NULL;
	int r;

	if (!certificate ||
		x509_add_extension(certificate, authority->certificate, NID_basic_constraints,
			"critical,CA:FALSE") < 0 ||
		x509_add_extension(certificate, authority->certificate, NID_key_usage,
			"critical,digitalSignature") < 0 ||
		x509_add_extension(certificate, authority->certificate, NID_ext_key_usage, "serverAuth") <
			0 ||
		x509_add_extension(
			certificate, authority->certificate, NID_authority_key_identifier, "keyid") < 0)
		return x509_error(error, "can't make the server's certificate");
	if (x509_add_extension(certificate, authority->certificate, NID_subject_alt_name, names) < 0)
		return x509_error(error, "names: one of them cannot stand in a certificate");
	r = sign(authority, certificate, error);
	if (r < 0)
		return r;
	*ret_key = TAKE_PTR(key);
	*ret_certificate = TAKE_PTR(certificate);
	return 0;
}

int authority_server(const struct authority *authority, const char *folder, const char *const *names,
	size_t count, int64_t now_ms, int64_t lifetime_ms, struct buf *ret_certificate, struct buf *ret_key,
	struct error *error)
{
	_cleanup_fd_ int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(X509_freep) X509 *certificate = NULL;
	_cleanup_buf_ struct buf list = BUF_INIT;
	bool made = false;
	int r;

	if (directory < 0)
		return error_set(
			error, -errno, "can't open the state directory %s: %s", folder, strerror(errno));
	format_names(names, count, &list);
	/* One that is damaged is made anew: nobody misses it. */
	r = load_pair(directory, SERVER_FILE, &key, &certificate, NULL);
	if (r < 0 || !fits(authority, certificate, buf_str(&list), now_ms)) {
		made = true;
		EVP_PKEY_free(TAKE_PTR(key));
		X509_free(TAKE_PTR(certificate));
		r = make_server(authority, buf_str(&list), now_ms, lifetime_ms, &key, &certificate, error);
		if (r == 0)
			r = save_pair(directory, SERVER_FILE, key, certificate, error);
		if (r < 0)
			return r;
	}
	if (x509_add_pem(certificate, ret_certificate) < 0 || x509_add_key_pem(key, ret_key) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	return made;
}
