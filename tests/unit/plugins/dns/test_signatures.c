/* SPDX-License-Identifier: Apache-2.0 */
/* How long signatures hold, over times that wrap around. */
#include "packets.h"

#include "plugins/dns/signatures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1767225600) /* 2026-01-01 */
#define SIG(covers, algorithm, end, begin) \
	"a.example. 60 IN RRSIG " covers " " algorithm " 2 60 " end " " begin " 1 example. AAAA\n"

static struct signature_life life_of(const char *records, int64_t now)
{
	struct signature_life life = {0};
	struct answer answer;

	message_read(&answer, &(struct message){"a.example.", LDNS_RR_TYPE_A, .answer = records});
	signature_life_take(&life, answer.packet, now);
	answer_done(&answer);
	return life;
}

static void the_first_signature_to_run_out_counts(void **state)
{
	struct signature_life life = life_of(SIG("A", "13", "20260111000000", "20251201000000")
						     SIG("AAAA", "13", "20260103000000", "20251201000000"),
		NOW);

	(void)state;
	assert_true(life.any && !life.early);
	assert_int_equal(life.left, 2 * 86400);
	assert_int_equal(life.covers, LDNS_RR_TYPE_AAAA);
}

static void of_two_over_the_same_records_the_longer_one_counts(void **state)
{
	struct signature_life life = life_of(SIG("A", "13", "20251231000000", "20251201000000")
						     SIG("A", "13", "20260103000000", "20251201000000"),
		NOW);

	(void)state;
	assert_int_equal(life.left, 2 * 86400);
}

static void of_two_algorithms_each_must_hold(void **state)
{
	struct signature_life life = life_of(SIG("A", "13", "20251231000000", "20251201000000")
						     SIG("A", "8", "20260103000000", "20251201000000"),
		NOW);

	(void)state;
	assert_int_equal(life.left, -86400);
}

static void one_that_is_not_valid_yet_does_not_help(void **state)
{
	struct signature_life life = life_of(SIG("A", "13", "20260201000000", "20260102000000"), NOW);

	(void)state;
	assert_true(life.early);
	assert_int_equal(life.left, -1);
}

static void times_wrap_around_in_2106(void **state)
{
	/* A second before the wrap; the signature ends a hundred seconds later. */
	struct signature_life life = life_of(SIG("A", "13", "99", "4294967000"), INT64_C(4294967295));

	(void)state;
	assert_int_equal(life.left, 100);
	assert_false(life.early);
}

static void no_signature_is_no_life(void **state)
{
	(void)state;
	assert_false(life_of("a.example. 60 IN A 192.0.2.1", NOW).any);
}

static void a_ds_fits_the_key_that_it_was_made_of(void **state)
{
	static const char *const keys[] = {
		"example. 60 IN DNSKEY 257 3 13 "
		"mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
		"example. 60 IN DNSKEY 256 3 13 "
		"oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="};
	ldns_rr_list *ds = ldns_rr_list_new(), *one = ldns_rr_list_new(), *other = ldns_rr_list_new();
	ldns_rr *key = NULL;
	char text[64];

	(void)state;
	assert_int_equal(ldns_rr_new_frm_str(&key, keys[0], 0, NULL, NULL), LDNS_STATUS_OK);
	ldns_rr_list_push_rr(one, key);
	ldns_rr_list_push_rr(ds, ldns_key_rr2ds(key, LDNS_SHA256));
	assert_int_equal(ldns_rr_new_frm_str(&key, keys[1], 0, NULL, NULL), LDNS_STATUS_OK);
	ldns_rr_list_push_rr(other, key);
	assert_int_equal(signature_ds_matches(ds, one), 1);
	assert_int_equal(signature_ds_matches(ds, other), 0);
	assert_string_equal(
		signature_ds_text(ldns_rr_list_rr(ds, 0), text), "key tag 2371, algorithm 13, digest type 2");
	ldns_rr_list_deep_free(ds);
	ldns_rr_list_deep_free(one);
	ldns_rr_list_deep_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signature_to_run_out_counts),
		cmocka_unit_test(of_two_over_the_same_records_the_longer_one_counts),
		cmocka_unit_test(of_two_algorithms_each_must_hold),
		cmocka_unit_test(one_that_is_not_valid_yet_does_not_help),
		cmocka_unit_test(times_wrap_around_in_2106),
		cmocka_unit_test(no_signature_is_no_life),
		cmocka_unit_test(a_ds_fits_the_key_that_it_was_made_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
