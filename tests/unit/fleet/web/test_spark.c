/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/spark.h"

#include "tests/unit/fleet/web/fixture.h"

#include <math.h>

static const struct model_plot load = {"load", "Load <1>", ""};

static void fill(double points[static MODEL_POINTS], double value)
{
	for (size_t i = 0; i < MODEL_POINTS; i++)
		points[i] = value;
}

static void an_hour_without_points_is_not_drawn(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};
	double points[MODEL_POINTS];

	fill(points, NAN);
	html_spark(&html, &load, points, now);
	assert_int_equal(out.size, 0);
}

static void the_figures_are_told_in_words(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};
	double points[MODEL_POINTS];

	fill(points, 2);
	points[0] = 1;
	points[MODEL_POINTS - 2] = 4;
	html_spark(&html, &load, points, now);
	assert_on(&out,
		"aria-label=\"Load &lt;1&gt; over the last hour: minimum 1.00, average 2.00, maximum 4.00, "
		"last 2.00\"");
	assert_on(&out, "<th scope=\"row\">11:55:15</th>");
	assert_on(&out, "<th scope=\"row\">11:00:15</th>");
}

static void the_line_is_broken_where_nothing_was_measured(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};
	double points[MODEL_POINTS];

	fill(points, NAN);
	points[0] = points[1] = 1;
	points[5] = 1;
	html_spark(&html, &load, points, now);
	assert_on(&out, "class=\"line\" vector-effect=\"non-scaling-stroke\" d=\"M0 1.0L1 1.0M5 1.0h.5\"");
	assert_on(&out, "class=\"area\" d=\"M0 48L0 1.0L1 1.0L1 48zM5 48L5 1.0L5 48z\"");
	assert_on(&out, "no value");
}

static void a_young_host_fills_its_drawing(void **state _unused_)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct html html = {&out};
	double points[MODEL_POINTS];

	fill(points, NAN);
	points[MODEL_POINTS - 20] = points[MODEL_POINTS - 1] = 1;
	html_spark(&html, &load, points, now);
	assert_on(&out, "Load &lt;1&gt; over the last 5 min: minimum 1.00");
	assert_on(&out, "viewBox=\"0 0 20 48\"");
	assert_on(&out, "d=\"M0 1.0h.5M19 1.0h.5\"");
	buf_reset(&out);
	points[MODEL_POINTS - 21] = 1;
	html_spark(&html, &load, points, now);
	assert_on(&out, "over the last 15 min");
}

static void extreme_values_make_no_broken_drawing(void **state _unused_)
{
	static const double extremes[] = {0, -1, 1e308, -1e308, 5e-324};

	for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct html html = {&out};
		double points[MODEL_POINTS];

		fill(points, extremes[i]);
		points[1] = -extremes[i];
		points[2] = INFINITY;
		html_spark(&html, &load, points, now);
		assert_not_on(&out, "nan");
		assert_not_on(&out, "inf");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_without_points_is_not_drawn),
		cmocka_unit_test(the_figures_are_told_in_words),
		cmocka_unit_test(the_line_is_broken_where_nothing_was_measured),
		cmocka_unit_test(a_young_host_fills_its_drawing),
		cmocka_unit_test(extreme_values_make_no_broken_drawing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
