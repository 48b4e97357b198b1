/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include "base/status.h"

#include <stdio.h>

static void finding_free(struct finding *finding)
{
	for (size_t i = 0; i < finding->attribute_count; i++)
		free(finding->attributes[i].value);
	buf_done(&finding->text);
	free(finding->name);
	free(finding);
}

struct finding *findings_add(struct findings *findings, const char *format, ...)
{
	struct finding *finding = calloc(1, sizeof(*finding));
	va_list args;

	va_start(args, format);
	if (finding && vasprintf(&finding->name, format, args) < 0)
		finding->name = NULL;
	va_end(args);
	if (!finding || !finding->name || GROW(findings->list, findings->count, findings->room) < 0) {
		if (finding)
			finding_free(finding);
		findings->no_memory = true;
		return NULL;
	}
	findings->list[findings->count++] = finding;
	return finding;
}

void finding_say(struct finding *finding, enum gavea_status status, const char *format, ...)
{
	va_list args;

	if (!finding)
		return;
	if (finding->text.size)
		buf_add_str(&finding->text, "; ");
	va_start(args, format);
	buf_vprintf(&finding->text, format, args);
	va_end(args);
	finding->status = status_worst(finding->status, status);
}

void finding_attribute(struct finding *finding, const char *name, const char *format, ...)
{
	va_list args;
	char *value;
	int r;

	if (!finding || finding->attribute_count == FINDING_ATTRIBUTES_MAX)
		return;
	va_start(args, format);
	r = vasprintf(&value, format, args);
	va_end(args);
	if (r < 0)
		return;
	finding->attributes[finding->attribute_count].name = name;
	finding->attributes[finding->attribute_count++].value = value;
}

void findings_report(const struct findings *findings, struct gavea_check *check)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = findings->list[i];
		struct gavea_item *item =
			gavea_item(check, finding->name, finding->status, "%s", buf_str(&finding->text));

		for (size_t k = 0; k < finding->attribute_count; k++)
			gavea_item_attribute(
				check, item, finding->attributes[k].name, finding->attributes[k].value);
	}
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		finding_free(findings->list[i]);
	free(findings->list);
	*findings = (struct findings)FINDINGS_INIT;
}
