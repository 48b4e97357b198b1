/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "plugins/swap/release.h"
#include "plugins/swap/unpack.h"
#include "tests/support/tiny_http.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gavea-release-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(folder);
}

/* A path below the test's folder; of the last eight ones. */
static const char *at(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void assert_file(const char *path, const char *text)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	assert_int_equal(file_read(AT_FDCWD, path, 100000, &got), 0);
	assert_string_equal(buf_str(&got), text);
}

static void digest_of(const char *path, char text[static 2 * DIGEST_BYTES + 1])
{
	struct patience patience = {.deadline = INT64_MAX};
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[DIGEST_BYTES];

	assert_int_equal(digest_file(fd, digest, &patience), 0);
	digest_text(text, digest);
}

static struct release_settings settings(void)
{
	static char artefact[128], directory[128], link[128];

	snprintf(artefact, sizeof artefact, "%s/app-%%r.tar", folder);
	snprintf(directory, sizeof directory, "%s/releases", folder);
	snprintf(link, sizeof link, "%s/%%c", folder);
	return (struct release_settings){
		.artefact = artefact, .directory = directory, .link = link, .size_max = 1 << 20};
}

static struct release release(const char *name, const char *digest)
{
	struct release_settings with = settings();
	struct release release;

	assert_int_equal(release_parse(name, digest, &with, &release, NULL), 0);
	return release;
}

static int stage(const struct release_settings *with, const struct release *what, struct error *error)
{
	return release_stage(with, what, clock_ns(CLOCK_MONOTONIC) + 60 * NSEC_PER_SEC, NULL, NULL, error);
}

static void assert_refused(const char *name, const char *digest, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	struct release what;

	with.pattern = "v*";
	assert_int_equal(release_parse(name, digest, &with, &what, &error), -EINVAL);
	assert_string_equal(error_text(&error, -EINVAL), expected);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void names_and_digests_are_judged(void **state)
{
	(void)state;
	assert_refused("../x", ZEROS,
		"\"../x\" is no name for a release: up to 127 letters, digits and . _ + -, a letter or digit "
		"first");
	assert_refused("", ZEROS,
		"\"\" is no name for a release: up to 127 letters, digits and . _ + -, a letter or digit "
		"first");
	assert_refused(".x", ZEROS,
		"\".x\" is no name for a release: up to 127 letters, digits and . _ + -, a letter or digit "
		"first");
	assert_refused("1.0", ZEROS, "release \"1.0\" does not match the pattern \"v*\" of this app");
	assert_refused(
		"v1", "sha256:12", "the digest is not of the form sha256:… with 64 hexadecimal digits");
	assert_refused(
		"v1", NULL, "a release that is fetched needs its digest (sha256:…), or the app a public_key");
}

static void an_artefact_is_put_in_place_and_switched_to(void **state)
{
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1], current[128];
	struct release what;
	struct stat st;

	(void)state;
	put(at("app-v1.tar"), "the bytes");
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	assert_int_equal(stage(&with, &what, NULL), 0);
	assert_file(at("releases/v1/app-v1.tar"), "the bytes");
	assert_file(at("releases/v1/.gavea-release"), digest);
	assert_int_equal(lstat(at("releases/.v1.part"), &st), -1);
	assert_int_equal(stage(&with, &what, NULL), 0);
	assert_int_equal(release_current(&with, COLOUR_GREEN, current, NULL), 0);
	assert_string_equal(current, "");
	assert_int_equal(release_switch(&with, COLOUR_GREEN, &what, NULL), 0);
	assert_int_equal(release_switch(&with, COLOUR_GREEN, &what, NULL), 0);
	assert_int_equal(release_current(&with, COLOUR_GREEN, current, NULL), 0);
	assert_string_equal(current, "v1");
	assert_file(at("green/app-v1.tar"), "the bytes");
	assert_int_equal(release_current(&with, COLOUR_BLUE, current, NULL), 0);
	assert_string_equal(current, "");
}

static void a_wrong_digest_keeps_nothing(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	struct release what = release("v1", ZEROS);
	struct stat st;

	(void)state;
	put(at("app-v1.tar"), "other bytes");
	assert_int_equal(stage(&with, &what, &error), -EBADMSG);
	assert_non_null(strstr(error_text(&error, 0), "and not sha256:" ZEROS));
	assert_int_equal(lstat(at("releases/v1"), &st), -1);
	assert_int_equal(lstat(at("releases/.v1.part"), &st), -1);
	assert_int_equal(lstat(at("releases/.v1.new"), &st), -1);
}

static void a_release_never_changes_under_its_name(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	put(at("app-v1.tar"), "one");
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	assert_int_equal(stage(&with, &what, NULL), 0);
	what = release("v1", ZEROS);
	assert_int_equal(stage(&with, &what, &error), -EEXIST);
	assert_non_null(strstr(error_text(&error, 0), "is there with another digest"));
	assert_int_equal(mkdir(at("releases/v2"), 0755), 0);
	what = release("v2", ZEROS);
	assert_int_equal(stage(&with, &what, &error), -EEXIST);
	assert_non_null(strstr(error_text(&error, 0), "was not put there by this agent"));
}

static void what_a_crash_left_is_gone_on_with(void **state)
{
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	put(at("app-v1.tar"), "a longer text");
	digest_of(at("app-v1.tar"), digest);
	assert_int_equal(mkdir(at("releases"), 0755), 0);
	put(at("releases/.v1.part"), "a long");
	assert_int_equal(mkdir(at("releases/.v1.new"), 0755), 0);
	put(at("releases/.v1.new/rubbish"), "x");
	what = release("v1", digest);
	assert_int_equal(stage(&with, &what, NULL), 0);
	assert_file(at("releases/v1/app-v1.tar"), "a longer text");
	assert_int_equal(access(at("releases/v1/rubbish"), F_OK), -1);
}

static void when_the_time_is_up_the_next_call_goes_on(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	put(at("app-v1.tar"), "text");
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	assert_int_equal(release_stage(&with, &what, 0, NULL, NULL, &error), -EAGAIN);
	assert_file(at("releases/.v1.part"), "text");
	assert_int_equal(stage(&with, &what, NULL), 0);
}

static void too_much_and_no_file_are_refused(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	struct release what = release("v1", ZEROS);

	(void)state;
	put(at("app-v1.tar"), "12345");
	with.size_max = 4;
	assert_int_equal(stage(&with, &what, &error), -EFBIG);
	assert_non_null(strstr(error_text(&error, 0), "has more than the 4 bytes that size_max allows"));
	with.size_max = 5;
	what = release("v2", ZEROS);
	assert_int_equal(stage(&with, &what, &error), -ENOENT);
	assert_int_equal(mkfifo(at("app-v3.tar"), 0600), 0);
	what = release("v3", ZEROS);
	assert_int_equal(stage(&with, &what, &error), -EINVAL);
	assert_non_null(strstr(error_text(&error, 0), "is not a regular file"));
}

static void a_link_that_is_none_is_not_replaced(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	put(at("app-v1.tar"), "text");
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	assert_int_equal(stage(&with, &what, NULL), 0);
	put(at("blue"), "precious");
	assert_int_equal(release_switch(&with, COLOUR_BLUE, &what, &error), -EEXIST);
	assert_file(at("blue"), "precious");
	what = release("v9", ZEROS);
	assert_int_equal(release_switch(&with, COLOUR_GREEN, &what, &error), -ENOENT);
}

static void old_releases_go_and_those_in_use_stay(void **state)
{
	struct release_settings with = settings();
	char name[8], file[32], digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	for (int i = 1; i <= 5; i++) {
		struct timespec times[2] = {{.tv_sec = i}, {.tv_sec = i}};
		char stamp[64];

		snprintf(name, sizeof name, "v%d", i);
		snprintf(file, sizeof file, "app-v%d.tar", i);
		put(at(file), name);
		digest_of(at(file), digest);
		what = release(name, digest);
		assert_int_equal(stage(&with, &what, NULL), 0);
		snprintf(stamp, sizeof stamp, "releases/v%d/%s", i, RELEASE_STAMP);
		assert_int_equal(utimensat(AT_FDCWD, at(stamp), times, 0), 0);
		if (i <= 2)
			assert_int_equal(
				release_switch(&with, i == 1 ? COLOUR_BLUE : COLOUR_GREEN, &what, NULL), 0);
	}
	assert_int_equal(mkdir(at("releases/theirs"), 0755), 0);
	assert_int_equal(release_tidy(&with, 1, NULL), 0);
	assert_int_equal(access(at("releases/v1"), F_OK), 0);
	assert_int_equal(access(at("releases/v2"), F_OK), 0);
	assert_int_equal(access(at("releases/v3"), F_OK), -1);
	assert_int_equal(access(at("releases/v4"), F_OK), -1);
	assert_int_equal(access(at("releases/v5"), F_OK), 0);
	assert_int_equal(access(at("releases/theirs"), F_OK), 0);
}

/* ---- Over HTTP ---- */

static int stage_from(
	const char *const *script, const char *text, struct error *error, struct tiny_http *server)
{
	struct release_settings with = settings();
	char url[128], digest[2 * DIGEST_BYTES + 1];
	struct release what;
	int r;

	put(at("wanted"), text);
	digest_of(at("wanted"), digest);
	what = release("v1", digest);
	tiny_start(server, script);
	snprintf(url, sizeof url, "http://user:secret@127.0.0.1:%u/get/app-%%r?token=secret", server->port);
	with.artefact = url;
	r = stage(&with, &what, error);
	tiny_stop(server);
	if (error && error->message)
		assert_null(strstr(error->message, "secret"));
	return r;
}

static void an_artefact_comes_over_http(void **state)
{
	static const char *const script[] = {
		"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes", NULL};
	struct tiny_http server;

	(void)state;
	assert_int_equal(stage_from(script, "bytes", NULL, &server), 0);
	assert_file(at("releases/v1/app-v1"), "bytes");
}

static void a_download_goes_on_where_it_was(void **state)
{
	static const char *const script[] = {
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nes",
		NULL};
	struct tiny_http server;

	(void)state;
	assert_int_equal(mkdir(at("releases"), 0755), 0);
	put(at("releases/.v1.part"), "byt");
	assert_int_equal(stage_from(script, "bytes", NULL, &server), 0);
	assert_non_null(strstr(server.last, "Range: bytes=3-"));
	assert_file(at("releases/v1/app-v1"), "bytes");
}

static void a_server_without_ranges_sends_all_again(void **state)
{
	static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes", NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct tiny_http server;

	(void)state;
	assert_int_equal(mkdir(at("releases"), 0755), 0);
	put(at("releases/.v1.part"), "rubbish and more");
	/* libcurl ends such a transfer; the part is thrown away and the next call begins anew. */
	if (stage_from(script, "bytes", &error, &server) < 0)
		assert_int_equal(stage_from(script, "bytes", &error, &server), 0);
	assert_file(at("releases/v1/app-v1"), "bytes");
}

static void errors_of_servers_name_them_without_secrets(void **state)
{
	static const char *const gone[] = {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NULL};
	static const char *const cut[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nbytes", NULL};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct tiny_http server;

	(void)state;
	assert_int_equal(stage_from(gone, "bytes", &error, &server), -ENOENT);
	assert_non_null(strstr(error_text(&error, 0), "/get/app-v1: the server answered with 404"));
	assert_true(stage_from(cut, "bytes", &error, &server) < 0);
	assert_int_equal(access(at("releases/v1"), F_OK), -1);
}

/* ---- Archives ---- */

static void add_entry(struct archive *archive, const char *name, mode_t type, const char *content)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 04755);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(entry, content);
	else
		archive_entry_set_size(entry, type == AE_IFREG ? (la_int64_t)strlen(content) : 0);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	if (type == AE_IFREG)
		assert_int_equal(archive_write_data(archive, content, strlen(content)), strlen(content));
	archive_entry_free(entry);
}

static struct archive *begin_archive(const char *path)
{
	struct archive *archive = archive_write_new();

	archive_write_add_filter_gzip(archive);
	archive_write_set_format_pax_restricted(archive);
	assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
	return archive;
}

static int stage_archive(struct archive *archive, struct error *error)
{
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	archive_write_free(archive);
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	with.unpack = true;
	with.size_max = 10000;
	return stage(&with, &what, error);
}

static void an_archive_is_unpacked(void **state)
{
	struct archive *archive = begin_archive(at("app-v1.tar"));
	struct stat st;

	(void)state;
	add_entry(archive, "bin", AE_IFDIR, "");
	add_entry(archive, "bin/app", AE_IFREG, "#!");
	add_entry(archive, "app", AE_IFLNK, "bin/app");
	assert_int_equal(stage_archive(archive, NULL), 0);
	assert_file(at("releases/v1/bin/app"), "#!");
	assert_file(at("releases/v1/app"), "#!");
	assert_int_equal(stat(at("releases/v1/bin/app"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void what_is_unpacked_is_for_the_apps_user_too(void **state)
{
	struct archive *archive = begin_archive(at("app-v1.tar"));
	mode_t before = umask(077);
	struct stat st;
	int r;

	(void)state;
	add_entry(archive, "bin/app", AE_IFREG, "#!");
	r = stage_archive(archive, NULL);
	assert_int_equal(umask(before), 077);
	assert_int_equal(r, 0);
	assert_int_equal(stat(at("releases/v1"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(at("releases/v1/bin"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void assert_archive_refused(struct archive *archive, int code, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	assert_int_equal(stage_archive(archive, &error), code);
	assert_string_equal(error_text(&error, code), expected);
	assert_int_equal(access(at("releases/v1"), F_OK), -1);
	assert_int_equal(access(at("releases/.v1.new"), F_OK), -1);
	assert_int_equal(access(at("evil"), F_OK), -1);
}

static void an_archive_stays_in_its_folder(void **state)
{
	struct archive *archive = begin_archive(at("app-v1.tar"));
	char name[128];

	(void)state;
	add_entry(archive, "../evil", AE_IFREG, "x");
	assert_archive_refused(archive, -EINVAL, "the archive's entry \"../evil\" leads out of the release");
	archive = begin_archive(at("app-v1.tar"));
	snprintf(name, sizeof name, "%s/evil", folder);
	add_entry(archive, "ok", AE_IFREG, "x");
	add_entry(archive, "a/../../evil", AE_IFREG, "x");
	assert_archive_refused(
		archive, -EINVAL, "the archive's entry \"a/../../evil\" leads out of the release");
	archive = begin_archive(at("app-v1.tar"));
	add_entry(archive, "pipe", AE_IFIFO, "");
	assert_archive_refused(
		archive, -EINVAL, "the archive's entry \"pipe\" is neither file, folder nor link");
}

static void an_archive_does_not_write_through_its_own_links(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct archive *archive = begin_archive(at("app-v1.tar"));

	(void)state;
	add_entry(archive, "out", AE_IFLNK, folder);
	add_entry(archive, "out/evil", AE_IFREG, "x");
	(void)stage_archive(archive, &error);
	assert_int_equal(access(at("evil"), F_OK), -1);
}

static void a_bomb_is_refused(void **state)
{
	struct archive *archive = begin_archive(at("app-v1.tar"));
	char *zeros = calloc(1, 10002);

	(void)state;
	memset(zeros, '0', 10001);
	add_entry(archive, "zeros", AE_IFREG, zeros);
	free(zeros);
	assert_archive_refused(archive, -EFBIG, "the archive unpacks to more than size_max allows");
}

static void what_is_no_archive_is_refused(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	char digest[2 * DIGEST_BYTES + 1];
	struct release what;

	(void)state;
	put(at("app-v1.tar"), "no archive at all, but long enough to be looked at for one by its reader");
	digest_of(at("app-v1.tar"), digest);
	what = release("v1", digest);
	with.unpack = true;
	assert_true(stage(&with, &what, &error) < 0);
	assert_non_null(strstr(error_text(&error, 0), "reading the archive"));
	assert_int_equal(access(at("releases/v1"), F_OK), -1);
}

/* ---- Signatures ---- */

static EVP_PKEY *make_key(const char *public_path)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	FILE *file = fopen(public_path, "we");

	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(PEM_write_PUBKEY(file, key), 1);
	fclose(file);
	return key;
}

static void sign(EVP_PKEY *key, const char *text, const char *path, bool base64)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t signature[SIGNATURE_BYTES], encoded[128];
	size_t size = sizeof signature;

	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &size, (const uint8_t *)text, strlen(text)), 1);
	EVP_MD_CTX_free(context);
	if (base64) {
		EVP_EncodeBlock(encoded, signature, sizeof signature);
		strcat((char *)encoded, "\n");
		put(path, (char *)encoded);
	} else {
		assert_int_equal(file_write_atomic(AT_FDCWD, path, signature, size, 0644), 0);
	}
}

static void a_signature_is_asked_for_and_judged(void **state)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct release_settings with = settings();
	EVP_PKEY *key = make_key(at("key.pem")), *other = make_key(at("other.pem"));
	struct release what;
	char key_path[128];

	(void)state;
	snprintf(key_path, sizeof key_path, "%s", at("key.pem"));
	with.public_key = key_path;
	put(at("app-v1.tar"), "signed");
	assert_int_equal(release_parse("v1", NULL, &with, &what, NULL), 0);
	assert_int_equal(stage(&with, &what, &error), -ENOENT);
	sign(other, "signed", at("app-v1.tar.sig"), false);
	assert_int_equal(stage(&with, &what, &error), -EBADMSG);
	assert_non_null(strstr(error_text(&error, 0), "was not signed by the holder of"));
	put(at("app-v1.tar.sig"), "none");
	assert_int_equal(stage(&with, &what, &error), -EBADMSG);
	assert_non_null(strstr(error_text(&error, 0), "is no signature: 64 bytes, or these in base64"));
	sign(key, "signed", at("app-v1.tar.sig"), true);
	assert_int_equal(stage(&with, &what, &error), 0);
	put(at("app-v2.tar"), "signed too");
	sign(key, "signed too", at("app-v2.tar.sig"), false);
	assert_int_equal(release_parse("v2", NULL, &with, &what, NULL), 0);
	assert_int_equal(stage(&with, &what, &error), 0);
	put(key_path, "no key");
	put(at("app-v3.tar"), "x");
	sign(key, "x", at("app-v3.tar.sig"), false);
	assert_int_equal(release_parse("v3", NULL, &with, &what, NULL), 0);
	assert_int_equal(stage(&with, &what, &error), -EINVAL);
	assert_non_null(strstr(error_text(&error, 0), "is no public key for Ed25519 in PEM"));
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		test(names_and_digests_are_judged),
		test(an_artefact_is_put_in_place_and_switched_to),
		test(a_wrong_digest_keeps_nothing),
		test(a_release_never_changes_under_its_name),
		test(what_a_crash_left_is_gone_on_with),
		test(when_the_time_is_up_the_next_call_goes_on),
		test(too_much_and_no_file_are_refused),
		test(a_link_that_is_none_is_not_replaced),
		test(old_releases_go_and_those_in_use_stay),
		test(an_artefact_comes_over_http),
		test(a_download_goes_on_where_it_was),
		test(a_server_without_ranges_sends_all_again),
		test(errors_of_servers_name_them_without_secrets),
		test(an_archive_is_unpacked),
		test(what_is_unpacked_is_for_the_apps_user_too),
		test(an_archive_stays_in_its_folder),
		test(an_archive_does_not_write_through_its_own_links),
		test(a_bomb_is_refused),
		test(what_is_no_archive_is_refused),
		test(a_signature_is_asked_for_and_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
