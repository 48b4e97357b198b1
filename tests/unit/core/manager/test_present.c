/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_fixture.h"

#include "core/manager/present.h"

static void without_checks_there_is_nothing_to_tell(void **state)
{
	struct present present = {.stream = 0};
	struct spool_batch batch;

	(void)state;
	assert_int_equal(present_make(&present, NULL, 0, &batch), 0);
	assert_int_equal(batch.length, 0);
	assert_int_equal(batch.fd, -EBADF);
}

static void its_numbers_go_on_and_each_time_is_a_stream_of_its_own(void **state)
{
	struct present present = {.stream = 0};
	struct spool_batch batch;
	uint8_t id[16];

	(void)state;
	assert_int_equal(present_make(&present, NULL, 0, &batch), 0);
	memcpy(id, present.id, sizeof id);
	present.next_seq = 8;
	assert_int_equal(present_make(&present, NULL, 0, &batch), 0);
	assert_memory_equal(id, present.id, sizeof id);
	assert_int_equal(present.next_seq, 8);
	assert_int_equal(present.stream, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_checks_there_is_nothing_to_tell),
		TEST(its_numbers_go_on_and_each_time_is_a_stream_of_its_own),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
