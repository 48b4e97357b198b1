/* SPDX-License-Identifier: Apache-2.0 */
#include "weak.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define RSA_BITS_LEAST 2048
#define EC_BITS_LEAST 224
#define EXPONENT_COMMON 65537
#define FERMAT_STEPS 32
/* Larger ones are not put through the arithmetic: a hostile key must not cost seconds. */
#define RSA_BITS_MOST 8192

static const char new_key[] = "issue a new one with a key of its own (RSA 2048 or more, or EC P-256)";

/* Their keys are 65537^a mod M for each small prime: a random modulus lies in all these groups once in 2^27. */
bool weak_is_roca(const BIGNUM *modulus)
{
	static const unsigned char primes[] = {
		11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};

	for (size_t i = 0; i < ARRAY_SIZE(primes); i++) {
		unsigned prime = primes[i];
		unsigned rest = (unsigned)BN_mod_word(modulus, prime);
		unsigned power = 1;
		bool member = false;

		for (unsigned k = 0; k < prime && !member; k++) {
			member = power == rest;
			power = power * (EXPONENT_COMMON % prime) % prime;
		}
		if (!member)
			return false;
	}
	return true;
}

/* *root = floor(sqrt(number)), by Newton's method. False: no memory. */
static bool square_root(BIGNUM *root, const BIGNUM *number, BN_CTX *ctx)
{
	BIGNUM *next = BN_CTX_get(ctx);
	int r = next != NULL;

	BN_zero(root);
	r = r && BN_set_bit(root, (BN_num_bits(number) + 1) / 2);
	while (r) {
		r = BN_div(next, NULL, number, root, ctx) && BN_add(next, next, root) &&
			BN_rshift1(next, next);
		if (!r || BN_cmp(next, root) >= 0)
			break;
		r = BN_copy(root, next) != NULL;
	}
	return r;
}

/* Most numbers are seen not to be squares by their rests. */
static bool may_be_square(const BIGNUM *number)
{
	static const unsigned char moduli[] = {64, 63, 65, 11};

	for (size_t i = 0; i < ARRAY_SIZE(moduli); i++) {
		unsigned rest = (unsigned)BN_mod_word(number, moduli[i]);
		bool square = false;

		for (unsigned k = 0; k < moduli[i] && !square; k++)
			square = k * k % moduli[i] == rest;
		if (!square)
			return false;
	}
	return true;
}

static bool is_square(const BIGNUM *number, BN_CTX *ctx)
{
	BIGNUM *root, *back;
	bool square;

	if (BN_is_negative(number) || !may_be_square(number))
		return false;
	BN_CTX_start(ctx);
	root = BN_CTX_get(ctx);
	back = BN_CTX_get(ctx);
	square = back && square_root(root, number, ctx) && BN_sqr(back, root, ctx) &&
		BN_cmp(back, number) == 0;
	BN_CTX_end(ctx);
	return square;
}

bool weak_has_close_primes(const BIGNUM *modulus)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *a, *b;
	bool found = false, r;

	if (!ctx)
		return false;
	BN_CTX_start(ctx);
	a = BN_CTX_get(ctx);
	b = BN_CTX_get(ctx);
	r = b && square_root(a, modulus, ctx);
	for (int i = 0; r && !found && i < FERMAT_STEPS; i++) {
		r = BN_sqr(b, a, ctx) && BN_sub(b, b, modulus);
		found = r && is_square(b, ctx);
		r = r && BN_add_word(a, 1);
	}
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return found;
}

static void judge_exponent(const BIGNUM *exponent, const char *what, struct findings *findings)
{
	if (!BN_is_odd(exponent) || BN_is_one(exponent))
		findings_add(findings, GAVEA_CRITICAL, 0, new_key, "the RSA exponent of %s is not one", what);
	else if (BN_num_bits(exponent) < 16)
		findings_add(findings, GAVEA_WARNING, 0, new_key, "the RSA exponent of %s is smaller than %d",
			what, EXPONENT_COMMON);
}

static void judge_rsa(EVP_PKEY *key, const char *what, struct findings *findings)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *modulus = NULL, *exponent = NULL;

	if (bits < RSA_BITS_LEAST)
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, new_key,
			"the RSA key of %s has %d bits only", what, bits);
	if (bits > RSA_BITS_MOST)
		return;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1) {
		judge_exponent(exponent, what, findings);
		if (weak_is_roca(modulus))
			findings_add(findings, GAVEA_CRITICAL, 0, new_key,
				"the RSA key of %s can be broken (ROCA, CVE-2017-15361)", what);
		if (weak_has_close_primes(modulus))
			findings_add(findings, GAVEA_CRITICAL, 0, new_key,
				"the RSA key of %s can be broken: its primes are too close (CVE-2022-26320)",
				what);
	} else {
		findings_add(findings, GAVEA_UNKNOWN, 0, NULL, "the RSA key of %s cannot be read", what);
	}
	BN_free(modulus);
	BN_free(exponent);
}

void weak_key(X509 *certificate, const char *what, struct findings *findings)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int bits = key ? EVP_PKEY_get_bits(key) : 0;

	switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		judge_rsa(key, what, findings);
		return;
	case EVP_PKEY_EC:
		if (bits < EC_BITS_LEAST)
			findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS, new_key,
				"the EC key of %s has %d bits only", what, bits);
		return;
	case EVP_PKEY_DSA:
		findings_add(findings, GAVEA_WARNING, FINDING_BREAKS, new_key,
			"the key of %s is of type DSA, which clients refuse", what);
		return;
	case EVP_PKEY_NONE:
		findings_add(findings, GAVEA_UNKNOWN, 0, NULL, "the key of %s cannot be read", what);
		return;
	default:
		return;
	}
}

void weak_signature(X509 *certificate, const char *what, struct findings *findings)
{
	int digest = NID_undef;

	if (X509_get_extension_flags(certificate) & EXFLAG_SI)
		return;
	/* False for what has no digest of its own, such as Ed25519. */
	(void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
	if (digest == NID_md5 || digest == NID_md2 || digest == NID_md4 || digest == NID_sha1 ||
		digest == NID_md5_sha1)
		findings_add(findings, GAVEA_CRITICAL, FINDING_BREAKS,
			"have it issued anew, signed with SHA-256",
			"%s is signed with %s, which clients refuse", what,
			digest == NID_sha1 ? "SHA-1" : OBJ_nid2sn(digest));
}
