/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "fleet/identity/authority.h"
#include "fleet/identity/x509.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
/* after those */
#include <cmocka.h>

#include "folder.h"

#define DAY_MS (INT64_C(86400) * 1000)
#define AGENT "0123456789abcdef0123456789abcdef"
#define MACHINE "fedcba9876543210fedcba9876543210"

struct fixture {
	char folder[32];
	struct authority *authority;
	struct error error;
	struct buf key, csr;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	if (!f || folder_make(f->folder) < 0)
		return -1;
	folder_request(&f->key, &f->csr);
	return MIN(authority_open(f->folder, true, &f->authority, &f->error), 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	authority_free(f->authority);
	folder_remove(f->folder);
	error_done(&f->error);
	credential_wipe(&f->key);
	buf_done(&f->csr);
	free(f);
	return 0;
}

static size_t to_der(const struct buf *pem, unsigned char **ret_der)
{
	_cleanup_(X509_freep) X509 *certificate = x509_read_pem(buf_str(pem), pem->size);
	int size;

	*ret_der = NULL;
	size = i2d_X509(certificate, ret_der);
	assert_true(size > 0);
	return (size_t)size;
}

static void it_is_made_once_and_kept_secret(void **state)
{
	struct fixture *f = *state;
	_cleanup_(authority_freep) struct authority *again = NULL;
	char path[64];
	struct stat st;

	assert_int_equal(authority_open(f->folder, true, &again, &f->error), 0);
	assert_string_equal(authority_fingerprint(again), authority_fingerprint(f->authority));
	assert_true(authority_not_after_ms(again) > clock_unix_ms() + 3650 * DAY_MS);
	snprintf(path, sizeof path, "%s/authority.pem", f->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_damaged_one_is_not_replaced(void **state)
{
	struct fixture *f = *state;
	_cleanup_(authority_freep) struct authority *again = NULL;
	char path[64];

	snprintf(path, sizeof path, "%s/authority.pem", f->folder);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "junk", 4, 0600), 0);
	assert_int_equal(authority_open(f->folder, true, &again, &f->error), -EBADMSG);
	assert_string_equal(error_text(&f->error, 0),
		"bring it back from a backup, else all agents have to enrol again: authority.pem in the "
		"state directory is "
		"damaged");
}

static void what_it_issues_it_knows_again(void **state)
{
	struct fixture *f = *state;
	struct credential issued, verified;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	unsigned char *der;
	int64_t now_ms = clock_unix_ms();
	uint8_t hash[32];
	size_t size;

	assert_int_equal(authority_issue(f->authority, buf_str(&f->csr), AGENT, MACHINE, now_ms, 30 * DAY_MS,
				 &issued, &pem, &f->error),
		0);
	size = to_der(&pem, &der);
	assert_int_equal(authority_verify(f->authority, der, size, &verified, &f->error), 0);
	assert_string_equal(verified.agent_id, AGENT);
	assert_string_equal(verified.machine_id, MACHINE);
	assert_string_equal(verified.serial, issued.serial);
	assert_int_equal(verified.not_after_ms / 1000, (now_ms + 30 * DAY_MS) / 1000);
	assert_true(verified.not_before_ms < now_ms && verified.not_before_ms > now_ms - 600000);
	assert_int_equal(authority_judge_request(buf_str(&f->csr), hash, &f->error), 0);
	assert_memory_equal(hash, verified.key_hash, sizeof hash);
	for (size_t i = 0; i < size; i += 7) {
		der[i] ^= 1;
		assert_true(authority_verify(f->authority, der, size, &verified, NULL) < 0);
		der[i] ^= 1;
	}
	OPENSSL_free(der);
}

static void another_authority_s_certificate_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_(authority_freep) struct authority *other = NULL;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	struct credential credential;
	unsigned char *der;
	char folder[32];
	size_t size;

	assert_int_equal(folder_make(folder), 0);
	assert_int_equal(authority_open(folder, true, &other, &f->error), 1);
	assert_int_equal(authority_issue(other, buf_str(&f->csr), AGENT, MACHINE, clock_unix_ms(), DAY_MS,
				 &credential, &pem, &f->error),
		0);
	size = to_der(&pem, &der);
	assert_int_equal(authority_verify(f->authority, der, size, &credential, &f->error), -EACCES);
	assert_string_equal(
		error_text(&f->error, 0), "the client's certificate is not of this server's authority");
	assert_int_equal(authority_verify(f->authority, "junk", 4, &credential, &f->error), -EACCES);
	OPENSSL_free(der);
	folder_remove(folder);
}

static void bad_requests_are_told_apart(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;
	uint8_t hash[32];
	char *at;

	assert_int_equal(authority_judge_request("", hash, &f->error), -EINVAL);
	assert_string_equal(error_text(&f->error, 0), "csr is not a PKCS #10 request in PEM");
	buf_extend(&text, AUTHORITY_CSR_MAX + 1);
	memset(text.data, 'x', AUTHORITY_CSR_MAX + 1);
	text.size = AUTHORITY_CSR_MAX + 1;
	assert_int_equal(authority_judge_request(buf_str(&text), hash, &f->error), -EINVAL);
	assert_string_equal(error_text(&f->error, 0), "csr is larger than 8192 bytes");
	/* A letter of the signature, near the end. */
	at = strstr(f->csr.data, "-----END") - 20;
	*at = *at == 'A' ? 'B' : 'A';
	assert_int_equal(authority_judge_request(buf_str(&f->csr), hash, &f->error), -EINVAL);
}

static void the_server_s_certificate_stays_until_it_no_longer_fits(void **state)
{
	static const char *const names[] = {"fleet.example.com", "192.0.2.1", "2001:db8::1"};
	struct fixture *f = *state;
	_cleanup_buf_ struct buf first = BUF_INIT, again = BUF_INIT, other = BUF_INIT, key = BUF_INIT;
	int64_t now_ms = clock_unix_ms();

	assert_int_equal(authority_server(f->authority, f->folder, names, 3, now_ms, 30 * DAY_MS, &first,
				 &key, &f->error),
		1);
	assert_int_equal(authority_server(f->authority, f->folder, names, 3, now_ms + 19 * DAY_MS,
				 30 * DAY_MS, &again, &key, &f->error),
		0);
	assert_string_equal(buf_str(&first), buf_str(&again));
	assert_int_equal(authority_server(f->authority, f->folder, names, 3, now_ms + 21 * DAY_MS,
				 30 * DAY_MS, &other, &key, &f->error),
		1);
	assert_int_equal(authority_server(f->authority, f->folder, names, 2, now_ms, 30 * DAY_MS, &other,
				 &key, &f->error),
		1);
	credential_wipe(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_made_once_and_kept_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_not_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(what_it_issues_it_knows_again, setup, teardown),
		cmocka_unit_test_setup_teardown(another_authority_s_certificate_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_requests_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_server_s_certificate_stays_until_it_no_longer_fits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
