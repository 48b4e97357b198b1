/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/host/mdstat.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "Personalities : [raid1]\n"

static struct md_array first(const char *text)
{
	struct md_array array;

	assert_int_equal(md_next(&text, &array), 1);
	return array;
}

static void an_array_that_is_whole_is_not_degraded(void **state)
{
	struct md_array array =
		first(HEAD "md0 : active raid1 sdb1[1] sda1[0]\n"
			   "      1048 blocks super 1.2 [2/2] [UU]\n\nunused devices: <none>\n");

	(void)state;
	assert_int_equal(array.name_size, 3);
	assert_int_equal(array.state, MD_ACTIVE);
	assert_true(array.blocks == 1048 && array.synced == 1048 && array.required == 2 && array.active == 2);
	assert_false(array.degraded);
}

static void a_missing_disk_makes_an_array_degraded(void **state)
{
	struct md_array array =
		first(HEAD "md0 : active raid1 sdb1[1](F) sda1[0]\n"
			   "      1048 blocks super 1.2 [2/1] [U_]\n      bitmap: 0/1 pages\n");

	(void)state;
	assert_true(array.degraded && array.failed == 1);
	assert_int_equal(array.state, MD_ACTIVE);
}

static void a_rebuild_tells_how_far_it_is(void **state)
{
	struct md_array array =
		first(HEAD "md0 : active raid1 sdb1[2] sda1[0]\n"
			   "      1000 blocks super 1.2 [2/1] [U_]\n"
			   "      [==>....]  recovery = 25.0% (250/1000) finish=1.0min speed=1K/sec\n");

	(void)state;
	assert_int_equal(array.state, MD_RECOVERING);
	assert_true(array.degraded && array.synced == 250);
}

static void a_stripe_has_no_disk_to_lose(void **state)
{
	struct md_array array =
		first(HEAD "md2 : active raid0 sdf1[0] sdg1[1]\n      4186624 blocks 512k chunks\n");

	(void)state;
	assert_true(array.required == 2 && array.active == 2);
	assert_false(array.degraded);
}

static void no_arrays_are_no_error(void **state)
{
	const char *text = HEAD "unused devices: <none>\n";
	struct md_array array;

	(void)state;
	assert_int_equal(md_next(&text, &array), 0);
	text = "";
	assert_int_equal(md_next(&text, &array), 0);
}

static void an_array_of_another_form_is_an_error(void **state)
{
	static const char *const texts[] = {HEAD "md0 : active raid1 sda1[0]",
		HEAD "md0 : active raid1 sda1[0]\n  what\n",
		HEAD "md0 : active raid1 sda1[0]\n  12 blocks super 1.2 [2]\n",
		HEAD "md0 : active raid1 sda1[0]\n  12 blocks [2/2] [UU]\n  recovery = 2%\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i];
		struct md_array array;

		assert_int_equal(md_next(&text, &array), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_that_is_whole_is_not_degraded),
		cmocka_unit_test(a_missing_disk_makes_an_array_degraded),
		cmocka_unit_test(a_rebuild_tells_how_far_it_is),
		cmocka_unit_test(a_stripe_has_no_disk_to_lose),
		cmocka_unit_test(no_arrays_are_no_error),
		cmocka_unit_test(an_array_of_another_form_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
