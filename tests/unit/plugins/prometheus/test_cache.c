/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/prometheus/cache.h"

#include "scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

struct bench {
	struct scene scene;
	struct cache cache;
};

static void begin(struct bench *bench)
{
	*bench = (struct bench){
		.cache = {.picture = &bench->scene.picture, .settings = &bench->scene.settings}};
	scene_begin(&bench->scene, 0);
}

static void end(struct bench *bench)
{
	cache_done(&bench->cache);
	assert_int_equal(bench->cache.live, 0);
	scene_end(&bench->scene);
}

static struct rendering *get(struct bench *bench, enum format format, bool gzip)
{
	struct rendering *rendering;

	assert_int_equal(cache_get(&bench->cache, format, gzip, &bench->scene.counters, &rendering), 0);
	return rendering;
}

static void a_rendering_is_shared_until_there_is_news(void **state)
{
	struct rendering *first, *second, *third;
	struct bench bench;

	(void)state;
	begin(&bench);
	first = get(&bench, FORMAT_TEXT, false);
	first->made = INT64_MAX; /* that time passes is not what is looked at here */
	second = get(&bench, FORMAT_TEXT, false);
	assert_ptr_equal(first, second);
	assert_int_equal(bench.scene.counters.renderings, 1);
	scene_event(&bench.scene, "reload");
	third = get(&bench, FORMAT_TEXT, false);
	assert_ptr_not_equal(first, third);
	/* The old one is whole for whoever still reads it. */
	assert_null(strstr(buf_str(&first->content), "reload"));
	assert_non_null(strstr(buf_str(&third->content), "reload"));
	rendering_unref(first);
	rendering_unref(second);
	rendering_unref(third);
	end(&bench);
}

static void gzip_is_of_the_same_text(void **state)
{
	struct rendering *plain, *packed;
	struct bench bench;
	char text[65536];
	z_stream stream = {.next_out = (Bytef *)text, .avail_out = sizeof(text)};

	(void)state;
	begin(&bench);
	plain = get(&bench, FORMAT_OPENMETRICS, false);
	plain->made = INT64_MAX;
	packed = get(&bench, FORMAT_OPENMETRICS, true);
	assert_int_equal(bench.scene.counters.renderings, 1);
	stream.next_in = (Bytef *)packed->content.data;
	stream.avail_in = (uInt)packed->content.size;
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, plain->content.size);
	assert_memory_equal(text, plain->content.data, plain->content.size);
	inflateEnd(&stream);
	rendering_unref(plain);
	rendering_unref(packed);
	end(&bench);
}

static void a_rendering_grows_old_without_news(void **state)
{
	struct rendering *first, *second;
	struct bench bench;

	(void)state;
	begin(&bench);
	first = get(&bench, FORMAT_TEXT, false);
	first->made = clock_ns(CLOCK_BOOTTIME) - 2 * NSEC_PER_SEC;
	second = get(&bench, FORMAT_TEXT, false);
	assert_ptr_not_equal(first, second);
	rendering_unref(first);
	rendering_unref(second);
	end(&bench);
}

static void renderings_that_are_still_read_are_bounded(void **state)
{
	struct rendering *first, *refused;
	struct bench bench;

	(void)state;
	begin(&bench);
	first = get(&bench, FORMAT_TEXT, false);
	assert_int_equal(bench.cache.live, first->content.room);
	bench.cache.live += CACHE_MAX;
	scene_event(&bench.scene, "reload");
	assert_int_equal(
		cache_get(&bench.cache, FORMAT_TEXT, false, &bench.scene.counters, &refused), -EBUSY);
	bench.cache.live -= CACHE_MAX;
	rendering_unref(first);
	end(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rendering_is_shared_until_there_is_news),
		cmocka_unit_test(gzip_is_of_the_same_text),
		cmocka_unit_test(a_rendering_grows_old_without_news),
		cmocka_unit_test(renderings_that_are_still_read_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
