/* SPDX-License-Identifier: Apache-2.0 */
#include "own_check.h"

#include <errno.h>
#include <stdio.h>

static bool says(const struct tool *tool, const char *word)
{
	return strstr(buf_str(&tool->result.errors), word) || strstr(buf_str(&tool->result.output), word);
}

static bool says_damage(const struct tool *tool, const struct own_check *check)
{
	for (const char *const *word = check->damage; *word; word++)
		if (says(tool, *word))
			return true;
	return false;
}

int own_check_run(struct tool *tool, const struct own_check *check, struct record *record)
{
	int r = tool_run(tool);
	bool damage;

	if (r == -ETIME || r == -ECANCELED)
		return -EAGAIN;
	damage = r == 0 && says_damage(tool, check);
	if (damage) {
		record->status = GAVEA_CRITICAL;
		snprintf(record->text, sizeof(record->text), "\"%s\" found damage: %.300s; %s", check->name,
			tool_complaint(tool), check->remedy);
	} else if (r < 0 || tool->result.code != 0 || (check->good && !says(tool, check->good))) {
		record->status = GAVEA_UNKNOWN;
		snprintf(record->text, sizeof(record->text), "\"%s\" could not judge: %.300s", check->name,
			r < 0 ? error_text(&tool->error, r) : tool_complaint(tool));
	} else if (!tool->context->facts.count) {
		record->status = GAVEA_CRITICAL;
		snprintf(record->text, sizeof(record->text), "there is no %s that could be verified",
			check->nothing);
	} else {
		record->status = GAVEA_OK;
	}
	return 0;
}
