/* SPDX-License-Identifier: Apache-2.0 */
#include "pem.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#define SCRYPT_ROUNDS 500000 /* what it counts for; the library bounds it */
#define BLOCKS_MAX 4000

static const char write_anew[] = "write the file anew";

struct block {
	char *name;
	char *header;
	unsigned char *data;
	long size;
};

static void block_done(struct block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(block->data, block->size > 0 ? (size_t)block->size : 0);
	*block = (struct block){0};
}

/* Never asks at a terminal. */
static int give_password(char *buffer, int size, int writing, void *userdata)
{
	const struct bundle_secrets *secrets = userdata;
	size_t length = secrets->key_password ? strlen(secrets->key_password) : 0;

	(void)writing;
	if (!secrets->key_password || length > (size_t)size)
		return -1;
	memcpy(buffer, secrets->key_password, length);
	return (int)length;
}

static bool spend(struct bundle *bundle, const ASN1_INTEGER *rounds)
{
	return bundle_spend(bundle, rounds ? ASN1_INTEGER_get(rounds) : 1);
}

static bool pbes2_is_affordable(struct bundle *bundle, const ASN1_TYPE *parameter)
{
	PBE2PARAM *pbe2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
	PBKDF2PARAM *kdf = NULL;
	int kind = pbe2 ? OBJ_obj2nid(pbe2->keyfunc->algorithm) : NID_undef;
	bool fits = kind == NID_id_scrypt && bundle_spend(bundle, SCRYPT_ROUNDS);

	if (kind == NID_id_pbkdf2 && pbe2->keyfunc->parameter)
		kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), pbe2->keyfunc->parameter);
	if (kdf)
		fits = spend(bundle, kdf->iter);
	PBKDF2PARAM_free(kdf);
	PBE2PARAM_free(pbe2);
	return fits;
}

bool pem_is_affordable(struct bundle *bundle, const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	int kind;
	PBEPARAM *pbe;
	bool fits;

	X509_ALGOR_get0(&object, &kind, &value, algorithm);
	if (!algorithm->parameter)
		return false;
	if (OBJ_obj2nid(object) == NID_pbes2)
		return pbes2_is_affordable(bundle, algorithm->parameter);
	pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
	fits = pbe && spend(bundle, pbe->iter);
	PBEPARAM_free(pbe);
	return fits;
}

EVP_PKEY *pem_unlock(
	struct bundle *bundle, const X509_SIG *locked, const char *password, const char **ret_why)
{
	const X509_ALGOR *algorithm;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key;

	X509_SIG_get0(locked, &algorithm, NULL);
	*ret_why = "is encrypted";
	if (!password)
		return NULL;
	*ret_why = "is encrypted in a way that is not known here, or would take too long to open";
	if (!pem_is_affordable(bundle, algorithm))
		return NULL;
	*ret_why = "does not open with the password";
	info = PKCS8_decrypt(locked, password, (int)strlen(password));
	key = info ? EVP_PKCS82PKEY(info) : NULL;
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

static int locked_key(struct bundle *bundle, const char *why)
{
	findings_add(&bundle->findings, GAVEA_UNKNOWN, 0, "set key_password", "the private key %s", why);
	return bundle_add_key(bundle, NULL, 0);
}

static int take_encrypted(
	const struct block *block, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	const unsigned char *at = block->data;
	X509_SIG *locked = d2i_X509_SIG(NULL, &at, block->size);
	const char *why = "";
	EVP_PKEY *key = locked ? pem_unlock(bundle, locked, secrets->key_password, &why) : NULL;
	int r;

	if (!locked)
		return bundle_broken(bundle, write_anew, "the private key is damaged");
	r = key ? bundle_add_key(bundle, key, 0) : locked_key(bundle, why);
	EVP_PKEY_free(key);
	X509_SIG_free(locked);
	return r;
}

/* "RSA PRIVATE KEY" with "Proc-Type: 4,ENCRYPTED" and the like. */
static int open_header(struct block *block, const struct bundle_secrets *secrets)
{
	EVP_CIPHER_INFO cipher;

	if (!*block->header)
		return 0;
	if (PEM_get_EVP_CIPHER_INFO(block->header, &cipher) != 1 ||
		PEM_do_header(&cipher, block->data, &block->size, give_password, (void *)secrets) != 1)
		return -EACCES;
	return 0;
}

static int take_key(struct block *block, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	const unsigned char *at;
	EVP_PKEY *key;
	int r;

	if (open_header(block, secrets) < 0)
		return locked_key(
			bundle, secrets->key_password ? "does not open with the password" : "is encrypted");
	at = block->data;
	key = d2i_AutoPrivateKey(NULL, &at, block->size);
	if (!key)
		return bundle_broken(bundle, write_anew, "the private key is damaged");
	r = bundle_add_key(bundle, key, 0);
	EVP_PKEY_free(key);
	return r;
}

static int take_certificate(const struct block *block, bool trusted, struct bundle *bundle)
{
	const unsigned char *at = block->data;
	X509 *certificate = trusted ? d2i_X509_AUX(NULL, &at, block->size) : d2i_X509(NULL, &at, block->size);

	if (!certificate)
		return bundle_broken(
			bundle, write_anew, "certificate %zu in it is damaged", bundle->count + 1);
	return bundle_add(bundle, certificate, NULL, 0, trusted);
}

static int take_list(const struct block *block, struct bundle *bundle)
{
	const unsigned char *at = block->data;
	X509_CRL *list = d2i_X509_CRL(NULL, &at, block->size);

	if (!list)
		return bundle_broken(bundle, write_anew, "the CRL in it is damaged");
	if (!bundle->lists)
		bundle->lists = sk_X509_CRL_new_null();
	if (!bundle->lists || sk_X509_CRL_push(bundle->lists, list) <= 0) {
		X509_CRL_free(list);
		return -ENOMEM;
	}
	return 0;
}

static int take_pkcs7(const struct block *block, struct bundle *bundle)
{
	const unsigned char *at = block->data;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, block->size);
	STACK_OF(X509) *all =
		pkcs7 && PKCS7_type_is_signed(pkcs7) && pkcs7->d.sign ? pkcs7->d.sign->cert : NULL;
	int r = pkcs7 ? 0 : bundle_broken(bundle, write_anew, "the PKCS#7 in it is damaged");

	for (int i = 0; r == 0 && i < sk_X509_num(all); i++) {
		X509 *certificate = sk_X509_value(all, i);

		X509_up_ref(certificate);
		r = bundle_add(bundle, certificate, NULL, 0, false);
	}
	PKCS7_free(pkcs7);
	return r;
}

static int take_block(struct block *block, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	const char *name = block->name;
	size_t length = strlen(name);

	if (streq(name, PEM_STRING_X509) || streq(name, PEM_STRING_X509_OLD))
		return take_certificate(block, false, bundle);
	if (streq(name, PEM_STRING_X509_TRUSTED))
		return take_certificate(block, true, bundle);
	if (streq(name, PEM_STRING_X509_CRL))
		return take_list(block, bundle);
	if (streq(name, PEM_STRING_PKCS7))
		return take_pkcs7(block, bundle);
	if (streq(name, PEM_STRING_PKCS8))
		return take_encrypted(block, secrets, bundle);
	if (length >= 11 && streq(name + length - 11, "PRIVATE KEY") && !streq(name, "OPENSSH PRIVATE KEY"))
		return take_key(block, secrets, bundle);
	return 0; /* parameters, requests, public keys: nothing to judge */
}

/* 1: a block, 0: the end. */
static int next_block(BIO *bio, struct block *block, struct bundle *bundle, unsigned number)
{
	unsigned long error;

	if (PEM_read_bio(bio, &block->name, &block->header, &block->data, &block->size) == 1)
		return 1;
	error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
		return 0;
	return bundle_broken(bundle, write_anew, "block %u in it is damaged or cut off", number);
}

int pem_read(const char *text, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	BIO *bio = size <= INT_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
	int r = bio ? 1 : -ENOMEM;

	bundle->form = "PEM";
	for (unsigned i = 1; r > 0; i++) {
		struct block block = {0};

		r = next_block(bio, &block, bundle, i);
		if (r > 0) {
			int taken = take_block(&block, secrets, bundle);

			if (taken == -ENOMEM || taken == -E2BIG)
				r = taken;
		}
		block_done(&block);
		if (r > 0 && i == BLOCKS_MAX)
			r = bundle_broken(bundle, NULL, "holds more than %d blocks", BLOCKS_MAX);
	}
	BIO_free(bio);
	ERR_clear_error();
	return r == -EBADMSG ? 0 : r;
}
