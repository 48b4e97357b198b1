/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/keep.h"

#include "scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_MS INT64_C(3600000)

static void fill(struct scene *scene)
{
	static const char *const labels[] = {"a", "x\"\\\n,b=\"c", "d", "e", NULL};

	scene_check(scene, 1, "cert/www", 3600);
	scene_series(
		scene, 1, 1, "m_seconds_total", GAVEA__V1__SAMPLE_TYPE__COUNTER, "seconds", "Help", labels);
	scene_gauge(scene, 1, 2, "n");
	scene_gauge(scene, 1, 3, "o");
	scene_samples(scene, 1, 1, 2);
	scene_result(scene, 1, GAVEA__V1__STATUS__CRITICAL);
}

/* Another life, so many milliseconds later. */
static void live_again(struct scene *scene, int64_t later_ms)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	int64_t at_ms = scene->at_ms + later_ms;

	assert_int_equal(keep_encode(&scene->picture, KEEP_ALL, scene_now(scene), &kept), 0);
	scene_end(scene);
	scene_begin(scene, 0);
	scene->at_ms = at_ms;
	assert_int_equal(
		keep_decode(scene->records, kept.data, kept.size, WALL_MS + at_ms, scene_now(scene)), 0);
	records_set_stream(scene->records, 7);
}

static void a_new_worker_shows_what_the_old_one_knew(void **state)
{
	_cleanup_free_ char *before = NULL;
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	fill(&scene);
	before = strdup(scene_scrape(&scene));
	live_again(&scene, 1000);
	assert_non_null(strstr(before, "m_seconds_total{a=\"x\\\"\\\\\\n,b=\\\"c\",d=\"e\"} 1\n"));
	/* A series that no run has given yet is declared again when one does. */
	*strstr(before, "# HELP gavea_scrape_series Series") = '\0';
	*strstr(scene_scrape(&scene), "# HELP gavea_scrape_series Series") = '\0';
	assert_string_equal(scene.out.data, before);
	assert_int_equal(records_take_change(scene.records), CHANGE_NONE);
	scene_end(&scene);
}

static void what_is_kept_grows_old_meanwhile(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	fill(&scene);
	live_again(&scene, 3 * HOUR_MS);
	assert_true(scene_says(&scene, "n 2"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"cert/www\",status=\"critical\"} 1"));
	live_again(&scene, 1);
	assert_false(scene_says(&scene, "n 2"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"cert/www\",status=\"unknown\"} 1"));
	scene_end(&scene);
}

static void a_check_that_is_not_heard_of_again_is_dropped(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	fill(&scene);
	scene_check(&scene, 2, "cert/mail", 3600);
	scene_result(&scene, 2, GAVEA__V1__STATUS__OK);
	live_again(&scene, 1000);
	scene_check(&scene, 9, "cert/mail", 3600);
	records_sweep(scene.records, scene_now(&scene));
	assert_int_equal(scene.picture.check_count, 2);
	scene.at_ms += 4 * HOUR_MS;
	records_sweep(scene.records, scene_now(&scene));
	assert_int_equal(scene.picture.check_count, 1);
	assert_true(scene_says(&scene, "gavea_check_status{check=\"cert/mail\",status=\"unknown\"} 1"));
	scene_end(&scene);
}

static void a_file_that_is_not_whole_is_refused(void **state)
{
	_cleanup_buf_ struct buf kept = BUF_INIT;
	struct scene scene;

	(void)state;
	scene_begin(&scene, 0);
	fill(&scene);
	assert_int_equal(keep_encode(&scene.picture, KEEP_ALL, scene_now(&scene), &kept), 0);
	scene_end(&scene);
	scene_begin(&scene, 0);
	for (size_t size = 0; size < kept.size; size++)
		assert_int_equal(keep_decode(scene.records, kept.data, size, WALL_MS, BOOT_NS), -EBADMSG);
	kept.data[30] ^= 1;
	assert_int_equal(keep_decode(scene.records, kept.data, kept.size, WALL_MS, BOOT_NS), -EBADMSG);
	assert_int_equal(scene.picture.check_count, 0);
	scene_end(&scene);
}

static void states_are_kept_alone_when_they_change(void **state)
{
	char folder[] = "/tmp/gavea-keep-XXXXXX", path[64];
	struct scene scene;

	(void)state;
	assert_non_null(mkdtemp(folder));
	scene_begin(&scene, 0);
	assert_int_equal(keep_read(scene.records, folder, WALL_MS, BOOT_NS), 0);
	assert_int_equal(scene.picture.check_count, 0);
	fill(&scene);
	assert_int_equal(keep_write(&scene.picture, folder, KEEP_ALL, BOOT_NS), 0);
	scene_result(&scene, 1, GAVEA__V1__STATUS__OK);
	assert_int_equal(keep_write(&scene.picture, folder, KEEP_STATES, BOOT_NS), 0);
	scene_end(&scene);
	scene_begin(&scene, 0);
	assert_int_equal(keep_read(scene.records, folder, WALL_MS, BOOT_NS), 0);
	assert_true(scene_says(&scene, "n 2"));
	assert_true(scene_says(&scene, "gavea_check_status{check=\"cert/www\",status=\"ok\"} 1"));
	scene_end(&scene);
	/* A damaged one is told, and the other one serves. */
	snprintf(path, sizeof(path), "%s/picture", folder);
	assert_int_equal(truncate(path, 40), 0);
	scene_begin(&scene, 0);
	assert_int_equal(keep_read(scene.records, folder, WALL_MS, BOOT_NS), -EBADMSG);
	assert_true(scene_says(&scene, "gavea_check_status{check=\"cert/www\",status=\"ok\"} 1"));
	scene_end(&scene);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/states", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_worker_shows_what_the_old_one_knew),
		cmocka_unit_test(what_is_kept_grows_old_meanwhile),
		cmocka_unit_test(a_check_that_is_not_heard_of_again_is_dropped),
		cmocka_unit_test(a_file_that_is_not_whole_is_refused),
		cmocka_unit_test(states_are_kept_alone_when_they_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
