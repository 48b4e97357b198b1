/* SPDX-License-Identifier: Apache-2.0 */
/* What the output makes of an identity that it finds; the server is not there. */
#include "plugins/fleet/identity.h"

#include "base/clock.h"
#include "base/fd.h"
#include "kit/enroll.h"
#include "tests/support/fake_output.h"
#include "tests/support/identity_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENT "0123456789abcdef0123456789abcdef"
#define MACHINE "fedcba9876543210fedcba9876543210"
#define DAY 86400

struct fixture {
	char folder[40];
	char file[64];
	struct fake_output *fake;
	struct identity *identity;
	struct error error;
	bool changed;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct identity_settings settings = {.url = "https://127.0.0.1:1", .request_timeout = NSEC_PER_SEC};

	*state = f;
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_fleet_identity.XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->file, sizeof(f->file), "%s/" ENROLL_FILE, f->folder);
	f->fake = malloc(sizeof(*f->fake));
	fake_init(f->fake);
	f->fake->facts[0] = "agent_id";
	f->fake->facts[1] = AGENT;
	f->fake->facts[2] = "machine_id";
	f->fake->facts[3] = MACHINE;
	settings.folder = f->folder;
	return identity_new(&f->fake->check, &settings, &f->identity);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char pending[64];

	snprintf(pending, sizeof(pending), "%s/pending.pem", f->folder);
	unlink(pending);
	unlink(f->file);
	rmdir(f->folder);
	identity_free(f->identity);
	fake_done(f->fake);
	free(f->fake);
	error_done(&f->error);
	free(f);
	return 0;
}

/* An identity that began and will end so many days from now. */
static void write_identity(struct fixture *f, const char *names, int begin, int end)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	time_t now = time(NULL);

	assert_int_equal(credential_make_key(&pem), 0);
	identity_file_add(
		buf_str(&pem), names, "CA:FALSE", now + (time_t)begin * DAY, now + (time_t)end * DAY, &pem);
	assert_int_equal(file_write_atomic(AT_FDCWD, f->file, pem.data, pem.size, 0600), 0);
}

static int prepare(struct fixture *f)
{
	return identity_prepare(f->identity, &f->fake->batch, &f->changed, &f->error);
}

static void without_an_identity_there_is_nothing_to_see_to(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(prepare(f), 0);
	assert_false(f->changed);
	assert_null(identity_file(f->identity));
}

static void one_that_comes_later_is_found_and_one_that_goes_is_missed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(prepare(f), 0);
	write_identity(f, IDENTITY_NAMES(AGENT, MACHINE), -1, 29);
	assert_int_equal(prepare(f), 0);
	assert_true(f->changed);
	assert_string_equal(identity_file(f->identity), f->file);
	assert_int_equal(prepare(f), 0);
	assert_false(f->changed);
	unlink(f->file);
	assert_int_equal(prepare(f), 0);
	assert_true(f->changed);
	assert_null(identity_file(f->identity));
}

static void assert_refused(struct fixture *f, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	assert_true(vasprintf(&text, format, args) > 0);
	va_end(args);
	assert_true(prepare(f) < 0);
	assert_string_equal(error_text(&f->error, 0), text);
}

static void that_of_another_machine_or_agent_is_not_used(void **state)
{
	struct fixture *f = *state;

	write_identity(f, IDENTITY_NAMES(AGENT, AGENT), -1, 29);
	assert_refused(f,
		"identity: %s is that of agent " AGENT
		" on another machine: this one is a copy: run `gavea enroll` on this "
		"host with a token from the server",
		f->file);
	write_identity(f, IDENTITY_NAMES(MACHINE, MACHINE), -1, 29);
	assert_refused(f,
		"identity: %s is that of agent " MACHINE ", and this is " AGENT
		" (restart gavead if its id was changed): run `gavea enroll` on this host with a "
		"token from the server",
		f->file);
}

static void one_that_ended_is_not_used(void **state)
{
	struct fixture *f = *state;

	write_identity(f, IDENTITY_NAMES(AGENT, MACHINE), -31, -1);
	assert_true(prepare(f) < 0);
	assert_non_null(startswith(error_text(&f->error, 0), "identity: the certificate ended at "));
	assert_non_null(strstr(error_text(&f->error, 0), "run `gavea enroll`"));
}

static void a_damaged_one_is_an_error_and_no_reason_to_go_on_without(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(file_write_atomic(AT_FDCWD, f->file, "junk", 4, 0600), 0);
	assert_refused(f, "identity: %s: there is no private key with its certificate in it", f->file);
}

static void a_renewal_that_fails_does_not_hold_deliveries(void **state)
{
	struct fixture *f = *state;

	write_identity(f, IDENTITY_NAMES(AGENT, MACHINE), -22, 8);
	assert_int_equal(prepare(f), 0);
	assert_non_null(strstr(buf_str(&f->fake->logs), "the certificate can't be renewed: "));
	assert_string_equal(identity_file(f->identity), f->file);
	assert_null(strstr(buf_str(&f->fake->events), "identity-ends"));
}

static void near_its_end_an_event_says_so_once(void **state)
{
	struct fixture *f = *state;

	write_identity(f, IDENTITY_NAMES(AGENT, MACHINE), -27, 3);
	assert_int_equal(prepare(f), 0);
	assert_non_null(strstr(buf_str(&f->fake->events), "identity-ends"));
	buf_reset(&f->fake->events);
	assert_int_equal(prepare(f), 0);
	assert_int_equal(f->fake->events.size, 0);
}

static void before_two_thirds_of_its_life_nothing_is_renewed(void **state)
{
	struct fixture *f = *state;

	write_identity(f, IDENTITY_NAMES(AGENT, MACHINE), -19, 11);
	assert_int_equal(prepare(f), 0);
	assert_int_equal(f->fake->logs.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_an_identity_there_is_nothing_to_see_to, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_comes_later_is_found_and_one_that_goes_is_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			that_of_another_machine_or_agent_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_ended_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_damaged_one_is_an_error_and_no_reason_to_go_on_without, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_renewal_that_fails_does_not_hold_deliveries, setup, teardown),
		cmocka_unit_test_setup_teardown(near_its_end_an_event_says_so_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			before_two_thirds_of_its_life_nothing_is_renewed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
