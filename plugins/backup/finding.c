/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include "base/status.h"

#include <errno.h>
#include <stdio.h>

void redact(char *text)
{
	for (char *p = text; (p = strstr(p, "://")); p++) {
		char *host = p + 3, *end = host + strcspn(host, "/ \t\n\"'"), *at = NULL;

		for (char *q = host; q < end; q++)
			if (*q == '@')
				at = q;
		if (at)
			memmove(host, at + 1, strlen(at + 1) + 1);
	}
}

void finding_add(
	struct findings *findings, const char *name, enum gavea_status status, const char *format, ...)
{
	struct finding finding = {.status = status, .name = strdup(name)};
	va_list args;

	va_start(args, format);
	if (vasprintf(&finding.text, format, args) < 0)
		finding.text = NULL;
	va_end(args);
	if (!finding.name || !finding.text || GROW(findings->list, findings->count, findings->room) < 0) {
		free(finding.name);
		free(finding.text);
		findings->error = -ENOMEM;
		return;
	}
	redact(finding.name);
	redact(finding.text);
	findings->list[findings->count++] = finding;
}

const struct finding *findings_worst(const struct findings *findings)
{
	const struct finding *worst = NULL;

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->list[i];

		if (!worst ||
			(one->status != worst->status &&
				status_worst(one->status, worst->status) == one->status))
			worst = one;
	}
	return worst;
}

size_t findings_bad(const struct findings *findings)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].status != GAVEA_OK;
	return count;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].name);
		free(findings->list[i].text);
	}
	free(findings->list);
	*findings = (struct findings){0};
}
