/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include "base/status.h"
#include "base/utf8.h"

void verdicts_begin(struct verdicts *verdicts)
{
	verdicts->count = verdicts->wrong = 0;
	verdicts->troubled_count = verdicts->worst_count = 0;
}

void verdicts_done(struct verdicts *verdicts)
{
	for (size_t i = 0; i < WORST_MAX; i++)
		buf_done(&verdicts->worst[i].text);
	buf_done(&verdicts->line);
}

/* Puts it behind those that are as bad, and drops the least bad one of too many. */
static void keep_worst(struct verdicts *verdicts, const char *name, enum gavea_status status)
{
	size_t at = verdicts->worst_count;
	struct buf text;

	while (at && status_severity((int)status) > status_severity((int)verdicts->worst[at - 1].status))
		at--;
	if (at == WORST_MAX)
		return;
	if (verdicts->worst_count < WORST_MAX)
		verdicts->worst_count++;
	text = verdicts->worst[verdicts->worst_count - 1].text;
	for (size_t i = verdicts->worst_count - 1; i > at; i--)
		verdicts->worst[i] = verdicts->worst[i - 1];
	buf_reset(&text);
	buf_printf(&text, "%s: %s", name, buf_str(&verdicts->line));
	verdicts->worst[at].status = status;
	verdicts->worst[at].text = text;
}

struct gavea_item *verdict(struct verdicts *verdicts, struct gavea_check *check, const char *name,
	enum gavea_status status, bool by_processes, const char *format, ...)
{
	_cleanup_free_ char *clean = NULL;
	struct gavea_item *item;
	va_list args;

	if (!utf8_valid(name, strlen(name))) {
		clean = strdup(name);
		if (clean)
			utf8_repair(clean, strlen(clean));
		name = clean ? clean : "?";
	}
	buf_reset(&verdicts->line);
	va_start(args, format);
	buf_vprintf(&verdicts->line, format, args);
	va_end(args);
	if (verdicts->line.size)
		utf8_repair(verdicts->line.data, verdicts->line.size);
	item = gavea_item(check, name, status, "%s", buf_str(&verdicts->line));
	verdicts->count++;
	if (status == GAVEA_OK)
		return item;
	verdicts->wrong++;
	keep_worst(verdicts, name, status);
	if (by_processes && verdicts->troubled_count < TROUBLED_MAX)
		verdicts->troubled[verdicts->troubled_count++] = item;
	return item;
}

void verdicts_sum_up(const struct verdicts *verdicts, struct buf *summary)
{
	if (!verdicts->wrong)
		return;
	buf_printf(summary, "%zu of %zu wrong: ", verdicts->wrong, verdicts->count);
	for (size_t i = 0; i < verdicts->worst_count; i++)
		buf_printf(summary, "%s%s", i ? "; " : "", buf_str(&verdicts->worst[i].text));
	if (verdicts->wrong > verdicts->worst_count)
		buf_printf(summary, "; and %zu more", verdicts->wrong - verdicts->worst_count);
}
