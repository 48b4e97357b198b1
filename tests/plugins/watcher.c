/* SPDX-License-Identifier: Apache-2.0 */
/* An actor that tells what it is told of other checks: with the command "look", and in its own runs. */
#include <gavea/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watcher {
	int watches[64];
	size_t count;
};

/* "CHECKS" or "CHECKS SAMPLES". */
static int watch(struct gavea_check *check, const char *text)
{
	char checks[256];
	size_t length = strcspn(text, " ");

	if (length >= sizeof checks)
		return -22;
	memcpy(checks, text, length);
	checks[length] = 0;
	return gavea_watch(check, checks, text[length] ? text + length + 1 : NULL);
}

static int watcher_open(struct gavea_check *check, void **ret_state)
{
	size_t count;
	const char *const *list = gavea_option_strings(check, "watch", &count);
	struct watcher *watcher = calloc(1, sizeof *watcher);

	if (!watcher)
		return -12;
	for (size_t i = 0; i < count && i < 64; i++) {
		watcher->watches[i] = watch(check, list[i]);
		if (watcher->watches[i] < 0) {
			free(watcher);
			return gavea_fail(check, -22, "watch \"%s\": refused", list[i]);
		}
		watcher->count++;
	}
	*ret_state = watcher;
	return 0;
}

static size_t tell(struct gavea_check *check, const struct watcher *watcher, struct gavea_command *command)
{
	size_t found = 0;

	for (size_t i = 0; i < watcher->count; i++) {
		const struct gavea_evidence *evidence = NULL;

		while ((evidence = gavea_evidence_next(check, watcher->watches[i], evidence))) {
			const char *summary, *series;
			int64_t interval, age = gavea_evidence_age(check, evidence, &interval);
			int status = (int)gavea_evidence_status(check, evidence, &summary);
			double value;

			found++;
			if (!command)
				continue;
			gavea_command_reply(check, command, "%zu %s %d %s %lld %s", i,
				gavea_evidence_check(check, evidence), status,
				age == INT64_MAX   ? "never"
					: age >= 0 ? "aged"
						   : "wrong",
				(long long)interval, summary);
			for (size_t j = 0; gavea_evidence_sample(check, evidence, j, &series, &value); j++)
				gavea_command_reply(check, command, "  %s %g", series, value);
		}
	}
	return found;
}

static int watcher_run(struct gavea_check *check, void *state)
{
	gavea_result(check, GAVEA_OK, "%zu seen; a watch in run(): %d", tell(check, state, NULL),
		gavea_watch(check, "a/b", NULL));
	return 0;
}

static int watcher_command(struct gavea_check *check, void *state, struct gavea_command *command)
{
	tell(check, state, command);
	return 0;
}

static void watcher_close(struct gavea_check *check, void *state)
{
	(void)check;
	free(state);
}

static const char *const commands[] = {"look", NULL};

static const struct gavea_option options[] = {
	{"watch", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "what to watch: CHECKS, or CHECKS SAMPLES"},
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "watcher",
	.version = "1",
	.summary = "Tells what it is told of other checks",
	.options = options,
	.option_count = 1,
	.option_size = sizeof(struct gavea_option),
	.open = watcher_open,
	.run = watcher_run,
	.command = watcher_command,
	.close = watcher_close,
	.commands = commands,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
