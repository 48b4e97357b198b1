/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the journal: there and back, and everything else is refused. */
#include "plugins/swap/state.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"

static struct swap example(void)
{
	struct swap swap = {.strategy = STRATEGY_CANARY, .old = COLOUR_BLUE, .new = COLOUR_GREEN};

	strcpy(swap.id, "0123456789abcdef0123456789abcdef");
	strcpy(swap.release, "2.0");
	strcpy(swap.by, "ana da silva");
	strcpy(swap.reason, "");
	state_enter(&swap, STATE_HOLD, PART_FIRST, 60 * NSEC_PER_SEC, 100 * NSEC_PER_SEC, 1000000, BOOT);
	return swap;
}

static void encode(const struct swap *swap, struct buf *out)
{
	state_encode(swap, out);
	assert_int_equal(buf_error(out), 0);
	assert_true(out->size < STATE_SIZE_MAX);
}

static void what_is_written_is_read_again(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT, second = BUF_INIT;
	struct swap swap = example(), again;

	(void)state;
	swap.paused = true;
	swap.share = 2500;
	strcpy(swap.next_release, "2.1");
	encode(&swap, &out);
	assert_int_equal(state_decode(out.data, out.size, &again, NULL), 0);
	encode(&again, &second);
	assert_string_equal(buf_str(&out), buf_str(&second));
	assert_true(again.paused);
	assert_int_equal(again.share, 2500);
	assert_string_equal(again.next_release, "2.1");
}

static void text_with_newlines_does_not_make_other_fields(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct swap swap = example(), again;

	(void)state;
	strcpy(swap.reason, "first\nstate 13");
	encode(&swap, &out);
	assert_int_equal(state_decode(out.data, out.size, &again, NULL), 0);
	assert_string_equal(again.reason, "first state 13");
	assert_int_equal(again.state, STATE_HOLD);
}

/* Replaces text in what is encoded, and expects this error. */
static void refused(const char *from, const char *to, const char *message)
{
	_cleanup_buf_ struct buf out = BUF_INIT, changed = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct swap swap = example(), again;
	char *at;

	encode(&swap, &out);
	at = strstr(out.data, from);
	assert_non_null(at);
	buf_add(&changed, out.data, (size_t)(at - out.data));
	buf_add_str(&changed, to);
	buf_add_str(&changed, at + strlen(from));
	assert_int_equal(state_decode(changed.data, changed.size, &again, &error), -EBADMSG);
	assert_string_equal(error.message, message);
}

static void damage_is_refused_by_name(void **state)
{
	(void)state;
	refused("gavea-swap 1", "gavea-swap 2", "the journal's step is not a swap of this version");
	refused("\nstate 7", "\nstate 99", "the journal's step has no valid \"state\"");
	refused("\nstate 7", "\nstate -1", "the journal's step has no valid \"state\"");
	refused("\nshare 0", "\nshare 10001", "the journal's step has no valid \"share\"");
	refused("\npaused 0", "\npaused 2", "the journal's step has no valid \"paused\"");
	refused("\nrelease 2.0", "\nrelease ../etc", "the journal's step has no valid \"release\"");
	refused("\nid 0123", "\nid x123", "the journal's step has no valid \"id\"");
	refused("\ndigest ", "\ndigest zz", "the journal's step has no valid \"digest\"");
	refused("\nnew 1", "\nnew 0", "the journal's step has no valid \"new\"");
	refused("\ndeadline_boot 160000000000", "\ndeadline_boot 5",
		"the journal's step has no valid \"entered_boot\"");
	refused("\nnext_by ", "\nnext_by", "the journal's step has no valid \"next_by\"");
	refused("\nby ana", "\nbuy ana", "the journal's step has no valid \"by\"");
}

static void what_is_cut_off_or_too_much_is_refused(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct swap swap = example(), again;

	(void)state;
	encode(&swap, &out);
	for (size_t size = 0; size < out.size; size++)
		assert_int_equal(state_decode(out.data, size, &again, NULL), -EBADMSG);
	buf_add_str(&out, "more 1\n");
	assert_int_equal(state_decode(out.data, out.size, &again, &error), -EBADMSG);
	assert_string_equal(error.message, "the journal's step has something behind its end");
}

static void a_deadline_is_new_in_each_state(void **state)
{
	struct swap swap = example();

	(void)state;
	assert_int_equal(swap.deadline_boot, 160 * NSEC_PER_SEC);
	swap.hook = 3;
	swap.recoveries = 2;
	state_enter(&swap, STATE_SHIFT, PART_FIRST, 5 * NSEC_PER_SEC, 200 * NSEC_PER_SEC, 2000000, BOOT);
	assert_int_equal(swap.deadline_boot, 205 * NSEC_PER_SEC);
	assert_int_equal(swap.hook, 0);
	assert_int_equal(swap.recoveries, 0);
	state_enter(&swap, STATE_FROZEN, PART_FIRST, INT64_MAX, 200 * NSEC_PER_SEC, 2000000, BOOT);
	assert_int_equal(swap.deadline_boot, INT64_MAX);
}

static void after_a_reboot_the_wall_clock_tells_how_much_is_left(void **state)
{
	struct swap swap = example();

	(void)state;
	/* 20 of its 60 seconds passed while the machine was off. */
	state_rebase(&swap, 7 * NSEC_PER_SEC, 1000000 + 20000, OTHER_BOOT);
	assert_int_equal(swap.deadline_boot, 47 * NSEC_PER_SEC);
	assert_int_equal(swap.entered_boot, -13 * NSEC_PER_SEC);
	assert_string_equal(swap.boot_id, OTHER_BOOT);
	/* The same boot: nothing changes, whatever the wall clock says. */
	state_rebase(&swap, 8 * NSEC_PER_SEC, 999999999, OTHER_BOOT);
	assert_int_equal(swap.deadline_boot, 47 * NSEC_PER_SEC);
}

static void a_clock_that_was_set_back_gives_no_more_time_than_there_was(void **state)
{
	struct swap swap = example();

	(void)state;
	state_rebase(&swap, 7 * NSEC_PER_SEC, 5, OTHER_BOOT);
	assert_int_equal(swap.deadline_boot, 67 * NSEC_PER_SEC);
	swap = example();
	state_rebase(&swap, 7 * NSEC_PER_SEC, INT64_MAX / 2, OTHER_BOOT);
	assert_int_equal(swap.deadline_boot, 7 * NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(text_with_newlines_does_not_make_other_fields),
		cmocka_unit_test(damage_is_refused_by_name),
		cmocka_unit_test(what_is_cut_off_or_too_much_is_refused),
		cmocka_unit_test(a_deadline_is_new_in_each_state),
		cmocka_unit_test(after_a_reboot_the_wall_clock_tells_how_much_is_left),
		cmocka_unit_test(a_clock_that_was_set_back_gives_no_more_time_than_there_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
