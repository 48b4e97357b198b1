/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that does what plugins must not be able to harm anybody with; option "mode" says what. "count"
 * says how much of it, where that makes sense.
 */
#include <gavea/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int crash(void)
{
	volatile int *nowhere = NULL;

	/* Sanitizers have a handler for it. */
	(void)signal(SIGSEGV, SIG_DFL);
	*nowhere = 1;
	return 0;
}

static _Noreturn void hang(void)
{
	for (;;)
		pause();
}

static _Noreturn void spin(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static int flood_items(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		char name[32];
		struct gavea_item *item;

		snprintf(name, sizeof name, "item %lld", (long long)i);
		item = gavea_item(
			check, name, GAVEA_WARNING, "this is item number %lld of many", (long long)i);
		gavea_item_attribute(check, item, "number", name);
	}
	return 0;
}

static int flood_logs(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		gavea_log(check, GAVEA_LOG_ERROR, "line %lld", (long long)i);
	return 0;
}

static int flood_samples(struct gavea_check *check, int64_t count)
{
	int series = gavea_series(check, "hostile_flood", GAVEA_GAUGE, "", NULL, NULL, 0);

	for (int64_t i = 0; i < count; i++)
		gavea_sample(check, series, (double)i);
	return 0;
}

static int flood_series(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		char value[32];
		struct gavea_pair label = {"number", value};
		int series;

		snprintf(value, sizeof value, "%lld", (long long)i);
		series = gavea_series(check, "hostile_series", GAVEA_GAUGE, "", NULL, &label, 1);
		if (series < 0)
			return gavea_fail(check, series, "refused after %lld series", (long long)i);
	}
	return 0;
}

static int flood_events(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		gavea_event(check, "hostile", GAVEA_WARNING, "again", NULL, 0);
	return 0;
}

static _Noreturn void endless(struct gavea_check *check)
{
	for (;;)
		flood_items(check, 100000);
}

/* Long and broken text everywhere. */
static int rubbish(struct gavea_check *check)
{
	size_t size = 1 << 20;
	char *text = malloc(size + 1);
	struct gavea_pair pair = {text, text};
	struct gavea_item *item;

	if (!text)
		return -ENOMEM;
	memset(text, 0xe2, size);
	text[size] = 0;
	item = gavea_item(check, text, 99, "%s", text);
	for (int i = 0; i < 100; i++)
		gavea_item_attribute(check, item, text, text);
	gavea_item_attribute(check, item, NULL, NULL);
	gavea_item(check, NULL, GAVEA_OK, "%s", "");
	gavea_event(check, text, -1, text, &pair, 1);
	gavea_event(check, NULL, -1, NULL, NULL, 5);
	gavea_series(check, text, GAVEA_GAUGE, text, text, NULL, 0);
	gavea_series(check, "ok_name", 77, NULL, NULL, NULL, 0);
	gavea_series(check, NULL, GAVEA_GAUGE, NULL, NULL, NULL, 0);
	gavea_series(check, "ok_name", GAVEA_GAUGE, text, text, &pair, 1);
	gavea_sample(check, 123456, 1);
	gavea_sample(check, -5, 1);
	gavea_sample_histogram(check, 1, 1, 1, 1, NULL, 10);
	gavea_state_set(check, text, text, size);
	gavea_state_get(check, NULL, NULL, NULL);
	gavea_span_end(check, NULL, 0);
	gavea_progress(check, 1e300, text);
	gavea_log(check, -77, "%s", text);
	gavea_option_string(check, NULL);
	gavea_result(check, (enum gavea_status)42, "%s", text);
	free(text);
	return 0;
}

/* Memory, touched and kept, a MiB for each count. */
static int leak(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		char *block = malloc(1 << 20);

		if (!block)
			return gavea_fail(check, -ENOMEM, "no memory after %lld MiB", (long long)i);
		memset(block, 1, 1 << 20);
		gavea_log(check, GAVEA_LOG_DEBUG, "%p", (void *)block);
	}
	gavea_result(check, GAVEA_OK, "kept %lld MiB", (long long)count);
	return 0;
}

static int leak_files(struct gavea_check *check, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return gavea_fail(check, -errno, "no descriptor after %lld", (long long)i);
	return 0;
}

static int garbage(void)
{
	static const char bytes[] = "\xff\xff\xff\xff this is no message";

	return send(3, bytes, sizeof bytes, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* An answer to a job that nobody asked for: field 6 of FromWorker, Done{job = 987654321}. */
static int forge(void)
{
	static const char bytes[] = {0x32, 0x06, 0x08, (char)0xb1, (char)0xd1, (char)0xf9, (char)0xd6, 0x03};

	return send(3, bytes, sizeof bytes, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int hostile_run(struct gavea_check *check, void *state)
{
	const char *mode = gavea_option_string(check, "mode");
	int64_t count = gavea_option_int(check, "count");

	(void)state;
	if (strcmp(mode, "crash") == 0)
		return crash();
	if (strcmp(mode, "hang") == 0)
		hang();
	if (strcmp(mode, "spin") == 0)
		spin();
	if (strcmp(mode, "flood") == 0)
		endless(check);
	if (strcmp(mode, "flood-items") == 0)
		return flood_items(check, count);
	if (strcmp(mode, "flood-logs") == 0)
		return flood_logs(check, count);
	if (strcmp(mode, "flood-samples") == 0)
		return flood_samples(check, count);
	if (strcmp(mode, "flood-series") == 0)
		return flood_series(check, count);
	if (strcmp(mode, "flood-events") == 0)
		return flood_events(check, count);
	if (strcmp(mode, "rubbish") == 0)
		return rubbish(check);
	if (strcmp(mode, "leak") == 0)
		return leak(check, count);
	if (strcmp(mode, "fdleak") == 0)
		return leak_files(check, count);
	if (strcmp(mode, "garbage") == 0)
		return garbage();
	if (strcmp(mode, "forge") == 0)
		return forge();
	if (strcmp(mode, "exit") == 0)
		exit(0);
	gavea_result(check, GAVEA_OK, "harmless");
	return 0;
}

static int hostile_open(struct gavea_check *check, void **ret_state)
{
	const char *mode = gavea_option_string(check, "mode");

	(void)ret_state;
	if (strcmp(mode, "crash-open") == 0)
		return crash();
	if (strcmp(mode, "hang-open") == 0)
		hang();
	return 0;
}

static const struct gavea_option options[] = {
	{"mode", GAVEA_OPTION_CHOICE, 0, "none",
		"none|crash|crash-open|hang|hang-open|spin|flood|flood-items|flood-logs|flood-samples|flood-"
		"series|"
		"flood-events|rubbish|leak|fdleak|garbage|forge|exit",
		"What to do in a run"},
	{"count", GAVEA_OPTION_INT, 0, "100", "0..", "How much of it"},
};

static const struct gavea_needs needs = {.size = sizeof needs, .concurrency = 4};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof plugin,
	.name = "hostile",
	.version = "1",
	.summary = "Does harm",
	.options = options,
	.option_count = sizeof options / sizeof options[0],
	.option_size = sizeof options[0],
	.needs = &needs,
	.open = hostile_open,
	.run = hostile_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
