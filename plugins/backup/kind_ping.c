/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"
#include "ping.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>

/* The count says it too, but not what to do. */
static void tell_of_none(struct context *context)
{
	const char *check = gavea_check_name(context->check), *slash = strchr(check, '/');

	finding_add(&context->findings, "job", GAVEA_CRITICAL,
		"there is no backup that the job told of: let it end with `gavea backup ping %s`",
		slash ? slash + 1 : check);
}

static int look(struct context *context, const char *place, struct facts *facts)
{
	int64_t lasts = context->settings->judge.interval;
	struct ping ping;
	const void *value;
	char text[32], name[64];
	size_t size;

	(void)place;
	if (gavea_state_get(context->check, "ping", &value, &size) < 0) {
		tell_of_none(context);
		return 0;
	}
	if (size > 256 || ((const char *)value)[size - 1] != '\0' || ping_read(value, &ping) < 0) {
		finding_add(&context->findings, "ping", GAVEA_UNKNOWN,
			"what was kept of the last ping cannot be read: the next "
			"one sets it right");
		return -EBADMSG;
	}
	if (ping.failed)
		finding_add(&context->findings, "job", GAVEA_CRITICAL,
			"the backup job failed %s ago: look at its log",
			format_seconds(text, context->now - ping.failed));
	else if (ping.started && lasts && context->now - ping.started > lasts)
		finding_add(&context->findings, "job", GAVEA_WARNING,
			"the backup job was started %s ago and has not ended: look whether it hangs or was "
			"killed",
			format_seconds(text, context->now - ping.started));
	else if (ping.succeeded && ping.seconds >= 0)
		finding_add(
			&context->findings, "job", GAVEA_OK, "took %s", format_seconds(text, ping.seconds));
	if (!ping.succeeded)
		return 0;
	clock_format_utc(name, ping.succeeded * 1000, 0);
	return facts_add(facts, name, ping.succeeded, ping.size < 0 ? SIZE_UNKNOWN : ping.size);
}

const struct backup_kind kind_ping = {
	.name = "ping",
	.remembers = true,
	.look = look,
};
