/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's cache, fingerprints, the baseline over time, key stores, and the edges of blocks. */
#include "plugins/secret/builtin.h"
#include "plugins/secret/engine.h"
#include "plugins/secret/findings.h"
#include "plugins/secret/keystore.h"
#include "plugins/secret/scan.h"

#include "base/fd.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static const char rules_text[] = "[first]\ndescription = first\npattern = \\b(ab[0-9]{6})\\b\n"
				 "[second]\ndescription = second\npattern = \\b(cd[0-9]{6})\\b\n";

struct test {
	char folder[64];
	char file[128];
	struct engine *engine;
	struct fingerprint_key key;
};

static struct engine *make_engine(const char *text, const char *cache)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct ruleset rules = {.list = NULL};
	struct engine *engine;

	assert_int_equal(ruleset_parse(&rules, text, "rules", &error), 0);
	assert_int_equal(engine_new(&rules, cache, &engine, &error), 0);
	return engine;
}

static int set_up(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	assert_non_null(test);
	snprintf(test->folder, sizeof(test->folder), "/tmp/gavea-test-XXXXXX");
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->file, sizeof(test->file), "%s/file", test->folder);
	test->engine = make_engine(rules_text, NULL);
	*state = test;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"file", "rules.db", "fingerprint.key", "file.gz"};
	struct test *test = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s/%s", test->folder, names[i]);
		unlink(path);
	}
	rmdir(test->folder);
	engine_free(test->engine);
	free(test);
	return 0;
}

/* ---- Cache ---- */

static int count_one(void *userdata, const struct sighting *sighting)
{
	(void)sighting;
	++*(size_t *)userdata;
	return 0;
}

static size_t matches(const struct test *test, const struct engine *engine, const char *text)
{
	struct matcher *matcher;
	size_t count = 0;

	assert_int_equal(matcher_new(engine, &test->key, &matcher), 0);
	assert_int_equal(matcher_scan(matcher, text, strlen(text), 0, 0, 1, count_one, &count), 0);
	matcher_free(matcher);
	return count;
}

static void a_cache_is_used_only_for_the_rules_it_was_made_of(void **state)
{
	struct test *test = *state;
	char path[160], damage[] = "damaged";
	struct engine *engine = make_engine(rules_text, test->folder);
	struct stat first, second;
	int fd;

	snprintf(path, sizeof(path), "%s/rules.db", test->folder);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(first.st_mode & 0777, 0600);
	engine_free(engine);
	engine = make_engine(rules_text, test->folder);
	assert_int_equal(matches(test, engine, "x ab123456 cd123456 y"), 2);
	engine_free(engine);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);

	engine = make_engine("[x]\ndescription = x\npattern = \\bef[0-9]{6}\n", test->folder);
	assert_int_equal(matches(test, engine, "x ab123456 ef123456 y"), 1);
	engine_free(engine);

	/* Behind its digest, or cut: it is compiled again. */
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, damage, sizeof(damage), 100), sizeof(damage));
	assert_int_equal(ftruncate(fd, 200), 0);
	close(fd);
	engine = make_engine("[x]\ndescription = x\npattern = \\bef[0-9]{6}\n", test->folder);
	assert_int_equal(matches(test, engine, "x ab123456 ef123456 y"), 1);
	engine_free(engine);
	unlink(path);
}

/* ---- Fingerprints and the baseline ---- */

static void a_fingerprint_is_that_of_one_key_and_one_value(void **state)
{
	struct test *test = *state;
	struct fingerprint_key one, two, again;
	char a[FINGERPRINT_SIZE], b[FINGERPRINT_SIZE];
	struct stat st;
	char path[160];

	assert_int_equal(fingerprint_key_load(&one, test->folder, NULL), 0);
	assert_int_equal(fingerprint_key_load(&again, test->folder, NULL), 0);
	assert_memory_equal(&one, &again, sizeof(one.bytes));
	assert_true(one.lasting);
	snprintf(path, sizeof(path), "%s/fingerprint.key", test->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fingerprint_key_load(&two, NULL, NULL), 0);
	assert_false(two.lasting);

	fingerprint(&one, "value", 5, a);
	fingerprint(&again, "value", 5, b);
	assert_string_equal(a, b);
	fingerprint(&two, "value", 5, b);
	assert_string_not_equal(a, b);
	fingerprint(&one, "valuE", 5, b);
	assert_string_not_equal(a, b);
	/* One that is given gives the same key on each host. */
	fingerprint_key_from(&one, "0123456789abcdef", 16);
	fingerprint_key_from(&two, "0123456789abcdef", 16);
	assert_memory_equal(one.bytes, two.bytes, sizeof(one.bytes));
}

static void an_acceptance_ends_after_its_day(void **state)
{
	struct baseline baseline = {.list = NULL};
	struct findings findings = {.list = NULL};
	struct sighting what = {.rule = "r", .status = GAVEA_CRITICAL, .line = 1, .end = 5};

	(void)state;
	snprintf(what.fingerprint, sizeof(what.fingerprint), "0123456789abcdef0123456789abcdef");
	assert_int_equal(
		baseline_parse(&baseline, "# why\n0123456789abcdef0123456789abcdef 2030-01-02 known to us\n",
			"b", NULL),
		0);
	assert_int_equal(findings_add(&findings, "/a", &what, true), 0);
	/* 2030-01-02 is day 21916. */
	findings_judge(&findings, &baseline, 21916);
	assert_int_equal(findings.list[0].state, FINDING_ACCEPTED);
	findings.list[0].state = FINDING_NEW;
	findings_judge(&findings, &baseline, 21917);
	assert_int_equal(findings.list[0].state, FINDING_EXPIRED);
	what.fingerprint[0] = 'f';
	what.line = 2;
	assert_int_equal(findings_add(&findings, "/a", &what, true), 0);
	findings_judge(&findings, &baseline, 21916);
	assert_int_equal(findings.list[1].state, FINDING_NEW);
	findings_done(&findings);
	baseline_done(&baseline);
}

static void the_same_place_is_told_once(void **state)
{
	struct findings findings = {.list = NULL};
	struct sighting what = {.rule = "r", .line = 3, .offset = 10, .end = 20};

	(void)state;
	findings_add(&findings, "/a", &what, false);
	what.offset = 15;
	findings_add(&findings, "/a", &what, false);
	assert_int_equal(findings.count, 1);
	what.offset = 20;
	what.end = 30;
	findings_add(&findings, "/a", &what, false);
	findings_add(&findings, "/b", &what, false);
	assert_int_equal(findings.count, 3);
	findings_cut(&findings, 1);
	assert_int_equal(findings.count, 1);
	findings_done(&findings);
}

/* ---- Key stores ---- */

/* tag: 1 is a private key, 2 a certificate */
static size_t make_jks(unsigned char *bytes, const char *password, unsigned char tag)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const unsigned char head[] = {0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, tag, 0, 1, 'a',
		0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'X', 0, 0, 0, 6, 1, 2, 3, 4, 5, 6};

	memcpy(bytes, head, sizeof(head));
	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	for (const char *p = password; *p; p++)
		EVP_DigestUpdate(context, (const char[]){0, *p}, 2);
	EVP_DigestUpdate(context, "Mighty Aphrodite", 16);
	EVP_DigestUpdate(context, bytes, 40);
	EVP_DigestFinal_ex(context, bytes + 40, NULL);
	EVP_MD_CTX_free(context);
	return 60;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	X509_set_pubkey(certificate, key);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static size_t make_pkcs12(unsigned char **bytes, const char *password, int rounds, bool with_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key);
	PKCS12 *store = PKCS12_create(password, "x", with_key ? key : NULL, with_key ? NULL : certificate,
		NULL, 0, 0, 1, rounds, 0);
	int size = i2d_PKCS12(store, bytes);

	assert_true(size > 0);
	PKCS12_free(store);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return (size_t)size;
}

static void key_stores_open_only_by_what_everybody_tries(void **state)
{
	static const char *const good = "q7Lw8zKx3mTr";
	unsigned char jks[64], *p12 = NULL;
	size_t size;

	(void)state;
	assert_int_equal(keystore_is_trivial(jks, make_jks(jks, "changeit", 1)), 1);
	assert_int_equal(keystore_is_trivial(jks, make_jks(jks, "changeit", 2)), 0);
	assert_int_equal(keystore_is_trivial(jks, make_jks(jks, good, 1)), 0);
	assert_int_equal(keystore_is_trivial(jks, 10), 0);
	size = make_pkcs12(&p12, "password", 1000, true);
	assert_int_equal(keystore_is_trivial(p12, size), 1);
	assert_int_equal(keystore_is_trivial(p12, size - 5), 0);
	OPENSSL_free(p12);
	p12 = NULL;
	size = make_pkcs12(&p12, "password", 1000, false);
	assert_int_equal(keystore_is_trivial(p12, size), 0);
	OPENSSL_free(p12);
	p12 = NULL;
	size = make_pkcs12(&p12, good, 1000, true);
	assert_int_equal(keystore_is_trivial(p12, size), 0);
	OPENSSL_free(p12);
	p12 = NULL;
	size = make_pkcs12(&p12, good, 300000, true);
	assert_int_equal(keystore_is_trivial(p12, size), -E2BIG);
	OPENSSL_free(p12);
}

/* ---- Blocks ---- */

static void scan_it(const struct test *test, const char *path, struct findings *findings, struct scan *scan)
{
	struct scan_settings settings = {.file_max = 64 << 20, .files_max = 10, .deadline = INT64_MAX};

	*findings = (struct findings){.list = NULL};
	assert_int_equal(scan_init(scan, test->engine, &test->key, &settings, findings), 0);
	assert_int_equal(scan_path(scan, path), 0);
}

static void what_lies_over_the_edge_of_a_block_is_told_once(void **state)
{
	static const size_t sizes[] = {0, 1, (1 << 20) - 17, (1 << 20) - 9, (1 << 20) - 8, (1 << 20) - 4,
		1 << 20, (1 << 20) - 8192, (1 << 20) - 8200, (1 << 21) - 8192 - 4, 3 << 20};
	struct test *test = *state;
	_cleanup_free_ char *text = malloc(4 << 20);

	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int end = 0; end < 2; end++) {
			struct findings findings;
			struct scan scan;
			size_t size = sizes[i] + 9 + (end ? 0 : 9000);

			memset(text, '\n', size);
			memcpy(text + sizes[i], " ab123456", 9);
			assert_int_equal(file_write_atomic(AT_FDCWD, test->file, text, size, 0600), 0);
			scan_it(test, test->file, &findings, &scan);
			assert_int_equal(findings.count, 1);
			assert_int_equal(findings.list[0].what.line, sizes[i] + 1);
			assert_int_equal(findings.list[0].what.offset, sizes[i] + 1);
			assert_int_equal(scan.bytes, size);
			assert_null(scan.unjudged);
			scan_done(&scan);
			findings_done(&findings);
		}
}

static void a_last_line_without_a_newline_is_parsed(void **state)
{
	static const char line[] = "h:1:d:u:q7Lw8zKx3mTr";
	struct test *test = *state;
	_cleanup_free_ char *text = malloc(1 << 20), *path = NULL;

	assert_non_null(text);
	assert_true(asprintf(&path, "%s/.pgpass", test->folder) > 0);
	for (int less = 0; less < 3; less++) {
		struct findings findings;
		struct scan scan;
		size_t size = (size_t)(1 << 20) - (size_t)less;

		memset(text, '#', size);
		text[size - sizeof(line)] = '\n';
		memcpy(text + size - sizeof(line) + 1, line, sizeof(line) - 1);
		assert_int_equal(file_write_atomic(AT_FDCWD, path, text, size, 0600), 0);
		scan_it(test, path, &findings, &scan);
		assert_int_equal(findings.count, 1);
		assert_int_equal(findings.list[0].what.line, 2);
		assert_int_equal(
			findings.list[0].what.status, GAVEA_WARNING); /* only its owner can read it */
		scan_done(&scan);
		findings_done(&findings);
	}
	unlink(path);
}

static void packed_text_has_the_lines_that_it_unpacks_to(void **state)
{
	struct test *test = *state;
	_cleanup_free_ char *path = NULL;
	struct findings findings;
	struct scan scan;
	gzFile file;

	assert_true(asprintf(&path, "%s/file.gz", test->folder) > 0);
	file = gzopen(path, "w");
	for (int i = 0; i < 100000; i++)
		gzputs(file, "a line that packs well\n");
	gzputs(file, "ab123456\n");
	gzclose(file);
	scan_it(test, path, &findings, &scan);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.list[0].what.line, 100001);
	scan_done(&scan);
	findings_done(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cache_is_used_only_for_the_rules_it_was_made_of),
		cmocka_unit_test(a_fingerprint_is_that_of_one_key_and_one_value),
		cmocka_unit_test(an_acceptance_ends_after_its_day),
		cmocka_unit_test(the_same_place_is_told_once),
		cmocka_unit_test(key_stores_open_only_by_what_everybody_tries),
		cmocka_unit_test(what_lies_over_the_edge_of_a_block_is_told_once),
		cmocka_unit_test(a_last_line_without_a_newline_is_parsed),
		cmocka_unit_test(packed_text_has_the_lines_that_it_unpacks_to),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
