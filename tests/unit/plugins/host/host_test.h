/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plugin on made-up files: opened at the first run. */
#ifndef TEST_HOST_TEST_H
#define TEST_HOST_TEST_H

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct test {
	struct fixture fixture;
	union {
		struct fixture_host host;
		struct fake_host fake;
	};
	void *state;
};

static inline void stop(struct test *test)
{
	if (test->state)
		test->fake.plugin->close(&test->fake.check, test->state);
	test->state = NULL;
}

static inline int teardown(void **state)
{
	struct test *test = *state;

	stop(test);
	fake_done(&test->fake);
	fixture_done(&test->fixture);
	free(test);
	return 0;
}

static inline void run(struct test *test)
{
	if (!test->state)
		assert_int_equal(fake_open(&test->fake, &test->state), 0);
	assert_int_equal(fake_run(&test->fake, test->state), 0);
}

/* Runs one collector on one file. */
static inline void run_with(struct test *test, const char *collector, const char *name, const char *text)
{
	fixture_write(&test->fixture, name, text);
	fake_set(&test->fake, "collectors", collector);
	run(test);
}

#endif
