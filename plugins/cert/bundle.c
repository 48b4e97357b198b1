/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <errno.h>
#include <stdarg.h>

void bundle_done(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++) {
		X509_free(bundle->certificates[i].certificate);
		free(bundle->certificates[i].label);
	}
	for (size_t i = 0; i < bundle->key_count; i++)
		EVP_PKEY_free(bundle->keys[i].key);
	free(bundle->certificates);
	free(bundle->keys);
	sk_X509_CRL_pop_free(bundle->lists, X509_CRL_free);
	findings_done(&bundle->findings);
	*bundle = (struct bundle){0};
}

bool bundle_spend(struct bundle *bundle, long rounds)
{
	if (rounds < 1 || rounds > BUNDLE_ROUNDS_MAX - bundle->rounds)
		return false;
	bundle->rounds += rounds;
	return true;
}

int bundle_broken(struct bundle *bundle, const char *remedy, const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	bundle->broken = true;
	findings_add(&bundle->findings, GAVEA_CRITICAL, FINDING_BREAKS, remedy, "%s", buf_str(&text));
	return -EBADMSG;
}

int bundle_add(struct bundle *bundle, X509 *certificate, const char *label, unsigned entry, bool is_authority)
{
	_cleanup_free_ char *copy = label ? strdup(label) : NULL;

	if (bundle->count == BUNDLE_CERTIFICATES_MAX) {
		X509_free(certificate);
		if (!bundle->broken)
			bundle_broken(
				bundle, NULL, "holds more than %d certificates", BUNDLE_CERTIFICATES_MAX);
		return -E2BIG;
	}
	if ((label && !copy) || GROW(bundle->certificates, bundle->count, bundle->room) < 0) {
		X509_free(certificate);
		bundle->findings.lost = true;
		return -ENOMEM;
	}
	bundle->certificates[bundle->count++] = (struct bundle_certificate){
		.certificate = certificate,
		.label = TAKE_PTR(copy),
		.entry = entry,
		.is_authority = is_authority,
	};
	return 0;
}

int bundle_add_der(struct bundle *bundle, const unsigned char *der, size_t size, const char *label,
	unsigned entry, bool is_authority)
{
	const unsigned char *at = der;
	X509 *certificate = d2i_X509(NULL, &at, (long)size);

	if (!certificate)
		return bundle_broken(bundle, "write the file anew", "%s%sthe certificate is damaged",
			label ? label : "", label ? ": " : "");
	return bundle_add(bundle, certificate, label, entry, is_authority);
}

/* Keys of other library contexts (of the legacy provider) are left behind with their secrets. */
static EVP_PKEY *public_half(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	const unsigned char *at = der;
	EVP_PKEY *half = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;

	OPENSSL_free(der);
	return half;
}

int bundle_add_key(struct bundle *bundle, EVP_PKEY *key, unsigned entry)
{
	EVP_PKEY *half = key ? public_half(key) : NULL;

	if (key && !half)
		return bundle_broken(bundle, NULL, "the private key is of a kind that is not known here");
	if (bundle->key_count >= BUNDLE_CERTIFICATES_MAX ||
		GROW(bundle->keys, bundle->key_count, bundle->key_room) < 0) {
		EVP_PKEY_free(half);
		bundle->findings.lost = true;
		return -ENOMEM;
	}
	bundle->keys[bundle->key_count++] = (struct bundle_key){.key = half, .entry = entry};
	return 0;
}
