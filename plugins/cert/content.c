/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"
#include "jks.h"
#include "kubeconfig.h"
#include "pem.h"
#include "pkcs12.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

static bool der_certificate(const char *content, size_t size, struct bundle *bundle)
{
	const unsigned char *at = (const unsigned char *)content, *end = at + size;
	X509 *certificate = d2i_X509(NULL, &at, (long)size);

	if (!certificate)
		return false;
	bundle->form = "DER";
	if (bundle_add(bundle, certificate, NULL, 0, false) == 0 && at != end)
		findings_add(&bundle->findings, GAVEA_WARNING, 0, "write the file anew",
			"%zu bytes stand behind the certificate", (size_t)(end - at));
	return true;
}

static bool der_list(const char *content, size_t size, struct bundle *bundle)
{
	const unsigned char *at = (const unsigned char *)content;
	X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)size);

	if (!list)
		return false;
	bundle->form = "CRL";
	bundle->lists = sk_X509_CRL_new_null();
	if (!bundle->lists || sk_X509_CRL_push(bundle->lists, list) <= 0) {
		X509_CRL_free(list);
		bundle->findings.lost = true;
	}
	return true;
}

static bool der_pkcs7(const char *content, size_t size, struct bundle *bundle)
{
	const unsigned char *at = (const unsigned char *)content;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, (long)size);
	STACK_OF(X509) *all =
		pkcs7 && PKCS7_type_is_signed(pkcs7) && pkcs7->d.sign ? pkcs7->d.sign->cert : NULL;
	bool some = sk_X509_num(all) > 0;

	for (int i = 0; i < sk_X509_num(all); i++) {
		X509_up_ref(sk_X509_value(all, i));
		if (bundle_add(bundle, sk_X509_value(all, i), NULL, 0, false) < 0)
			break;
	}
	if (some)
		bundle->form = "PKCS#7";
	PKCS7_free(pkcs7);
	return some;
}

static int read_der(
	const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	int r = 0;

	if (!der_certificate(content, size, bundle) && !der_list(content, size, bundle) &&
		!der_pkcs7(content, size, bundle))
		r = pkcs12_read(content, size, secrets, bundle);
	ERR_clear_error();
	return r == -EINVAL ? 0 : r;
}

int content_read(
	const char *content, size_t size, const struct bundle_secrets *secrets, struct bundle *bundle)
{
	int r = 0;

	if (size == 0)
		return 0;
	if (jks_is(content, size))
		return jks_read(content, size, secrets, bundle);
	if ((unsigned char)content[0] == 0x30)
		r = read_der(content, size, secrets, bundle);
	if (r == 0 && !bundle->form && memmem(content, size, "-----BEGIN ", 11))
		r = pem_read(content, size, secrets, bundle);
	else if (r == 0 && !bundle->form && kubeconfig_is(content, size))
		r = kubeconfig_read(content, size, secrets, bundle);
	return r;
}
