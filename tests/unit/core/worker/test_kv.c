/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/kv.h"
#include "tests/unit/core/worker/scratch.h"

static void load(struct kv *kv, const char *path)
{
	assert_int_equal(kv_init(kv, path), 0);
	assert_int_equal(kv_load(kv, NULL), 0);
}

static void expect(const struct kv *kv, const char *key, const char *value)
{
	const void *found;
	size_t size;

	if (!value) {
		assert_int_equal(kv_get(kv, key, &found, &size), -ENOENT);
		return;
	}
	assert_int_equal(kv_get(kv, key, &found, &size), 0);
	assert_int_equal(size, strlen(value));
	assert_memory_equal(found, value, size);
}

static void set(struct kv *kv, const char *key, const char *value)
{
	assert_int_equal(kv_set(kv, key, value, value ? strlen(value) : 0), 0);
}

static void committed_values_are_read_back(void **state)
{
	struct scratch *s = *state;
	struct kv kv;

	load(&kv, s->file);
	set(&kv, "b", "two");
	set(&kv, "a", "one");
	set(&kv, "empty", "");
	set(&kv, "gone", "x");
	set(&kv, "gone", NULL);
	set(&kv, "b", "2");
	assert_int_equal(kv_commit(&kv), 0);
	kv_done(&kv);
	load(&kv, s->file);
	expect(&kv, "a", "one");
	expect(&kv, "b", "2");
	expect(&kv, "empty", "");
	expect(&kv, "gone", NULL);
	kv_done(&kv);
}

static void what_was_not_committed_is_dropped(void **state)
{
	struct scratch *s = *state;
	struct kv kv;

	for (int on_disk = 0; on_disk < 2; on_disk++) {
		load(&kv, on_disk ? s->file : NULL);
		set(&kv, "a", "one");
		assert_int_equal(kv_commit(&kv), 0);
		set(&kv, "a", "changed");
		set(&kv, "b", "new");
		expect(&kv, "a", "changed");
		kv_rollback(&kv);
		expect(&kv, "a", "one");
		expect(&kv, "b", NULL);
		set(&kv, "a", NULL);
		kv_rollback(&kv);
		expect(&kv, "a", "one");
		kv_done(&kv);
	}
}

static void limits_hold(void **state)
{
	static char large[KV_VALUE_MAX + 1];
	char key[KV_KEY_MAX + 2];
	struct kv kv;
	int i;

	(void)state;
	load(&kv, NULL);
	memset(key, 'k', sizeof key);
	key[KV_KEY_MAX + 1] = 0;
	assert_int_equal(kv_set(&kv, key, "x", 1), -E2BIG);
	key[KV_KEY_MAX] = 0;
	assert_int_equal(kv_set(&kv, key, "x", 1), 0);
	assert_int_equal(kv_set(&kv, "", "x", 1), -EINVAL);
	assert_int_equal(kv_set(&kv, "a", large, sizeof large), -E2BIG);
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "%d", i);
		if (kv_set(&kv, key, large, KV_VALUE_MAX) == -E2BIG)
			break;
	}
	assert_int_equal(i, 15);
	/* What is there may still be replaced. */
	assert_int_equal(kv_set(&kv, "3", large, KV_VALUE_MAX), 0);
	kv_done(&kv);
}

static void a_value_may_be_set_from_itself(void **state)
{
	const void *value;
	struct kv kv;
	size_t size;

	(void)state;
	load(&kv, NULL);
	set(&kv, "a", "value");
	assert_int_equal(kv_get(&kv, "a", &value, &size), 0);
	assert_int_equal(kv_set(&kv, "a", value, 3), 0);
	expect(&kv, "a", "val");
	kv_done(&kv);
}

static void any_damage_sets_the_file_aside(void **state)
{
	struct scratch *s = *state;
	_cleanup_buf_ struct buf whole = BUF_INIT;
	struct kv kv;

	load(&kv, s->file);
	set(&kv, "key", "value");
	assert_int_equal(kv_commit(&kv), 0);
	kv_done(&kv);
	scratch_read(s, &whole);
	for (size_t i = 0; i < whole.size * 2; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		size_t at = i / 2;

		if (i % 2 == 0) {
			whole.data[at] ^= 0x10;
			scratch_write(s, whole.data, whole.size);
			whole.data[at] ^= 0x10;
		} else {
			scratch_write(s, whole.data, at);
		}
		assert_int_equal(kv_init(&kv, s->file), 0);
		assert_int_equal(kv_load(&kv, &error), 1);
		assert_non_null(strstr(error.message, "the saved state was damaged: it begins anew"));
		expect(&kv, "key", NULL);
		set(&kv, "fresh", "1");
		assert_int_equal(kv_commit(&kv), 0);
		kv_done(&kv);
		assert_int_equal(access(s->aside, F_OK), 0);
		assert_int_equal(unlink(s->aside), 0);
	}
}

static void a_folder_that_is_gone_is_an_error_of_commit(void **state)
{
	struct kv kv;

	(void)state;
	load(&kv, "/nowhere/file");
	set(&kv, "a", "1");
	assert_int_equal(kv_commit(&kv), -ENOENT);
	kv_done(&kv);
}

#define kv_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		kv_test(committed_values_are_read_back),
		kv_test(what_was_not_committed_is_dropped),
		kv_test(limits_hold),
		kv_test(a_value_may_be_set_from_itself),
		kv_test(any_damage_sets_the_file_aside),
		kv_test(a_folder_that_is_gone_is_an_error_of_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
