/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/spark.h"

#include "base/clock.h"
#include "fleet/web/format.h"

#include <math.h>

#define HEIGHT 48.0
#define TABLE_ROWS 12
#define TABLE_STEP (MODEL_POINTS / TABLE_ROWS)

struct range {
	size_t count;
	double least, most, sum, last;
};

static struct range range_of(const double *points, size_t count)
{
	struct range range = {0, INFINITY, -INFINITY, 0, NAN};

	for (size_t i = 0; i < count; i++)
		if (isfinite(points[i])) {
			range.count++;
			range.least = fmin(range.least, points[i]);
			range.most = fmax(range.most, points[i]);
			range.sum += points[i];
			range.last = points[i];
		}
	return range;
}

/* How many points are drawn: all, or of a host that reports since minutes only the shortest of these spans. */
static size_t span_of(const double *points)
{
	static const size_t spans[] = {20, 60, 120};
	size_t first = 0;

	while (first < MODEL_POINTS && !isfinite(points[first]))
		first++;
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (MODEL_POINTS - first <= spans[i])
			return spans[i];
	return MODEL_POINTS;
}

static const char *span_name(size_t span)
{
	return span == 20 ? "5 min" : span == 60 ? "15 min" : span == 120 ? "30 min" : "hour";
}

static double average(const struct range *range)
{
	return range->sum / (double)range->count;
}

/* The line, broken where there are no points. As an area each part is closed down to the bottom. */
static void path(struct html *html, const double *points, size_t span, double low, double high, bool area)
{
	double y = 0;
	bool drawing = false;

	for (size_t i = 0; i <= span; i++) {
		bool there = i < span && isfinite(points[i]);

		if (there) {
			/* Halves, for the difference of two halves can't overflow. */
			y = HEIGHT - 1 - (points[i] / 2 - low / 2) / (high / 2 - low / 2) * (HEIGHT - 2);
			if (!drawing && area)
				html_textf(html, "M%zu %.0fL%zu %.1f", i, HEIGHT, i, y);
			else
				html_textf(html, "%s%zu %.1f", drawing ? "L" : "M", i, y);
		} else if (drawing && area) {
			html_textf(html, "L%zu %.0fz", i - 1, HEIGHT);
		} else if (drawing && (i < 2 || !isfinite(points[i - 2]))) {
			html_lit(html, "h.5"); /* a point alone is to be seen */
		}
		drawing = there;
	}
}

static void drawing(
	struct html *html, const struct model_plot *plot, const double *points, const struct range *range)
{
	double low = fmin(range->least, 0), high = fmax(range->most, streq(plot->unit, "ratio") ? 1 : 0);
	size_t span = span_of(points);
	char least[48], most[48], mean[48], last[48];

	if (!(high / 2 - low / 2 > 0))
		high = low + 1;
	html_lit(html, "<svg class=\"spark\" role=\"img\" preserveAspectRatio=\"none\"");
	html_attrf(html, "viewBox", "0 0 %zu %.0f", span, HEIGHT);
	html_attrf(html, "aria-label", "%s over the last %s: minimum %s, average %s, maximum %s, last %s",
		plot->title, span_name(span), format_value(least, range->least, plot->unit),
		format_value(mean, average(range), plot->unit), format_value(most, range->most, plot->unit),
		format_value(last, range->last, plot->unit));
	html_lit(html, "><path class=\"area\" d=\"");
	path(html, points + MODEL_POINTS - span, span, low, high, true);
	html_lit(html, "\"/><path class=\"line\" vector-effect=\"non-scaling-stroke\" d=\"");
	path(html, points + MODEL_POINTS - span, span, low, high, false);
	html_lit(html, "\"/></svg>");
}

static void figure(struct html *html, const char *name, double value, const char *unit)
{
	char text[48];

	html_lit(html, "<div><dt>");
	html_text(html, name);
	html_lit(html, "</dt><dd>");
	html_text(html, format_value(text, value, unit));
	html_lit(html, "</dd></div>");
}

static void cell(struct html *html, double value, const char *unit)
{
	char text[48];

	html_lit(html, "<td class=\"num\">");
	html_text(html, format_value(text, value, unit));
	html_lit(html, "</td>");
}

static void table(
	struct html *html, const struct model_plot *plot, const double *points, struct model_time now)
{
	int64_t end_ms = (now.unix_ms / MODEL_STEP_MS + 1) * MODEL_STEP_MS;

	html_lit(html, "<details");
	html_attrf(html, "data-key", "values-%s", plot->name);
	html_lit(html, "><summary>Values<span class=\"sr\"> of ");
	html_text(html, plot->title);
	html_lit(html,
		"</span></summary><table class=\"values\"><thead><tr><th scope=\"col\">5 min from (UTC)</th>"
		"<th scope=\"col\">min</th><th scope=\"col\">avg</th><th "
		"scope=\"col\">max</th></tr></thead><tbody>");
	for (size_t row = TABLE_ROWS; row-- > 0;) {
		struct range range = range_of(points + row * TABLE_STEP, TABLE_STEP);
		char exact[32];

		clock_format_utc(exact, end_ms - (int64_t)(TABLE_ROWS - row) * TABLE_STEP * MODEL_STEP_MS, 0);
		html_lit(html, "<tr><th scope=\"row\">");
		html_textf(html, "%.8s", exact + 11);
		html_lit(html, "</th>");
		cell(html, range.count ? range.least : NAN, plot->unit);
		cell(html, range.count ? average(&range) : NAN, plot->unit);
		cell(html, range.count ? range.most : NAN, plot->unit);
		html_lit(html, "</tr>");
	}
	html_lit(html, "</tbody></table></details>");
}

void html_spark(struct html *html, const struct model_plot *plot, const double points[static MODEL_POINTS],
	struct model_time now)
{
	struct range range = range_of(points, MODEL_POINTS);
	size_t span = span_of(points);
	char last[48];

	if (range.count == 0)
		return;
	html_lit(html, "<section class=\"plot\"");
	html_attrf(html, "data-key", "plot-%s", plot->name);
	html_lit(html, "><h3>");
	html_text(html, plot->title);
	html_lit(html, " <span class=\"quiet\">");
	html_text(html, span < MODEL_POINTS ? span_name(span) : "");
	html_lit(html, "</span> <strong>");
	html_text(html, format_value(last, range.last, plot->unit));
	html_lit(html, "</strong></h3>");
	drawing(html, plot, points, &range);
	html_lit(html, "<dl class=\"range\">");
	figure(html, "min", range.least, plot->unit);
	figure(html, "avg", average(&range), plot->unit);
	figure(html, "max", range.most, plot->unit);
	html_lit(html, "</dl>");
	table(html, plot, points, now);
	html_lit(html, "</section>");
}
