/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include "base/status.h"

#include <stdarg.h>

static const enum gavea_status worst_first[] = {GAVEA_CRITICAL, GAVEA_UNKNOWN, GAVEA_WARNING, GAVEA_OK};

void findings_add(struct findings *findings, enum gavea_status status, unsigned flags, const char *remedy,
	const char *format, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *copy = remedy ? strdup(remedy) : NULL;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (buf_error(&text) || (remedy && !copy) ||
		GROW(findings->list, findings->count, findings->room) < 0) {
		findings->lost = true;
		return;
	}
	findings->list[findings->count++] = (struct finding){
		.status = status,
		.breaks = flags & FINDING_BREAKS,
		.text = buf_take(&text),
		.remedy = TAKE_PTR(copy),
	};
}

enum gavea_status findings_status(const struct findings *findings)
{
	enum gavea_status status = findings->lost ? GAVEA_UNKNOWN : GAVEA_OK;

	for (size_t i = 0; i < findings->count; i++)
		status = status_worst(status, findings->list[i].status);
	return status;
}

bool findings_break(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].breaks)
			return true;
	return findings->lost;
}

void findings_worst(const struct findings *findings, struct buf *out)
{
	for (size_t s = 0; s < ARRAY_SIZE(worst_first); s++)
		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = &findings->list[i];

			if (finding->status != worst_first[s])
				continue;
			buf_printf(out, "%s%s%s", finding->text, finding->remedy ? ": " : "",
				finding->remedy ? finding->remedy : "");
			return;
		}
	if (findings->lost)
		buf_add_str(out, "out of memory");
}

void findings_all(const struct findings *findings, struct buf *out)
{
	bool first = true;

	for (size_t s = 0; s < ARRAY_SIZE(worst_first); s++)
		for (size_t i = 0; i < findings->count; i++) {
			if (findings->list[i].status != worst_first[s])
				continue;
			buf_printf(out, "%s%s", first ? "" : "; ", findings->list[i].text);
			first = false;
		}
}

const char *findings_remedy(const struct findings *findings)
{
	for (size_t s = 0; s < ARRAY_SIZE(worst_first); s++)
		for (size_t i = 0; i < findings->count; i++)
			if (findings->list[i].status == worst_first[s] && findings->list[i].remedy)
				return findings->list[i].remedy;
	return NULL;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].text);
		free(findings->list[i].remedy);
	}
	free(findings->list);
	*findings = (struct findings){0};
}
