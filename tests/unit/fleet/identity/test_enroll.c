/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a certificate, over time: the clock is the test's. */
#include "fleet/identity/identity.h"
#include "fleet/identity/token_form.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
/* after those */
#include <cmocka.h>

#include "folder.h"

#define DAY_MS (INT64_C(86400) * 1000)
#define START_MS INT64_C(1769860800000)
#define MACHINE "fedcba9876543210fedcba9876543210"
#define OTHER_MACHINE "00000000000000000000000000000001"

static const char agent[] = "0123456789abcdef0123456789abcdef";

struct fixture {
	char folder[32];
	struct identity *identity;
	struct error error;
	struct buf key, csr;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct identity_settings settings = {.authority = true,
		.server_certificate = true,
		.address = "127.0.0.1",
		.lifetime_ms = 30 * DAY_MS};

	*state = f;
	if (!f || folder_make(f->folder) < 0)
		return -1;
	settings.folder = f->folder;
	folder_request(&f->key, &f->csr);
	return identity_open(&settings, &f->identity, &f->error);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	identity_close(f->identity);
	folder_remove(f->folder);
	error_done(&f->error);
	credential_wipe(&f->key);
	buf_done(&f->csr);
	free(f);
	return 0;
}

/* A token as the ledger has it. */
static struct ledger_token make_token(struct fixture *f, const char *agent_id, int64_t uses, int64_t now_ms)
{
	const struct token_form form = {
		.scopes = "enroll", .expires = "400d", .agent_id = agent_id, .uses = uses};
	const struct actor actor = {"test", "", now_ms};
	_cleanup_secret_ struct buf text = BUF_INIT;
	struct ledger_token token, found;
	uint8_t hash[SECRET_HASH_SIZE];

	assert_int_equal(token_form_make(&form, f->identity, &actor, &token, &text, &f->error), 0);
	assert_true(secret_hash(buf_str(&text), hash));
	assert_int_equal(ledger_find_token(f->identity->ledger, hash, &found, &f->error), 1);
	assert_string_equal(found.id, token.id);
	ledger_token_done(&token);
	return found;
}

static void assert_verdict(const struct verdict *verdict, int status, const char *code)
{
	assert_int_equal(verdict->status, status);
	if (code)
		assert_string_equal(verdict->code, code);
	else
		assert_null(verdict->code);
}

static void enrol(struct fixture *f, const struct ledger_token *token, const char *csr, const char *machine,
	int64_t now_ms, int status, const char *code)
{
	const struct enrollment request = {agent, machine, "app-01", csr};
	_cleanup_buf_ struct buf pem = BUF_INIT;
	struct verdict verdict =
		identity_enroll(f->identity, token, &request, "192.0.2.1", now_ms, &pem, &f->error);

	assert_verdict(&verdict, status, code);
	assert_int_equal(pem.size > 0, code == NULL);
}

static void the_same_key_gets_the_same_certificate_though_the_token_is_used_up(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token token = make_token(f, NULL, 1, START_MS);

	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS + 1, 201, NULL);
	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS + 2, 200, NULL);
}

static void a_certificate_that_lives_is_not_replaced_but_one_that_ended_is(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token token =
		make_token(f, NULL, LEDGER_USES_ANY, START_MS);
	_cleanup_buf_ struct buf key = BUF_INIT, csr = BUF_INIT;

	folder_request(&key, &csr);
	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	enrol(f, &token, buf_str(&csr), MACHINE, START_MS + 29 * DAY_MS, 409, "already-enrolled");
	enrol(f, &token, buf_str(&csr), MACHINE, START_MS + 31 * DAY_MS, 201, NULL);
}

static void a_copy_never_gets_the_original_s_certificate_even_after_its_end(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token token =
		make_token(f, NULL, LEDGER_USES_ANY, START_MS);

	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	enrol(f, &token, buf_str(&f->csr), OTHER_MACHINE, START_MS + DAY_MS, 409, "cloned");
	enrol(f, &token, buf_str(&f->csr), OTHER_MACHINE, START_MS + 31 * DAY_MS, 409, "cloned");
}

static void a_token_for_this_agent_moves_it_to_another_machine(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token first = make_token(f, NULL, 1, START_MS);
	_cleanup_(ledger_token_done) struct ledger_token own = make_token(f, agent, 1, START_MS);

	enrol(f, &first, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	enrol(f, &own, buf_str(&f->csr), OTHER_MACHINE, START_MS + 1, 201, NULL);
}

static void a_lasting_token_does_not_undo_a_revocation(void **state)
{
	struct fixture *f = *state;
	const struct actor actor = {"test", "", START_MS + DAY_MS};
	_cleanup_(ledger_token_done) struct ledger_token lasting =
		make_token(f, NULL, LEDGER_USES_ANY, START_MS);
	struct ledger_token newer;

	enrol(f, &lasting, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	assert_int_equal(ledger_revoke_agent(f->identity->ledger, &actor, agent, "lost", &f->error), 0);
	enrol(f, &lasting, buf_str(&f->csr), MACHINE, START_MS + 2 * DAY_MS, 403, "agent-revoked");
	newer = make_token(f, NULL, 1, START_MS + 2 * DAY_MS);
	enrol(f, &newer, buf_str(&f->csr), MACHINE, START_MS + 2 * DAY_MS, 201, NULL);
	ledger_token_done(&newer);
}

static void renew(struct fixture *f, const struct credential *present, const char *csr, int64_t now_ms,
	int status, const char *code)
{
	const struct enrollment request = {agent, MACHINE, "app-01", csr};
	_cleanup_buf_ struct buf pem = BUF_INIT;
	struct verdict verdict =
		identity_renew(f->identity, present, &request, "192.0.2.1", now_ms, &pem, &f->error);

	assert_verdict(&verdict, status, code);
}

static void a_renewal_is_repeated_and_not_multiplied(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token token = make_token(f, NULL, 1, START_MS);
	_cleanup_(ledger_certificate_done) struct ledger_certificate present = {};
	_cleanup_buf_ struct buf key = BUF_INIT, csr = BUF_INIT, key2 = BUF_INIT, csr2 = BUF_INIT;

	folder_request(&key, &csr);
	folder_request(&key2, &csr2);
	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	assert_int_equal(ledger_newest(f->identity->ledger, agent, &present, &f->error), 1);
	renew(f, &present.credential, buf_str(&csr), START_MS + 1000, 429, "renewed-too-often");
	renew(f, &present.credential, buf_str(&csr), START_MS + 20 * DAY_MS, 201, NULL);
	renew(f, &present.credential, buf_str(&csr), START_MS + 20 * DAY_MS + 1000, 200, NULL);
	renew(f, &present.credential, buf_str(&csr2), START_MS + 20 * DAY_MS + 1000, 429,
		"renewed-too-often");
}

static void judge_report(struct fixture *f, const struct credential *credential, const char *agent_id,
	const char *machine, int64_t now_ms, int status, const char *code)
{
	const struct claim claim = {agent_id, machine, "spool", "boot", "192.0.2.1"};
	struct verdict verdict = identity_judge_report(f->identity, credential, &claim, now_ms, &f->error);

	assert_verdict(&verdict, status, code);
}

static void a_report_is_from_whom_its_certificate_says(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_token_done) struct ledger_token token = make_token(f, NULL, 1, START_MS);
	_cleanup_(ledger_certificate_done) struct ledger_certificate present = {};

	judge_report(f, NULL, agent, MACHINE, START_MS, 200, NULL);
	enrol(f, &token, buf_str(&f->csr), MACHINE, START_MS, 201, NULL);
	assert_int_equal(ledger_newest(f->identity->ledger, agent, &present, &f->error), 1);
	judge_report(f, &present.credential, agent, MACHINE, START_MS, 200, NULL);
	judge_report(f, &present.credential, MACHINE, MACHINE, START_MS, 403, "agent-mismatch");
	judge_report(f, &present.credential, agent, OTHER_MACHINE, START_MS, 409, "cloned");
	judge_report(f, &present.credential, agent, "", START_MS, 409, "cloned");
	judge_report(f, NULL, agent, MACHINE, START_MS, 403, "certificate-required");
	judge_report(f, NULL, agent, MACHINE, START_MS + 31 * DAY_MS, 200, NULL);
}

static int count_cloned(const struct ledger_entry *entry, void *userdata)
{
	*(int *)userdata += streq(entry->action, "cloned");
	return 0;
}

static void a_copy_is_told_once_an_hour(void **state)
{
	struct fixture *f = *state;
	const struct credential credential = {
		.agent_id = "0123456789abcdef0123456789abcdef", .machine_id = MACHINE};
	int count = 0;

	for (int64_t minute = 0; minute < 119; minute++) {
		const struct claim claim = {agent, OTHER_MACHINE, "spool", "boot", "192.0.2.1"};
		struct verdict verdict = identity_judge_report(
			f->identity, &credential, &claim, START_MS + minute * 60000, &f->error);

		assert_int_equal(verdict.cloned, minute % 60 == 0);
	}
	assert_int_equal(ledger_audit(f->identity->ledger, 0, 1000, count_cloned, &count, &f->error), 0);
	assert_int_equal(count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_same_key_gets_the_same_certificate_though_the_token_is_used_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_certificate_that_lives_is_not_replaced_but_one_that_ended_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_copy_never_gets_the_original_s_certificate_even_after_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_for_this_agent_moves_it_to_another_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lasting_token_does_not_undo_a_revocation, setup, teardown),
		cmocka_unit_test_setup_teardown(a_renewal_is_repeated_and_not_multiplied, setup, teardown),
		cmocka_unit_test_setup_teardown(a_report_is_from_whom_its_certificate_says, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_is_told_once_an_hour, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
