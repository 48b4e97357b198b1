/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that uses all of the SDK as it is meant to be used. */
#include <gavea/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct state {
	int series;
	int counter;
	int histogram;
	int runs;
	bool resumed;
};

static int series_of(struct gavea_check *check, const char *name, enum gavea_sample_type type)
{
	struct gavea_pair labels[] = {{"check", gavea_check_name(check)}, {"kind", "test"}};

	return gavea_series(check, name, type, "seconds", "A series of the test plugin", labels, 2);
}

static int good_open(struct gavea_check *check, void **ret_state)
{
	struct state *state;
	const char *mode = gavea_option_string(check, "mode");

	if (mode && strcmp(mode, "refuse") == 0)
		return gavea_fail(check, -EACCES, "told to refuse");
	if (mode && strcmp(mode, "refuse-silently") == 0)
		return -ENOENT;
	state = calloc(1, sizeof *state);
	if (!state)
		return -ENOMEM;
	state->series = series_of(check, "good_seconds", GAVEA_GAUGE);
	state->counter = series_of(check, "good_total", GAVEA_COUNTER);
	state->histogram = series_of(check, "good_histogram", GAVEA_HISTOGRAM);
	for (struct gavea_operation *o = gavea_operation_next(check, NULL); o;
		o = gavea_operation_next(check, NULL)) {
		struct gavea_pair step = {"step", gavea_operation_last(check, o, NULL, NULL, NULL)};

		gavea_event(check, "resumed", GAVEA_WARNING, gavea_operation_name(check, o), &step, 1);
		gavea_operation_end(check, o);
		state->resumed = true;
	}
	*ret_state = state;
	return 0;
}

static void show_options(struct gavea_check *check)
{
	size_t count = 0, size = 0;
	const char *const *list = gavea_option_strings(check, "strings", &count);
	const struct gavea_secret *secret = gavea_option_secret(check, "secret");
	struct gavea_item *item = gavea_item(check, "options", GAVEA_OK, "string %s, choice %s",
		gavea_option_string(check, "string"), gavea_option_string(check, "choice"));
	char text[128];

	snprintf(text, sizeof text, "%lld %d %lld %lld", (long long)gavea_option_int(check, "int"),
		gavea_option_bool(check, "bool"), (long long)gavea_option_int(check, "duration"),
		(long long)gavea_option_int(check, "size"));
	gavea_item_attribute(check, item, "integers", text);
	snprintf(text, sizeof text, "%g %g", gavea_option_float(check, "float"),
		gavea_option_float(check, "percent"));
	gavea_item_attribute(check, item, "reals", text);
	snprintf(text, sizeof text, "%zu %s %s", count, count > 0 ? list[0] : "-", count > 1 ? list[1] : "-");
	gavea_item_attribute(check, item, "strings", text);
	if (secret)
		gavea_secret_bytes(check, secret, &size);
	snprintf(text, sizeof text, "%zu", size);
	gavea_item_attribute(check, item, "secret", text);
	gavea_item_attribute(check, item, "unset", gavea_option_string(check, "unset") ? "set" : "unset");
}

static int count_runs(struct gavea_check *check)
{
	const void *value;
	size_t size;
	int runs = 0;

	if (gavea_state_get(check, "runs", &value, &size) == 0 && size == sizeof runs)
		memcpy(&runs, value, size);
	runs++;
	gavea_state_set(check, "runs", &runs, sizeof runs);
	gavea_state_commit(check);
	gavea_state_set(check, "dropped", "x", 1);
	return runs;
}

static void wait_for_cancel(struct gavea_check *check)
{
	struct timespec pause = {.tv_nsec = 2000000};

	gavea_progress(check, 0.5, "waiting");
	while (!gavea_cancelled(check))
		nanosleep(&pause, NULL);
}

static int leave_operation(struct gavea_check *check)
{
	struct gavea_operation *operation;
	int r = gavea_operation_begin(check, "swap", &operation);

	if (r == 0)
		r = gavea_operation_step(check, operation, "drain", "green", 5);
	return r;
}

static void full_run(struct gavea_check *check, struct state *state)
{
	static const uint64_t buckets[] = {1, 2, 3};
	struct gavea_pair attribute = {"which", "first"};
	struct gavea_span *outer = gavea_span_begin(check, NULL, "outer"), *inner;
	int runs = count_runs(check);

	show_options(check);
	inner = gavea_span_begin(check, outer, "inner");
	gavea_span_attribute(check, inner, "key", "value");
	gavea_span_end(check, inner, -ETIMEDOUT);
	gavea_span_end(check, outer, 0);
	outer = gavea_span_at(check, (const uint8_t *)"0123456789abcdef", (const uint8_t *)"01234567",
		(const uint8_t *)"abcdefgh", "long ago", 1000000000000);
	gavea_span_attribute(check, outer, "key", "value");
	gavea_span_end(check, outer, 0);
	gavea_sample(check, state->series, 1.5);
	gavea_sample(check, state->counter, runs);
	gavea_sample_histogram(check, state->histogram, 6.5, 1, -2, buckets, 3);
	gavea_event(check, "ran", GAVEA_OK, "it ran", &attribute, 1);
	gavea_item(check, "other", GAVEA_WARNING, "not so\ngood");
	gavea_log(check, GAVEA_LOG_NOTICE, "a line about %s", gavea_check_name(check));
	gavea_result(check, GAVEA_OK, "run %d%s", runs, state->resumed ? ", resumed" : "");
}

static int many_samples(struct gavea_check *check, int count)
{
	for (int i = 0; i < count; i++) {
		char name[32];
		struct gavea_pair label = {"i", name};
		int series;

		snprintf(name, sizeof name, "%d", i);
		series = gavea_series(check, "good_many", GAVEA_GAUGE, "", NULL, &label, 1);
		if (series < 0)
			return gavea_fail(check, series, "series %d", i);
		gavea_sample(check, series, i);
	}
	gavea_result(check, GAVEA_OK, "%d samples", count);
	return 0;
}

static int good_run(struct gavea_check *check, void *data)
{
	struct state *state = data;
	const char *mode = gavea_option_string(check, "mode");

	if (strcmp(mode, "full") == 0)
		full_run(check, state);
	else if (strcmp(mode, "fail") == 0)
		return gavea_fail(check, -EHOSTDOWN, "nobody at %s", "home");
	else if (strcmp(mode, "wait") == 0)
		wait_for_cancel(check);
	else if (strcmp(mode, "operation") == 0)
		return leave_operation(check);
	else if (strcmp(mode, "many") == 0)
		return many_samples(check, (int)gavea_option_int(check, "int"));
	else if (strcmp(mode, "misuse") == 0) {
		gavea_option_string(check, "no_such_option");
		gavea_option_string(check, "no_such_option");
		gavea_option_int(check, "string");
		gavea_result(check, GAVEA_OK, "asked for what is not there");
	}
	return 0;
}

static int good_deliver(struct gavea_check *check, void *data, struct gavea_batch *batch)
{
	uint64_t seq, last = 0;
	const void *bytes;
	size_t size;
	int kind, r, declarations = 0, records = 0;

	(void)data;
	if (!gavea_batch_info(check, batch, "agent_id"))
		return gavea_fail(check, -EINVAL, "no agent_id");
	gavea_batch_declarations(check, batch);
	while ((r = gavea_batch_next(check, batch, &seq, &kind, &bytes, &size)) > 0)
		declarations++;
	while ((r = gavea_batch_next(check, batch, &seq, &kind, &bytes, &size)) > 0) {
		records++;
		last = seq;
	}
	gavea_log(check, GAVEA_LOG_INFO, "%d declarations, %d records", declarations, records);
	gavea_batch_acknowledge(check, batch, last);
	if (records == 0)
		gavea_batch_retry_after(check, batch, 1000000000);
	return r;
}

static int good_command(struct gavea_check *check, void *data, struct gavea_command *command)
{
	(void)data;
	gavea_command_reply(check, command, "%s %s", gavea_command_name(check, command),
		gavea_command_argument(check, command, "who") ? gavea_command_argument(check, command, "who")
							      : "nobody");
	return 0;
}

static void good_close(struct gavea_check *check, void *data)
{
	(void)check;
	free(data);
}

static const struct gavea_option options[] = {
	{"mode", GAVEA_OPTION_CHOICE, 0, "full",
		"full|fail|wait|operation|many|misuse|refuse|refuse-silently", "What a run does"},
	{"string", GAVEA_OPTION_STRING, 0, "text", NULL, "A string"},
	{"bool", GAVEA_OPTION_BOOL, 0, "true", NULL, "A bool"},
	{"int", GAVEA_OPTION_INT, 0, "-3", "-10..100000", "An int"},
	{"float", GAVEA_OPTION_FLOAT, 0, "0.25", "..1", "A float"},
	{"duration", GAVEA_OPTION_DURATION, 0, "5s", "1s..1h", "A duration"},
	{"size", GAVEA_OPTION_SIZE, 0, "64KiB", "1B..", "A size"},
	{"percent", GAVEA_OPTION_PERCENT, 0, "12.5%", "0%..100%", "A percentage"},
	{"choice", GAVEA_OPTION_CHOICE, 0, "b", "a|b|c", "A choice"},
	{"strings", GAVEA_OPTION_STRINGS, 0, "one, two", NULL, "A list"},
	{"secret", GAVEA_OPTION_SECRET, 0, NULL, NULL, "A secret"},
	{"unset", GAVEA_OPTION_STRING, 0, NULL, NULL, "An option without a default"},
};

static const char *const commands[] = {"greet", NULL};

static const struct gavea_needs needs = {.size = sizeof needs, .concurrency = 4};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof plugin,
	.name = "good",
	.version = "1.2",
	.summary = "Does everything once",
	.options = options,
	.option_count = sizeof options / sizeof options[0],
	.option_size = sizeof options[0],
	.needs = &needs,
	.open = good_open,
	.run = good_run,
	.deliver = good_deliver,
	.command = good_command,
	.close = good_close,
	.commands = commands,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
