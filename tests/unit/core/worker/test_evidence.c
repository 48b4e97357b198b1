/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/util.h"
#include "core/worker/evidence.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef Gavea__Worker__V1__Evidence evidence_t;

static void a_watch_is_a_pattern_and_a_selector(void **state)
{
	_cleanup_(watches_done) struct watches watches = {.count = 0};
	char longest[257];

	(void)state;
	memset(longest, 'x', 256);
	longest[256] = 0;
	assert_int_equal(watches_add(&watches, "cert/*", NULL), 0);
	assert_int_equal(watches_add(&watches, "backup/db", "gavea_backup_age_seconds{kind=\"restic\"}"), 1);
	assert_int_equal(watches_add(&watches, NULL, NULL), -EINVAL);
	assert_int_equal(watches_add(&watches, "", NULL), -EINVAL);
	assert_int_equal(watches_add(&watches, longest, NULL), -EINVAL);
	assert_int_equal(watches_add(&watches, "a/b", "9"), -EINVAL);
	assert_int_equal(watches_add(&watches, "a/b", "name{"), -EINVAL);
	assert_string_equal(watches.list[1]->samples, "gavea_backup_age_seconds{kind=\"restic\"}");
	assert_int_equal(watches.count, 2);
}

static void the_number_of_watches_is_bounded(void **state)
{
	_cleanup_(watches_done) struct watches watches = {.count = 0};

	(void)state;
	for (int i = 0; i < WATCHES_MAX; i++)
		assert_int_equal(watches_add(&watches, "a/b", NULL), i);
	assert_int_equal(watches_add(&watches, "a/b", NULL), -ENOSPC);
}

static void each_watch_has_its_own_evidence(void **state)
{
	evidence_t a = GAVEA__WORKER__V1__EVIDENCE__INIT, b = a, c = a;
	evidence_t *list[] = {&a, &b, &c};
	const struct gavea_evidence *found;

	(void)state;
	b.watch = 1;
	a.check = (char *)"a/a";
	c.check = (char *)"c/c";
	found = evidence_find(list, 3, 0, NULL);
	assert_string_equal(evidence_check(found), "a/a");
	found = evidence_find(list, 3, 0, found);
	assert_string_equal(evidence_check(found), "c/c");
	assert_null(evidence_find(list, 3, 0, found));
	assert_null(evidence_find(list, 3, 2, NULL));
	assert_null(evidence_find(list, 3, -1, NULL));
	assert_null(evidence_find(NULL, 0, 0, NULL));
}

static void what_never_ran_is_older_than_anything(void **state)
{
	evidence_t e = GAVEA__WORKER__V1__EVIDENCE__INIT;
	const struct gavea_evidence *evidence = (void *)&e;
	int64_t interval;

	(void)state;
	e.age_ms = -1;
	e.every_ms = 2000;
	assert_true(evidence_age(evidence, &interval) == INT64_MAX);
	assert_true(interval == 2 * NSEC_PER_SEC);
	e.age_ms = 1500;
	assert_true(evidence_age(evidence, NULL) == 1500 * NSEC_PER_MSEC);
	e.age_ms = INT64_MAX;
	e.every_ms = UINT64_MAX;
	assert_true(evidence_age(evidence, &interval) == INT64_MAX);
	assert_true(interval == INT64_MAX);
}

static void a_status_that_is_missing_is_unknown(void **state)
{
	evidence_t e = GAVEA__WORKER__V1__EVIDENCE__INIT;
	const char *summary = NULL;

	(void)state;
	e.summary = (char *)"well";
	assert_int_equal(evidence_status((void *)&e, &summary), GAVEA_UNKNOWN);
	assert_string_equal(summary, "well");
	e.status = GAVEA__V1__STATUS__OK;
	assert_int_equal(evidence_status((void *)&e, NULL), GAVEA_OK);
}

static void samples_come_by_their_place(void **state)
{
	evidence_t e = GAVEA__WORKER__V1__EVIDENCE__INIT;
	Gavea__Worker__V1__EvidenceSample sample = GAVEA__WORKER__V1__EVIDENCE_SAMPLE__INIT,
					  *samples[] = {&sample};
	const char *series;
	double value;

	(void)state;
	sample.series = (char *)"up{job=\"x\"}";
	sample.value = 2;
	e.samples = samples;
	e.n_samples = 1;
	assert_int_equal(evidence_sample((void *)&e, 0, &series, &value), 1);
	assert_string_equal(series, "up{job=\"x\"}");
	assert_true(value == 2);
	assert_int_equal(evidence_sample((void *)&e, 1, &series, &value), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_is_a_pattern_and_a_selector),
		cmocka_unit_test(the_number_of_watches_is_bounded),
		cmocka_unit_test(each_watch_has_its_own_evidence),
		cmocka_unit_test(what_never_ran_is_older_than_anything),
		cmocka_unit_test(a_status_that_is_missing_is_unknown),
		cmocka_unit_test(samples_come_by_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
