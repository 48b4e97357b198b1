/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/texts.h"

#include <setjmp.h>
#include <stdarg.h>
/* after those */
#include <cmocka.h>

static void what_is_equal_is_kept_once(void **state _unused_)
{
	struct strmap texts = STRMAP_INIT;
	char *a = NULL, *b = NULL, bytes[] = "node_load1";

	assert_int_equal(texts_set(&texts, &a, bytes), 0);
	assert_int_equal(texts_set(&texts, &b, "node_load1"), 0);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, bytes);
	assert_string_equal(a, "node_load1");
	texts_drop(&texts, a);
	assert_string_equal(b, "node_load1");
	texts_drop(&texts, b);
	assert_int_equal(texts.count, 0);
	strmap_done(&texts, NULL);
}

static void a_text_may_be_changed_for_itself_and_for_another(void **state _unused_)
{
	struct strmap texts = STRMAP_INIT;
	char *text = NULL;

	assert_int_equal(texts_set(&texts, &text, "bytes"), 0);
	assert_int_equal(texts_set(&texts, &text, text), 0);
	assert_string_equal(text, "bytes");
	assert_int_equal(texts_set(&texts, &text, "seconds"), 0);
	assert_string_equal(text, "seconds");
	assert_int_equal(texts.count, 1);
	texts_drop(&texts, text);
	texts_drop(&texts, NULL);
	assert_int_equal(texts.count, 0);
	strmap_done(&texts, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_equal_is_kept_once),
		cmocka_unit_test(a_text_may_be_changed_for_itself_and_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
