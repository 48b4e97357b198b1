/* SPDX-License-Identifier: Apache-2.0 */
/* Files by their content; whole ones are tried in tests/integration/test_cert.py. */
#include "plugins/cert/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BYTES(literal) literal, sizeof(literal) - 1

/* What is said about it, the worst finding first. */
static void assert_said(const char *bytes, size_t size, const char *form, const char *said)
{
	struct bundle_secrets none = {0};
	struct bundle bundle = {0};
	_cleanup_buf_ struct buf text = BUF_INIT;

	assert_int_equal(content_read(bytes, size, &none, &bundle), 0);
	if (form)
		assert_string_equal(bundle.form, form);
	else
		assert_null(bundle.form);
	findings_worst(&bundle.findings, &text);
	assert_string_equal(buf_str(&text), said);
	bundle_done(&bundle);
}

static void what_is_nothing_has_no_form(void **state)
{
	(void)state;
	assert_said(BYTES(""), NULL, "");
	assert_said(BYTES("hello"), NULL, "");
	assert_said(BYTES("\x30\x82\x01\x0a\x02\x82\x01\x01"), NULL, "");
	assert_said(BYTES("\x30"), NULL, "");
}

static void damaged_pem_says_which_block(void **state)
{
	(void)state;
	assert_said(BYTES("-----BEGIN CERTIFICATE-----\n"), "PEM",
		"block 1 in it is damaged or cut off: write the file anew");
	assert_said(BYTES("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"), "PEM",
		"certificate 1 in it is damaged: write the file anew");
	assert_said(BYTES("-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n"), "PEM",
		"the private key is damaged: write the file anew");
	assert_said(BYTES("-----BEGIN X509 CRL-----\naGVsbG8=\n-----END X509 CRL-----\n"), "PEM",
		"the CRL in it is damaged: write the file anew");
	assert_said(BYTES("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"),
		"PEM", "");
}

static void damaged_key_stores_say_where(void **state)
{
	(void)state;
	assert_said(
		BYTES("\xfe\xed\xfe\xed"), "JKS", "the key store is damaged or cut off: restore the file");
	assert_said(BYTES("\xfe\xed\xfe\xed\0\0\0\3\0\0\0\0"
			  "12345678901234567890"),
		"JKS", "the key store is damaged or cut off: restore the file");
	assert_said(BYTES("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1"
			  "12345678901234567890"),
		"JKS", "the key store is damaged or cut off in entry 1: restore the file");
	assert_said(BYTES("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\2\0\1a"
			  "\0\0\0\0\0\0\0\0"
			  "\0\5X.509\xff\xff\xff\xff"
			  "12345678901234567890"),
		"JKS", "the key store is damaged or cut off in entry 1: restore the file");
	assert_said(BYTES("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\2\0\1a"
			  "\0\0\0\0\0\0\0\0"
			  "\0\5X.509\0\0\0\2xx"
			  "12345678901234567890"),
		"JKS", "a: the certificate is damaged: write the file anew");
	assert_said(BYTES("\xce\xce\xce\xce\0\0\0\2\0\0\0\1\0\0\0\3\0\1a"
			  "\0\0\0\0\0\0\0\0"
			  "xxxx"
			  "12345678901234567890"),
		"JCEKS",
		"entry a is a secret key: what follows it cannot be read: keep secret keys in a store of "
		"their own");
	assert_said(BYTES("\xfe\xed\xfe\xed\0\0\0\2\0\0\0\0"
			  "12345678901234567890"),
		"JKS", "");
}

static void damaged_kubeconfigs_say_what(void **state)
{
	(void)state;
	assert_said(BYTES("users:\n- user:\n    client-certificate-data: \"???\"\n"), "kubeconfig",
		"client-certificate-data is not base64: write the file anew");
	assert_said(BYTES("users:\n- user:\n    client-certificate-data: aGVsbG8=\n"), "kubeconfig",
		"client-certificate-data holds nothing that can be read: write the file anew");
	assert_said(BYTES("users:\n- user:\n    client-certificate: /x\n"), "kubeconfig",
		"refers to certificates in other files, which were not looked at: name those in files too");
	assert_said(BYTES("users: [\n  client-certificate: }"), "kubeconfig",
		"line 2 is not YAML: correct the file");
	assert_said(BYTES("client-certificate: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), "kubeconfig",
		"is nested too deeply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_nothing_has_no_form),
		cmocka_unit_test(damaged_pem_says_which_block),
		cmocka_unit_test(damaged_key_stores_say_where),
		cmocka_unit_test(damaged_kubeconfigs_say_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
