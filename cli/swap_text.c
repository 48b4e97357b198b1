/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"
#include "cli/swap.h"

#include <math.h>
#include <stdio.h>

#define BAR_MOST 40
#define BAR_LEAST 10

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static char *seconds_text(char buffer[static 32], double seconds)
{
	return format_duration_rough(buffer, (int64_t)fmin(fmax(seconds, 0), 4e9) * NSEC_PER_SEC);
}

static void styled(const struct terminal *terminal, enum style style, const char *text, struct buf *out)
{
	style_begin(terminal, style, out);
	text_clean(text, out);
	style_end(terminal, style, out);
}

static enum style style_of_verdict(const char *verdict)
{
	return streq(verdict, "pass") ? STYLE_OK : streq(verdict, "fail") ? STYLE_CRITICAL : STYLE_UNKNOWN;
}

static void add_bar(const struct terminal *terminal, double share, struct buf *out)
{
	unsigned room = terminal->width > 60 ? terminal->width - 50 : BAR_LEAST;
	unsigned width = terminal->width ? MIN(room, (unsigned)BAR_MOST) : BAR_MOST;
	unsigned full = (unsigned)lround(fmin(fmax(share, 0), 1) * width);

	buf_add_char(out, '[');
	for (unsigned i = 0; i < width; i++)
		buf_add_str(out, i < full ? (terminal->utf8 ? "█" : "#") : (terminal->utf8 ? "░" : "."));
	buf_add_char(out, ']');
}

static void add_progress(const json_t *status, const struct terminal *terminal, struct buf *out)
{
	double elapsed = number_of(status, "elapsed_seconds"), hold = number_of(status, "hold_seconds");
	char gone[32], whole[32];

	buf_printf(out, "  %-9s ", text_of(status, "state"));
	if (streq(text_of(status, "state"), "HOLD") || streq(text_of(status, "state"), "SHIFT"))
		buf_printf(out, "step %d of %d, %g %%  ", (int)number_of(status, "step"),
			(int)number_of(status, "steps"), number_of(status, "aim_percent"));
	if (hold > 0) {
		add_bar(terminal, elapsed / hold, out);
		buf_printf(out, " %s of %s", seconds_text(gone, elapsed), seconds_text(whole, hold));
	} else {
		buf_printf(out, "for %s", seconds_text(gone, elapsed));
	}
	if (json_is_true(json_object_get(status, "paused")))
		styled(terminal, STYLE_WARNING, "  paused", out);
	buf_add_char(out, '\n');
}

static void add_colours(const json_t *status, const struct terminal *terminal, struct buf *out)
{
	double green = json_object_get(status, "green_percent") ? number_of(status, "green_percent") : NAN;
	const json_t *colour;
	size_t i;

	json_array_foreach(json_object_get(status, "colours"), i, colour)
	{
		bool is_green = streq(text_of(colour, "colour"), "green");

		buf_add_str(out, "  ");
		styled(terminal, STYLE_BOLD, text_of(colour, "colour"), out);
		buf_printf(out, "%*s ", is_green ? 0 : 1, "");
		if (isnan(green))
			buf_add_str(out, "     ? %  ");
		else
			buf_printf(out, "%6.2f %%  ", is_green ? green : 100 - green);
		text_clean(text_of(colour, "service"), out);
		if (json_object_get(colour, "proxy")) {
			buf_printf(out, ", %d of %d up (", (int)number_of(colour, "up"),
				(int)number_of(colour, "servers"));
			text_clean(text_of(colour, "proxy"), out);
			buf_printf(out, "), %lld sessions, %lld queued%s",
				(long long)number_of(colour, "sessions"),
				(long long)number_of(colour, "queued"),
				number_of(colour, "draining") > 0 ? ", draining" : "");
		}
		buf_add_char(out, '\n');
	}
}

static void add_gates(const json_t *status, const struct terminal *terminal, struct buf *out)
{
	const json_t *gate;
	size_t i;

	json_array_foreach(json_object_get(status, "gates"), i, gate)
	{
		const char *verdict = text_of(gate, "verdict");

		buf_add_str(out, "  ");
		styled(terminal, style_of_verdict(verdict), verdict, out);
		buf_printf(out, "%*s", (int)MAX(13 - (int)strlen(verdict), 1), "");
		text_clean(text_of(gate, "gate"), out);
		buf_printf(out, "  n %lld, k %lld, %.4g to %.4g", (long long)number_of(gate, "n"),
			(long long)number_of(gate, "k"), number_of(gate, "lower"), number_of(gate, "upper"));
		if (number_of(gate, "needed") > 0)
			buf_printf(out, ", %lld more to tell", (long long)number_of(gate, "needed"));
		buf_add_str(out, "\n               ");
		text_clean(text_of(gate, "reason"), out);
		buf_add_char(out, '\n');
	}
}

void swap_text(const json_t *status, const struct terminal *terminal, struct buf *out)
{
	int judged = status_from_name(text_of(status, "status"));
	enum gavea_status known = judged < 0 ? GAVEA_UNKNOWN : (enum gavea_status)judged;

	styled(terminal, STYLE_BOLD, text_of(status, "app"), out);
	buf_add_str(out, "  ");
	styled(terminal, style_of_status(known), text_of(status, "status"), out);
	buf_add_str(out, "\n  ");
	text_clean(text_of(status, "summary"), out);
	buf_add_str(out, "\n\n");
	if (json_object_get(status, "release"))
		add_progress(status, terminal, out);
	add_colours(status, terminal, out);
	if (json_object_get(status, "release"))
		add_gates(status, terminal, out);
}

void swap_preflight_text(const json_t *answer, const struct terminal *terminal, struct buf *out)
{
	const json_t *point;
	size_t i;

	json_array_foreach(json_object_get(answer, "points"), i, point)
	{
		bool holds = json_is_true(json_object_get(point, "holds"));
		const char *sign = terminal->utf8 ? (holds ? "✔" : "✘") : (holds ? "ok " : "NO ");
		char age[32];

		styled(terminal, holds ? STYLE_OK : STYLE_CRITICAL, sign, out);
		buf_add_char(out, ' ');
		text_clean(text_of(point, "point"), out);
		buf_add_str(out, "\n    ");
		text_clean(text_of(point, "evidence"), out);
		if (json_object_get(point, "age_seconds"))
			buf_printf(out, " (%s old)", seconds_text(age, number_of(point, "age_seconds")));
		buf_add_char(out, '\n');
		if (!holds && *text_of(point, "remedy")) {
			buf_add_str(out, "    -> ");
			text_clean(text_of(point, "remedy"), out);
			buf_add_char(out, '\n');
		}
	}
	if (json_array_size(json_object_get(answer, "points")) == 0)
		buf_add_str(out, "no point is configured: `preflight` of this app is empty\n");
	if (json_is_true(json_object_get(answer, "may_start"))) {
		styled(terminal, STYLE_OK, "it may start", out);
	} else {
		styled(terminal, STYLE_CRITICAL, "it may not start", out);
		buf_add_str(out, ": ");
		text_clean(text_of(answer, "why_not"), out);
	}
	buf_add_char(out, '\n');
}
