/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/host.h"
#include "base/clock.h"
#include "base/fd.h"
#include "core/worker/batch.h"
#include "core/worker/check.h"
#include "core/worker/command.h"

#define PUMP_EVERY NSEC_PER_MSEC
#define PROGRESS_EVERY (100 * NSEC_PER_MSEC)

static void host_log(struct gavea_check *base, int level, const char *format, va_list args)
{
	struct check *check = check_of(base);
	char text[TEXT_ROOM(TEXT_LOG_MAX)];

	if (check->job && check->job->log_lines++ >= LOG_LINES_MAX)
		return;
	text_format(text, TEXT_LOG_MAX, format, args);
	channel_log_traced(&check->services->channel, check->number,
		MIN(MAX(level, (int)GAVEA_LOG_ERROR), (int)GAVEA_LOG_DEBUG),
		check->job && check->job->output->traced ? check->job->output->trace_id : NULL, text);
}

/* The job whose output is added to; NULL when the plugin calls at a time when there is none. */
static struct job *job_of(struct check *check)
{
	if (!check->job)
		check_misuse(check, MISUSE_OUTSIDE, "it speaks while none of its callbacks is running");
	return check->job;
}

static void host_fail(struct gavea_check *base, const char *format, va_list args)
{
	struct job *job = job_of(check_of(base));

	if (job)
		text_format(job->reason, TEXT_SUMMARY_MAX, format, args);
}

static const char *host_check_name(struct gavea_check *base)
{
	return check_of(base)->name;
}

/* ---- Options ---- */

static void option_trouble(struct check *check, const char *key, int error)
{
	if (error == -ENODATA || (key && strmap_get(&check->told_keys, key)))
		return;
	channel_log(&check->services->channel, check->number, GAVEA_LOG_WARNING,
		error == -ENOENT
			? "a mistake in the plugin: it asks for option \"%s\", which is not in its table"
			: "a mistake in the plugin: it reads option \"%s\" as another type than its table "
			  "has",
		key ? key : "");
	if (key)
		(void)strmap_set(&check->told_keys, key, check, NULL);
}

static const char *host_option_string(struct gavea_check *base, const char *key)
{
	const char *text = NULL;
	int r = options_string(check_of(base)->options, key, &text);

	if (r < 0)
		option_trouble(check_of(base), key, r);
	return text;
}

static int64_t host_option_int(struct gavea_check *base, const char *key)
{
	int64_t value = 0;
	int r = options_int(check_of(base)->options, key, &value);

	if (r < 0)
		option_trouble(check_of(base), key, r);
	return value;
}

static double host_option_float(struct gavea_check *base, const char *key)
{
	double value = 0;
	int r = options_float(check_of(base)->options, key, &value);

	if (r < 0)
		option_trouble(check_of(base), key, r);
	return value;
}

static const char *const *host_option_strings(struct gavea_check *base, const char *key, size_t *ret_count)
{
	const char *const *list = NULL;
	size_t count = 0;
	int r = options_strings(check_of(base)->options, key, &list, &count);

	if (r < 0)
		option_trouble(check_of(base), key, r);
	if (ret_count)
		*ret_count = count;
	return list;
}

static const struct gavea_secret *host_option_secret(struct gavea_check *base, const char *key)
{
	const struct gavea_secret *secret = NULL;
	int r = options_secret(check_of(base)->options, key, &secret);

	if (r < 0)
		option_trouble(check_of(base), key, r);
	return secret;
}

static const void *host_secret_bytes(const struct gavea_secret *secret, size_t *ret_size)
{
	if (ret_size)
		*ret_size = secret ? secret->size : 0;
	return secret ? secret->bytes : NULL;
}

/* ---- What a run says ---- */

static void host_result(struct gavea_check *base, int status, const char *format, va_list args)
{
	struct check *check = check_of(base);

	if (!check->job || check->job->kind != JOB_RUN) {
		check_misuse(check, MISUSE_RESULT,
			"results and items belong to run(), and are passed over elsewhere");
		return;
	}
	check->job->has_status = true;
	check->job->status = status;
	text_format(check->job->summary, TEXT_SUMMARY_MAX, format, args);
}

static struct gavea_item *host_item(
	struct gavea_check *base, const char *name, int status, const char *format, va_list args)
{
	struct check *check = check_of(base);

	if (!check->job || check->job->kind != JOB_RUN) {
		check_misuse(check, MISUSE_RESULT,
			"results and items belong to run(), and are passed over elsewhere");
		return NULL;
	}
	return output_item(check->job->output, name, status, format, args);
}

static int host_series(struct gavea_check *base, const char *name, int type, const char *unit,
	const char *help, const struct gavea_pair *labels, size_t label_count)
{
	struct job *job = job_of(check_of(base));

	if (label_count > 0 && !labels)
		return -EINVAL;
	return job ? output_series(job->output, name, type, unit, help, labels, label_count) : -EINVAL;
}

/* The output for samples, or NULL in callbacks that have no time of their own. */
static struct output *sample_output(struct gavea_check *base)
{
	struct check *check = check_of(base);

	if (check->job && check->job->kind != JOB_OPEN && check->job->kind != JOB_CLOSE)
		return check->job->output;
	check_misuse(
		check, MISUSE_SAMPLE, "samples belong to run(), and are passed over in open() and close()");
	return NULL;
}

static void take_sample(struct gavea_check *base, struct output *output, int series, double value)
{
	struct thresholds *thresholds = check_of(base)->thresholds;

	output_sample(output, series, value);
	if (thresholds)
		thresholds_take(thresholds, series, value);
}

static void host_sample(struct gavea_check *base, int series, double value)
{
	struct output *output = sample_output(base);

	if (output)
		take_sample(base, output, series, value);
}

static void host_samples(struct gavea_check *base, const int *series, const double *values, size_t count)
{
	struct output *output = sample_output(base);

	for (size_t i = 0; output && i < count; i++)
		take_sample(base, output, series[i], values[i]);
}

static void host_sample_histogram(struct gavea_check *base, int series, double sum, uint64_t zero_count,
	int32_t first, const uint64_t *buckets, size_t bucket_count)
{
	struct output *output = sample_output(base);

	if (output)
		output_histogram(output, series, sum, zero_count, first, buckets, bucket_count);
}

static void host_event(struct gavea_check *base, const char *kind, int status, const char *summary,
	const struct gavea_pair *attributes, size_t attribute_count)
{
	struct job *job = job_of(check_of(base));

	if (job)
		output_event(
			job->output, kind, status, summary, attributes, attributes ? attribute_count : 0);
}

static struct gavea_span *host_span_begin(
	struct gavea_check *base, const struct gavea_span *parent, const char *name)
{
	struct job *job = job_of(check_of(base));

	return job ? output_span_begin(job->output, parent, name) : NULL;
}

static struct gavea_span *host_span_at(struct gavea_check *base, const uint8_t *trace, const uint8_t *id,
	const uint8_t *parent, const char *name, int64_t start)
{
	struct job *job = trace && id ? job_of(check_of(base)) : NULL;

	return job ? output_span_at(job->output, trace, id, parent, name, start) : NULL;
}

/* ---- Time ---- */

static int64_t host_now(struct gavea_check *base)
{
	(void)base;
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t host_deadline(struct gavea_check *base)
{
	struct check *check = check_of(base);

	return check->job ? check->job->deadline : INT64_MAX;
}

static bool host_cancelled(struct gavea_check *base)
{
	struct check *check = check_of(base);
	struct job *job = check->job;
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!job)
		return false;
	if (check->services->pump && now - job->pumped_at >= PUMP_EVERY) {
		job->pumped_at = now;
		check->services->pump(check->services->pump_data);
	}
	return job->cancelled || now >= job->deadline || check->services->channel.lost;
}

static int host_progress(struct gavea_check *base, double done, const char *what)
{
	Gavea__Worker__V1__FromWorker message = GAVEA__WORKER__V1__FROM_WORKER__INIT;
	Gavea__Worker__V1__Progress progress = GAVEA__WORKER__V1__PROGRESS__INIT;
	struct check *check = check_of(base);
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct job *job = check->job;

	if (!job || job->number == 0)
		return -EINVAL;
	if (job->progress_at && now - job->progress_at < PROGRESS_EVERY && done < 1)
		return 0;
	job->progress_at = now;
	progress.job = job->number;
	progress.done = done >= 0 && done <= 1 ? done : done > 1 ? 1 : -1;
	progress.what = text_copy(&job->output->arena, what, TEXT_NAME_MAX, true);
	if (!progress.what)
		return -ENOMEM;
	message.body_case = GAVEA__WORKER__V1__FROM_WORKER__BODY_PROGRESS;
	message.progress = &progress;
	return channel_send(&check->services->channel, &message);
}

/* ---- What lasts ---- */

static const char *host_state_directory(struct gavea_check *base)
{
	struct check *check = check_of(base);

	if (check_make_folder(check) < 0 || make_directories(check->files, 0700) < 0)
		return NULL;
	return check->files;
}

static int load_state(struct check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (check->kv.loaded)
		return 0;
	r = kv_load(&check->kv, &error);
	if (r != 0)
		channel_log(&check->services->channel, check->number,
			r > 0 ? GAVEA_LOG_WARNING : GAVEA_LOG_ERROR, "%s", error_text(&error, r));
	return MIN(r, 0);
}

static int host_state_get(struct gavea_check *base, const char *key, const void **ret_value, size_t *ret_size)
{
	struct check *check = check_of(base);
	const void *value;
	size_t size;
	int r;

	if (!key)
		return -EINVAL;
	r = load_state(check);
	if (r == 0)
		r = kv_get(&check->kv, key, &value, &size);
	if (r < 0)
		return r;
	if (ret_value)
		*ret_value = value;
	if (ret_size)
		*ret_size = size;
	return 0;
}

static int host_state_set(struct gavea_check *base, const char *key, const void *value, size_t size)
{
	struct check *check = check_of(base);
	int r = key ? load_state(check) : -EINVAL;

	return r < 0 ? r : kv_set(&check->kv, key, value, size);
}

static int host_state_commit(struct gavea_check *base)
{
	struct check *check = check_of(base);
	int r;

	if (!check->kv.changed)
		return 0;
	r = check->kv.path ? check_make_folder(check) : 0;
	return r < 0 ? r : kv_commit(&check->kv);
}

static int host_operation_begin(
	struct gavea_check *base, const char *name, struct gavea_operation **ret_operation)
{
	struct check *check = check_of(base);
	int r = check->keeps_state ? check_make_folder(check) : 0;

	return r < 0 ? r : journal_begin(check->journal, name, ret_operation);
}

static struct gavea_operation *host_operation_next(
	struct gavea_check *base, const struct gavea_operation *after)
{
	return journal_next(check_of(base)->journal, after);
}

/* ---- Evidence ---- */

static int host_watch(struct gavea_check *base, const char *checks, const char *samples)
{
	struct check *check = check_of(base);

	if (!check->job || check->job->kind != JOB_OPEN || !check->services->plugin->commands)
		return -EOPNOTSUPP;
	return watches_add(&check->watches, checks, samples);
}

static const struct gavea_evidence *host_evidence_next(
	struct gavea_check *base, int watch, const struct gavea_evidence *after)
{
	const struct job *job = check_of(base)->job;

	return job ? evidence_find(job->evidence, job->evidence_count, watch, after) : NULL;
}

/* ---- Commands ---- */

static const char *host_command_name(struct gavea_command *command)
{
	return command->message->name;
}

static const char *host_command_argument(struct gavea_command *command, const char *name)
{
	for (size_t i = 0; name && i < command->message->n_arguments; i++)
		if (streq(command->message->arguments[i]->key, name))
			return command->message->arguments[i]->value;
	return NULL;
}

static void host_command_reply(struct gavea_command *command, const char *format, va_list args)
{
	char line[TEXT_ROOM(TEXT_VALUE_MAX)];
	size_t size = text_format(line, TEXT_VALUE_MAX, format, args);

	if (command->reply.size + size + 1 > COMMAND_REPLY_MAX) {
		command->cut = true;
		return;
	}
	buf_add(&command->reply, line, size);
	buf_add_char(&command->reply, '\n');
}

static const char *host_batch_info(struct gavea_batch *batch, const char *key)
{
	return batch_info(batch, key);
}

static uint64_t host_batch_stream(struct gavea_batch *batch)
{
	return batch_stream(batch);
}

static const struct gavea_host table = {
	.size = sizeof table,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.log = host_log,
	.fail = host_fail,
	.check_name = host_check_name,
	.option_string = host_option_string,
	.option_int = host_option_int,
	.option_float = host_option_float,
	.option_strings = host_option_strings,
	.option_secret = host_option_secret,
	.secret_bytes = host_secret_bytes,
	.result = host_result,
	.item = host_item,
	.item_attribute = output_item_attribute,
	.series = host_series,
	.sample = host_sample,
	.samples = host_samples,
	.sample_histogram = host_sample_histogram,
	.event = host_event,
	.span_begin = host_span_begin,
	.span_attribute = output_span_attribute,
	.span_end = output_span_end,
	.now = host_now,
	.deadline = host_deadline,
	.cancelled = host_cancelled,
	.progress = host_progress,
	.state_directory = host_state_directory,
	.state_get = host_state_get,
	.state_set = host_state_set,
	.state_commit = host_state_commit,
	.operation_begin = host_operation_begin,
	.operation_step = journal_step,
	.operation_done = journal_done,
	.operation_end = journal_end,
	.operation_next = host_operation_next,
	.operation_name = journal_name,
	.operation_last = journal_last,
	.batch_info = host_batch_info,
	.batch_stream = host_batch_stream,
	.batch_next = batch_next,
	.batch_declarations = batch_declarations,
	.batch_acknowledge = batch_acknowledge,
	.batch_retry_after = batch_retry_after,
	.command_name = host_command_name,
	.command_argument = host_command_argument,
	.command_reply = host_command_reply,
	.watch = host_watch,
	.evidence_next = host_evidence_next,
	.evidence_check = evidence_check,
	.evidence_status = evidence_status,
	.evidence_age = evidence_age,
	.evidence_sample = evidence_sample,
	.span_at = host_span_at,
};

const struct gavea_host *host_table(void)
{
	return &table;
}
