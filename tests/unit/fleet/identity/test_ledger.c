/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/identity/ledger.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
/* after those */
#include <cmocka.h>

#include "folder.h"

#define NOW_MS INT64_C(1769860800000)

static const struct actor actor = {"test", "192.0.2.1", NOW_MS};

struct fixture {
	char folder[32];
	char path[64];
	struct ledger *ledger;
	struct error error;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	if (!f || folder_make(f->folder) < 0)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/identity.db", f->folder);
	return ledger_open(f->folder, &f->ledger, &f->error);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->ledger);
	folder_remove(f->folder);
	error_done(&f->error);
	free(f);
	return 0;
}

static void add_token(struct fixture *f, const char *hash, int64_t uses, struct ledger_token *ret_token)
{
	*ret_token = (struct ledger_token){.name = strdup("anna"),
		.scopes = SCOPE_READ | SCOPE_REPORT,
		.expires_ms = NOW_MS + 1000,
		.uses_left = uses};
	assert_int_equal(ledger_add_token(f->ledger, &actor, ret_token, (const uint8_t *)hash, &f->error), 0);
}

#define HASH "01234567890123456789012345678901"

static void a_token_is_found_by_its_hash_and_kept_over_a_restart(void **state)
{
	struct fixture *f = *state;
	struct ledger_token made, found;

	add_token(f, HASH, LEDGER_USES_ANY, &made);
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(ledger_open(f->folder, &f->ledger, &f->error), 0);
	assert_int_equal(ledger_find_token(f->ledger, (const uint8_t *)HASH, &found, &f->error), 1);
	assert_string_equal(found.id, made.id);
	assert_string_equal(found.name, "anna");
	assert_string_equal(found.created_by, "test");
	assert_int_equal(found.scopes, SCOPE_READ | SCOPE_REPORT);
	assert_int_equal(found.expires_ms, NOW_MS + 1000);
	assert_int_equal(found.uses_left, LEDGER_USES_ANY);
	assert_int_equal(found.revoked_ms, 0);
	ledger_token_done(&found);
	ledger_token_done(&made);
	assert_int_equal(ledger_find_token(f->ledger, (const uint8_t *)"another hash that is not in there",
				 &found, &f->error),
		0);
}

static void a_token_is_revoked_once(void **state)
{
	struct fixture *f = *state;
	struct ledger_token token;

	add_token(f, HASH, 1, &token);
	assert_int_equal(ledger_revoke_token(f->ledger, &actor, token.id, &f->error), 0);
	assert_int_equal(ledger_revoke_token(f->ledger, &actor, token.id, &f->error), -ENOENT);
	assert_int_equal(ledger_revoke_token(f->ledger, &actor, "x' OR 1=1 --", &f->error), -ENOENT);
	assert_string_equal(
		error_text(&f->error, 0), "there is no token 'x' OR 1=1 --' that could be revoked");
	ledger_token_done(&token);
}

static void the_last_use_of_a_token_is_taken_once(void **state)
{
	struct fixture *f = *state;
	struct ledger_certificate certificate = {
		.name = (char *)"app", .issued_ms = NOW_MS, .pem = (char *)"pem"};
	struct ledger_token token;

	add_token(f, HASH, 1, &token);
	memcpy(certificate.token_id, token.id, sizeof token.id);
	strcpy(certificate.credential.serial, "01");
	strcpy(certificate.credential.agent_id, "a");
	assert_int_equal(
		ledger_add_certificate(f->ledger, &actor, "enrolled", &certificate, false, &f->error), 0);
	strcpy(certificate.credential.serial, "02");
	assert_int_equal(
		ledger_add_certificate(f->ledger, &actor, "enrolled", &certificate, false, &f->error),
		-EKEYEXPIRED);
	assert_string_equal(error_text(&f->error, 0), "this enrolment token was used already");
	ledger_token_done(&token);
}

static int count(const struct ledger_entry *entry, void *userdata)
{
	(void)entry;
	++*(int *)userdata;
	return 0;
}

static void what_fails_leaves_no_entry_in_the_log(void **state)
{
	struct fixture *f = *state;
	int entries = 0;

	assert_int_equal(ledger_revoke_agent(f->ledger, &actor, "a", "lost", &f->error), -ENOENT);
	assert_string_equal(error_text(&f->error, 0), "agent 'a' has no certificate that could be revoked");
	assert_int_equal(ledger_audit(f->ledger, 0, 100, count, &entries, &f->error), 0);
	assert_int_equal(entries, 0);
}

static void readers_do_not_wait_for_a_writer_of_another_process(void **state)
{
	struct fixture *f = *state;
	enum ledger_standing standing;
	struct ledger_token token;
	sqlite3 *other;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(ledger_find_token(f->ledger, (const uint8_t *)HASH, &token, &f->error), 0);
	assert_int_equal(ledger_standing(f->ledger, "01", &standing, &f->error), 0);
	assert_int_equal(standing, LEDGER_UNKNOWN);
	sqlite3_close(other);
}

static void change(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void assert_not_opened(struct fixture *f, int error, const char *format)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(ledger_open(f->folder, &f->ledger, &f->error), error);
	assert_true(asprintf(&text, "%s%s", f->path, format) > 0);
	assert_string_equal(error_text(&f->error, 0), text);
}

static void a_later_version_and_a_stranger_s_database_are_left_alone(void **state)
{
	struct fixture *f = *state;

	change(f, "PRAGMA user_version = 2");
	assert_not_opened(
		f, -EPROTONOSUPPORT, " is of a later version of gavea-fleetd (format 2, this one knows 1)");
	change(f, "PRAGMA application_id = 7");
	assert_not_opened(f, -EBADMSG, " is some other program's database");
}

static void a_damaged_one_is_not_made_anew(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(file_write_atomic(
				 AT_FDCWD, f->path, "this is no database, and long enough to tell", 44, 0600),
		0);
	assert_not_opened(f, -EBADMSG,
		": can't prepare it: the database of identities is damaged (file is not a database); bring "
		"it back from a "
		"backup, or move it away: then all tokens are gone and all agents have to enrol again");
}

static void scopes_are_words_with_commas(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	assert_int_equal(scopes_parse("read"), SCOPE_READ);
	assert_int_equal(scopes_parse("report,read"), SCOPE_READ | SCOPE_REPORT);
	assert_int_equal(scopes_parse(""), 0);
	assert_int_equal(scopes_parse("read,"), 0);
	assert_int_equal(scopes_parse("READ"), 0);
	assert_int_equal(scopes_parse("readreport"), 0);
	scopes_format(SCOPE_ADMIN | SCOPE_READ, &text);
	assert_string_equal(buf_str(&text), "read,admin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_token_is_found_by_its_hash_and_kept_over_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_is_revoked_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_use_of_a_token_is_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_fails_leaves_no_entry_in_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(
			readers_do_not_wait_for_a_writer_of_another_process, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_later_version_and_a_stranger_s_database_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_not_made_anew, setup, teardown),
		cmocka_unit_test(scopes_are_words_with_commas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
