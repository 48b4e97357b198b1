/* SPDX-License-Identifier: Apache-2.0 */
#include "pkcs12.h"
#include "pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#define DEPTH_MAX 4

/* The old ciphers live in a library context of their own, so that nothing else in the process learns them. */
struct legacy {
	OSSL_LIB_CTX *context;
	OSSL_LIB_CTX *before;
	OSSL_PROVIDER *standard;
	OSSL_PROVIDER *old;
};

static int legacy_enter(struct legacy *legacy)
{
	*legacy = (struct legacy){.context = OSSL_LIB_CTX_new()};
	if (!legacy->context)
		return -ENOMEM;
	legacy->standard = OSSL_PROVIDER_load(legacy->context, "default");
	legacy->old = OSSL_PROVIDER_load(legacy->context, "legacy");
	legacy->before = OSSL_LIB_CTX_set0_default(legacy->context);
	return 0;
}

static void legacy_leave(struct legacy *legacy)
{
	if (!legacy->context)
		return;
	ERR_clear_error();
	OSSL_LIB_CTX_set0_default(legacy->before);
	OSSL_PROVIDER_unload(legacy->old);
	OSSL_PROVIDER_unload(legacy->standard);
	OSSL_LIB_CTX_free(legacy->context);
}

struct reading {
	const char *password;
	struct bundle *bundle;
	struct buf certificates; /* DER, one behind the other: read again outside the legacy context */
	struct buf keys; /* public halves, likewise */
	bool locked; /* a key that does not open */
};

static int keep_der(struct buf *out, int size, unsigned char *der)
{
	if (size > 0)
		buf_add(out, der, (size_t)size);
	OPENSSL_free(der);
	return size > 0 ? 0 : -EBADMSG;
}

static int take_certificate(struct reading *reading, const PKCS12_SAFEBAG *bag)
{
	X509 *certificate =
		PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate ? PKCS12_SAFEBAG_get1_cert(bag) : NULL;
	unsigned char *der = NULL;
	int size = certificate ? i2d_X509(certificate, &der) : 0;

	X509_free(certificate);
	return keep_der(&reading->certificates, size, der);
}

static int take_key(struct reading *reading, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int size;

	if (!key) {
		reading->locked = true;
		return 0;
	}
	size = i2d_PUBKEY(key, &der);
	return keep_der(&reading->keys, size, der);
}

static int take_bags(struct reading *reading, const STACK_OF(PKCS12_SAFEBAG) * bags, unsigned depth);

static int take_bag(struct reading *reading, const PKCS12_SAFEBAG *bag, unsigned depth)
{
	EVP_PKEY *key;
	const char *why;
	int r;

	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_certBag:
		return take_certificate(reading, bag);
	case NID_keyBag:
		key = EVP_PKCS82PKEY(PKCS12_SAFEBAG_get0_p8inf(bag));
		break;
	case NID_pkcs8ShroudedKeyBag:
		key = pem_unlock(reading->bundle, PKCS12_SAFEBAG_get0_pkcs8(bag), reading->password, &why);
		break;
	case NID_safeContentsBag:
		return depth < DEPTH_MAX ? take_bags(reading, PKCS12_SAFEBAG_get0_safes(bag), depth + 1)
					 : -EBADMSG;
	default:
		return 0;
	}
	r = take_key(reading, key);
	EVP_PKEY_free(key);
	return r;
}

static int take_bags(struct reading *reading, const STACK_OF(PKCS12_SAFEBAG) * bags, unsigned depth)
{
	int r = bags ? 0 : -EBADMSG;

	for (int i = 0; r == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++)
		r = i < BUNDLE_CERTIFICATES_MAX ? take_bag(reading, sk_PKCS12_SAFEBAG_value(bags, i), depth)
						: -E2BIG;
	return r;
}

static STACK_OF(PKCS12_SAFEBAG) * open_safe(const struct reading *reading, PKCS7 *safe)
{
	if (PKCS7_type_is_data(safe))
		return PKCS12_unpack_p7data(safe);
	if (!PKCS7_type_is_encrypted(safe) || !safe->d.encrypted ||
		!pem_is_affordable(reading->bundle, safe->d.encrypted->enc_data->algorithm))
		return NULL;
	return PKCS12_unpack_p7encdata(safe, reading->password, -1);
}

static int take_safes(struct reading *reading, const PKCS12 *pkcs12)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(pkcs12);
	int r = safes ? 0 : -EBADMSG;

	for (int i = 0; r == 0 && i < sk_PKCS7_num(safes); i++) {
		STACK_OF(PKCS12_SAFEBAG) *bags = open_safe(reading, sk_PKCS7_value(safes, i));

		r = bags ? take_bags(reading, bags, 0) : -EBADMSG;
		sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	}
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return r;
}

/* Whether the password is right; an empty one may be written in two ways. */
static int check_password(struct reading *reading, PKCS12 *pkcs12)
{
	const ASN1_INTEGER *rounds = NULL;
	struct findings *findings = &reading->bundle->findings;

	if (!PKCS12_mac_present(pkcs12))
		return 0;
	PKCS12_get0_mac(NULL, NULL, NULL, &rounds, pkcs12);
	if (!bundle_spend(reading->bundle, rounds ? ASN1_INTEGER_get(rounds) : 1))
		return bundle_broken(reading->bundle, "write it anew with fewer rounds",
			"asks for more than %d rounds of hashing", BUNDLE_ROUNDS_MAX);
	if (!reading->password && PKCS12_verify_mac(pkcs12, NULL, 0) == 1)
		return 0;
	if (PKCS12_verify_mac(pkcs12, reading->password ? reading->password : "", -1) == 1) {
		reading->password = reading->password ? reading->password : "";
		return 0;
	}
	if (reading->password)
		findings_add(
			findings, GAVEA_UNKNOWN, 0, "correct password", "does not open with the password");
	else
		findings_add(
			findings, GAVEA_UNKNOWN, 0, "set password", "this PKCS#12 is locked by a password");
	return -EACCES;
}

static int read_in_context(struct reading *reading, const char *content, size_t size)
{
	const unsigned char *at = (const unsigned char *)content;
	PKCS12 *pkcs12 = d2i_PKCS12(NULL, &at, (long)size);
	int r;

	if (!pkcs12)
		return -EINVAL;
	reading->bundle->form = "PKCS#12";
	r = check_password(reading, pkcs12);
	if (r == 0) {
		r = take_safes(reading, pkcs12);
		if (r == -EBADMSG)
			bundle_broken(reading->bundle, "write the file anew",
				"this PKCS#12 is damaged or of an unknown kind");
	}
	PKCS12_free(pkcs12);
	return r;
}

static void hand_over(const struct reading *reading)
{
	const unsigned char *at = (const unsigned char *)reading->certificates.data;
	const unsigned char *end = at + reading->certificates.size;
	X509 *certificate;
	EVP_PKEY *key;

	while (at < end && (certificate = d2i_X509(NULL, &at, end - at)))
		if (bundle_add(reading->bundle, certificate, NULL, 0, false) < 0)
			return;
	at = (const unsigned char *)reading->keys.data;
	end = at + reading->keys.size;
	while (at < end && (key = d2i_PUBKEY(NULL, &at, end - at))) {
		bundle_add_key(reading->bundle, key, 0);
		EVP_PKEY_free(key);
	}
	if (reading->locked) {
		findings_add(&reading->bundle->findings, GAVEA_UNKNOWN, 0, "check password",
			"the private key does not open");
		bundle_add_key(reading->bundle, NULL, 0);
	}
}

int pkcs12_read(const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	struct reading reading = {.password = secrets->password, .bundle = bundle};
	struct legacy legacy;
	int r = legacy_enter(&legacy);

	if (r == 0)
		r = read_in_context(&reading, content, size);
	legacy_leave(&legacy);
	if (r == 0 && (buf_error(&reading.certificates) || buf_error(&reading.keys)))
		r = -ENOMEM;
	if (r == 0)
		hand_over(&reading);
	buf_done(&reading.certificates);
	buf_done(&reading.keys);
	return r == -EINVAL || r == -ENOMEM ? r : 0;
}
