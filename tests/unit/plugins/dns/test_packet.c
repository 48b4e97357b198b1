/* SPDX-License-Identifier: Apache-2.0 */
/* Questions as they go out, and which messages answer them. */
#include "plugins/dns/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t name[] = "\3wWw\7example"; /* with the root's label: the NUL at its end */

struct pair {
	uint8_t question[PACKET_QUERY_MAX];
	size_t size;
	uint8_t answer[PACKET_QUERY_MAX];
};

static void make(struct pair *pair)
{
	pair->size = packet_build(pair->question, 0xabcd, name, sizeof(name), 28, 0);
	memcpy(pair->answer, pair->question, pair->size);
	pair->answer[2] |= 0x80;
}

static bool answers(const struct pair *pair)
{
	return packet_answers(pair->answer, pair->size, pair->question, pair->size);
}

static void a_question_carries_what_was_asked_for(void **state)
{
	static const uint8_t plain[] = "\xab\xcd\x01\x00\0\1\0\0\0\0\0\0\3wWw\7example\0\0\x1c\0\1";
	static const uint8_t edns[] =
		"\xab\xcd\x00\x10\0\1\0\0\0\0\0\1\3wWw\7example\0\0\x1c\0\1\0\0\x29\x04\xd0\0\0\x80\0\0";
	uint8_t out[PACKET_QUERY_MAX];

	(void)state;
	assert_int_equal(
		packet_build(out, 0xabcd, name, sizeof(name), 28, PACKET_RECURSE), sizeof(plain) - 1);
	assert_memory_equal(out, plain, sizeof(plain) - 1);
	assert_int_equal(packet_build(out, 0xabcd, name, sizeof(name), 28,
				 PACKET_EDNS | PACKET_DNSSEC | PACKET_CHECKING_DISABLED),
		sizeof(edns));
	assert_memory_equal(out, edns, sizeof(edns));
}

static void an_answer_repeats_id_and_question_in_any_case(void **state)
{
	struct pair pair;

	(void)state;
	make(&pair);
	assert_true(answers(&pair));
	pair.answer[13] = 'W';
	assert_true(answers(&pair));
}

static void whatever_differs_is_no_answer(void **state)
{
	struct pair pair;

	(void)state;
	for (size_t i = 0; i < sizeof(name) + PACKET_HEADER + 4; i++) {
		/* Flags of byte 3 and the counts behind the question are free. */
		if (i == 3 || (i >= 6 && i < 12))
			continue;
		make(&pair);
		pair.answer[i] ^= i == 2 ? 0x80 : 0x01;
		assert_false(answers(&pair));
	}
	make(&pair);
	for (size_t size = 0; size < pair.size; size++)
		assert_false(packet_answers(pair.answer, size, pair.question, pair.size));
}

static void a_question_may_only_be_missing_when_it_was_not_understood(void **state)
{
	struct pair pair;

	(void)state;
	make(&pair);
	pair.answer[5] = 0;
	assert_false(answers(&pair));
	pair.answer[3] = PACKET_FORMERR;
	assert_true(packet_answers(pair.answer, PACKET_HEADER, pair.question, pair.size));
}

static void the_bit_for_truncation_is_read(void **state)
{
	struct pair pair;

	(void)state;
	make(&pair);
	assert_false(packet_truncated(pair.answer));
	pair.answer[2] |= 2;
	assert_true(packet_truncated(pair.answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_carries_what_was_asked_for),
		cmocka_unit_test(an_answer_repeats_id_and_question_in_any_case),
		cmocka_unit_test(whatever_differs_is_no_answer),
		cmocka_unit_test(a_question_may_only_be_missing_when_it_was_not_understood),
		cmocka_unit_test(the_bit_for_truncation_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
