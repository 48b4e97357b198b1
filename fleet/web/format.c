/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/format.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* static/app.js says it in the same way. */
static void format_span(char buffer[static 32], int64_t seconds)
{
	int64_t minutes = seconds / 60, hours = seconds / 3600, days = seconds / 86400;

	if (seconds < 60)
		snprintf(buffer, 32, "%" PRId64 " s", seconds);
	else if (minutes < 60)
		snprintf(buffer, 32, "%" PRId64 " min", minutes);
	else if (hours < 24 && minutes % 60)
		snprintf(buffer, 32, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
	else if (hours < 24)
		snprintf(buffer, 32, "%" PRId64 " h", hours);
	else if (days < 10 && hours % 24)
		snprintf(buffer, 32, "%" PRId64 " d %" PRId64 " h", days, hours % 24);
	else
		snprintf(buffer, 32, "%" PRId64 " d", days);
}

char *format_ago(char buffer[static 48], int64_t ago_ms)
{
	char span[32];

	if (ago_ms > -2000 && ago_ms < 2000) {
		snprintf(buffer, 48, "just now");
	} else if (ago_ms < 0) {
		format_span(span, -(ago_ms / 1000));
		snprintf(buffer, 48, "in %s", span);
	} else {
		format_span(span, ago_ms / 1000);
		snprintf(buffer, 48, "%s ago", span);
	}
	return buffer;
}

char *format_took(char buffer[static 48], uint64_t duration_us)
{
	char span[32];

	if (duration_us < 1000)
		snprintf(buffer, 48, "%" PRIu64 " µs", duration_us);
	else if (duration_us < 1000000)
		snprintf(buffer, 48, "%" PRIu64 " ms", duration_us / 1000);
	else if (duration_us < 10000000 && duration_us % 1000000)
		snprintf(buffer, 48, "%.1f s", (double)duration_us / 1e6);
	else {
		format_span(span, (int64_t)(duration_us / 1000000));
		snprintf(buffer, 48, "%s", span);
	}
	return buffer;
}

/* Three digits that count. */
static int decimals(double value)
{
	double size = fabs(value);

	return size >= 99.95 || size == 0 ? 0 : size >= 9.995 ? 1 : 2;
}

static void format_bytes(char buffer[static 48], double value, const char *after)
{
	static const char *const prefixes[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t i = 0;

	while (fabs(value) >= 1023.5 && i + 1 < ARRAY_SIZE(prefixes)) {
		value /= 1024;
		i++;
	}
	snprintf(buffer, 48, "%.*f %s%s", i == 0 ? 0 : decimals(value), value, prefixes[i], after);
}

char *format_value(char buffer[static 48], double value, const char *unit)
{
	if (!isfinite(value))
		snprintf(buffer, 48, "%s", isnan(value) ? "no value" : value > 0 ? "∞" : "−∞");
	else if (streq(unit, "ratio"))
		snprintf(buffer, 48, "%.*f %%", fabs(value) < 0.0995 ? 1 : 0, value * 100);
	else if (streq(unit, "bytes_per_s"))
		format_bytes(buffer, value, "/s");
	else if (streq(unit, "bytes"))
		format_bytes(buffer, value, "");
	else if (fabs(value) >= 1e7)
		snprintf(buffer, 48, "%.3g%s", value, streq(unit, "per_s") ? "/s" : "");
	else
		snprintf(buffer, 48, "%.*f%s", decimals(value), value, streq(unit, "per_s") ? "/s" : "");
	return buffer;
}

/* Years that RFC 3339 can't say come only from a clock that is wrong. */
static bool is_sane(int64_t unix_ms)
{
	return unix_ms > 0 && unix_ms <= INT64_C(253402300799000);
}

char *format_exact(char buffer[static 48], int64_t unix_ms)
{
	char exact[32];

	if (!is_sane(unix_ms)) {
		snprintf(buffer, 48, "unknown");
		return buffer;
	}
	clock_format_utc(exact, unix_ms, 0);
	snprintf(buffer, 48, "%.10s %.8s UTC", exact, exact + 11);
	return buffer;
}

void html_ago(struct html *html, int64_t unix_ms, int64_t now_ms)
{
	char exact[32], ago[48];

	if (!is_sane(unix_ms)) {
		html_lit(html, "<span class=\"quiet\">unknown</span>");
		return;
	}
	html_lit(html, "<time");
	html_attr(html, "datetime", clock_format_utc(exact, unix_ms, 1));
	html_attr(html, "title", format_exact(ago, unix_ms));
	html_lit(html, ">");
	html_text(html, format_ago(ago, now_ms - unix_ms));
	html_lit(html, "</time>");
}
