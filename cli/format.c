/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Milliseconds as nanoseconds, without leaving the range. */
static int64_t to_ns(int64_t ms)
{
	return MIN(MAX(ms, (int64_t)0), INT64_MAX / NSEC_PER_MSEC) * NSEC_PER_MSEC;
}

static int64_t difference(int64_t a, int64_t b)
{
	int64_t result;

	return __builtin_sub_overflow(a, b, &result) ? 0 : result;
}

char *format_age(char buffer[static FORMAT_SIZE], int64_t then_ms, int64_t now_ms)
{
	char text[32];
	int64_t age = difference(now_ms, then_ms);

	if (then_ms == 0)
		snprintf(buffer, FORMAT_SIZE, "-");
	else
		snprintf(buffer, FORMAT_SIZE, "%s",
			age < 1000 ? "0s" : format_duration_rough(text, to_ns(age)));
	return buffer;
}

char *format_wait(char buffer[static FORMAT_SIZE], int64_t then_ms, int64_t now_ms)
{
	char text[32];
	int64_t wait = difference(then_ms, now_ms);

	if (then_ms == 0)
		snprintf(buffer, FORMAT_SIZE, "-");
	else if (wait < 1000)
		snprintf(buffer, FORMAT_SIZE, "now");
	else
		snprintf(buffer, FORMAT_SIZE, "in %s", format_duration_rough(text, to_ns(wait)));
	return buffer;
}

char *format_time(char buffer[static FORMAT_SIZE], int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (unix_ms == 0 || !localtime_r(&seconds, &tm) ||
		strftime(buffer, FORMAT_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(buffer, FORMAT_SIZE, "-");
	return buffer;
}

char *format_run(char buffer[static FORMAT_SIZE], uint64_t us)
{
	if (us < 100000)
		snprintf(buffer, FORMAT_SIZE, "%.1f ms", (double)us / 1000);
	else if (us < 1000000)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 " ms", us / 1000);
	else
		snprintf(buffer, FORMAT_SIZE, "%.1f s", (double)us / 1000000);
	return buffer;
}

char *format_number(char buffer[static FORMAT_SIZE], double value)
{
	/* Every whole number up to here is exact. */
	if (fabs(value) < 0x1p53 && value == trunc(value)) {
		snprintf(buffer, FORMAT_SIZE, "%.0f", value);
		return buffer;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(buffer, FORMAT_SIZE, "%.*g", digits, value);
		if (strtod(buffer, NULL) == value)
			break;
	}
	return buffer;
}

static void add_list(const char *indent, const char *title, char **texts, size_t count, struct buf *out)
{
	if (count == 0)
		return;
	buf_printf(out, "%s%s:", indent, title);
	for (size_t i = 0; i < count; i++) {
		buf_add_char(out, ' ');
		text_clean(texts[i], out);
	}
	buf_add_char(out, '\n');
}

void format_rights(const Gavea__Worker__V1__Rights *rights, const char *indent, struct buf *out)
{
	static const char *const networks[] = {"none", "may connect", "may connect and listen"};
	char text[32];

	buf_printf(out, "%snetwork: %s\n", indent,
		networks[MIN(rights->network, (uint32_t)GAVEA_NETWORK_SERVER)]);
	buf_printf(out, "%sprograms: %s\n", indent, rights->exec ? "may run them" : "none");
	add_list(indent, "capabilities", rights->capabilities, rights->n_capabilities, out);
	add_list(indent, "may also read", rights->read_paths, rights->n_read_paths, out);
	add_list(indent, "may also write", rights->write_paths, rights->n_write_paths, out);
	buf_printf(out, "%smemory: %s\n", indent,
		format_size(text, rights->memory ? rights->memory : UINT64_C(64) << 20));
	buf_printf(out, "%sopen files: %" PRIu32 "\n", indent, rights->open_files ? rights->open_files : 256);
	if (rights->concurrency > 1)
		buf_printf(out, "%schecks at the same time: %" PRIu32 "\n", indent, rights->concurrency);
	if (rights->stays)
		buf_printf(out, "%sstays: its worker is not let go while idle\n", indent);
}

void format_status(const struct terminal *terminal, enum gavea_status status, struct buf *out)
{
	enum style style = style_of_status(status);

	style_begin(terminal, style, out);
	buf_printf(out, "%s %s", status_icon(terminal, status), status_name(status));
	style_end(terminal, style, out);
}
