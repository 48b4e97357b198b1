/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exec plugin: runs a program of the kind that Nagios runs, and takes its exit status, summary, long output and
 * perfdata. This file has the options and one run.
 */
#include "metrics.h"
#include "output.h"
#include "settings.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/status.h"

#include <errno.h>
#include <stdio.h>

#define RESERVE NSEC_PER_SEC /* before the deadline, for the end of what does not end by itself */

enum series { DURATION, CPU, MEMORY, SERIES };

struct exec {
	struct settings settings;
	struct metrics metrics;
	int series[SERIES];
	struct program_result result;
	struct output output;
	struct buf reason;
	struct buf malformed;
};

static void exec_free(struct exec *exec)
{
	settings_done(&exec->settings);
	metrics_done(&exec->metrics);
	program_result_done(&exec->result);
	output_done(&exec->output);
	buf_done(&exec->reason);
	buf_done(&exec->malformed);
	free(exec);
}
DEFINE_CLEANUP(struct exec *, exec_free);

static void open_series(struct exec *exec, struct gavea_check *check)
{
	exec->series[DURATION] = gavea_series(check, "gavea_exec_duration_seconds", GAVEA_GAUGE, "seconds",
		"How long the program ran", NULL, 0);
	exec->series[CPU] = gavea_series(check, "gavea_exec_cpu_seconds", GAVEA_GAUGE, "seconds",
		"Processor time of the program and its children", NULL, 0);
	exec->series[MEMORY] = gavea_series(check, "gavea_exec_max_resident_bytes", GAVEA_GAUGE, "bytes",
		"Most memory that the program, or one of its children, held", NULL, 0);
}

static bool is_cancelled(void *check)
{
	return gavea_cancelled(check);
}

static int exec_open(struct gavea_check *check, void **ret_state)
{
	_cleanup_(exec_freep) struct exec *exec = calloc(1, sizeof *exec);
	int r;

	if (!exec)
		return gavea_fail(check, -ENOMEM, "out of memory");
	r = settings_open(&exec->settings, check);
	if (r == 0)
		r = metrics_open(&exec->metrics, check);
	if (r < 0)
		return r;
	exec->settings.program.cancelled = is_cancelled;
	exec->settings.program.userdata = check;
	open_series(exec, check);
	*ret_state = TAKE_PTR(exec);
	return 0;
}

static void exec_close(struct gavea_check *check, void *state)
{
	(void)check;
	exec_free(state);
}

/* ---- One run ---- */

/* What the program's end means; why is set unless its exit status says it all. */
static enum gavea_status judge_end(const struct exec *exec, char why[static 128])
{
	const struct program_result *result = &exec->result;
	char text[64];
	uint8_t status;

	if (result->stuck) {
		snprintf(why, 128, "hangs in the kernel, not even SIGKILL ended it");
		return exec->settings.timeout_status;
	}
	if (result->end == PROGRAM_TIMED_OUT) {
		char after[32];

		snprintf(why, 128, "timed out after %s%s", format_duration_rough(after, result->elapsed),
			result->killed ? ", and ignored SIGTERM" : "");
		return exec->settings.timeout_status;
	}
	if (result->end != PROGRAM_EXITED) {
		snprintf(why, 128, "%s", program_end_text(text, result));
		return GAVEA_UNKNOWN;
	}
	status = exec->settings.codes.status[result->code];
	if (status != CODE_UNMAPPED || result->code == GAVEA_UNKNOWN)
		return status == CODE_UNMAPPED ? GAVEA_UNKNOWN : (enum gavea_status)status;
	snprintf(why, 128, "exit status %d means nothing%s", result->code,
		result->code == 126           ? ": a program that it calls may not be run"
			: result->code == 127 ? ": a program that it calls is not there"
					      : "");
	return GAVEA_UNKNOWN;
}

/* The program itself, as an item, with what does not fit into a line. */
static void show_program(
	struct exec *exec, struct gavea_check *check, enum gavea_status status, const char *why)
{
	const struct program_result *result = &exec->result;
	const char *slash = strrchr(exec->settings.path, '/');
	struct gavea_item *item =
		gavea_item(check, slash + 1, status, "%s", *why ? why : exec->output.summary);
	char code[16];

	if (result->end == PROGRAM_EXITED && !result->stuck) {
		snprintf(code, sizeof code, "%d", result->code);
		gavea_item_attribute(check, item, "exit_status", code);
	}
	if (*exec->output.text)
		gavea_item_attribute(check, item, "output", exec->output.text);
	if (result->output_cut)
		gavea_item_attribute(check, item, "output_cut", "the program wrote more than output_max");
	if (result->errors.size)
		gavea_item_attribute(check, item, "stderr", buf_str(&result->errors));
	if (exec->malformed.size)
		gavea_item_attribute(check, item, "malformed_perfdata", buf_str(&exec->malformed));
	if (result->held)
		gavea_item_attribute(
			check, item, "left_behind", "a child of the program held its output open");
}

static void sample_run(const struct exec *exec, struct gavea_check *check)
{
	const struct rusage *usage = &exec->result.usage;
	double cpu = (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
		(double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;

	gavea_sample(check, exec->series[DURATION], (double)exec->result.elapsed / 1e9);
	if (exec->result.stuck)
		return;
	gavea_sample(check, exec->series[CPU], cpu);
	gavea_sample(check, exec->series[MEMORY], (double)usage->ru_maxrss * 1024);
}

/* What it said: its summary, or the first line of its errors when it said nothing else. */
static const char *said(struct exec *exec)
{
	char *errors = exec->result.errors.data;

	if (*exec->output.summary)
		return exec->output.summary;
	if (!exec->result.errors.size)
		return "no output";
	errors += strspn(errors, "\r\n\t ");
	errors[strcspn(errors, "\r\n")] = '\0';
	return errors;
}

static void say(struct exec *exec, struct gavea_check *check)
{
	enum gavea_status status, by_thresholds = GAVEA_OK;
	char why[128] = "";

	status = judge_end(exec, why);
	buf_reset(&exec->reason);
	buf_reset(&exec->malformed);
	if (exec->result.end == PROGRAM_EXITED)
		metrics_take(&exec->metrics,
			exec->output.perfdata.data ? exec->output.perfdata.data : (char[]){""}, status,
			&by_thresholds, &exec->reason, &exec->malformed);
	show_program(exec, check, status, why);
	if (*why)
		gavea_result(
			check, status, "%s %s; %s", strrchr(exec->settings.path, '/') + 1, why, said(exec));
	else if (exec->reason.size)
		gavea_result(check, status_worst(status, by_thresholds), "%s; %s", buf_str(&exec->reason),
			said(exec));
	else
		gavea_result(check, status, "%s", said(exec));
}

static int exec_run(struct gavea_check *check, void *state)
{
	struct exec *exec = state;
	int64_t deadline = gavea_deadline(check), reserve = RESERVE;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (deadline != INT64_MAX) {
		reserve = MIN(reserve, MAX((deadline - gavea_now(check)) / 5, INT64_C(0)));
		deadline -= reserve;
	}
	exec->settings.program.deadline = deadline;
	exec->settings.program.grace = reserve / 2;
	r = program_run(&exec->settings.program, &exec->result, &error);
	if (r == -EACCES)
		return gavea_fail(check, r,
			"%s; programs are run from below /usr, /bin, /sbin, /lib, /etc, /opt and read_paths",
			error_text(&error, r));
	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	if (exec->result.end == PROGRAM_CANCELLED)
		return gavea_fail(check, -ECANCELED, "cancelled");
	r = output_split(&exec->result.output, &exec->output);
	if (r < 0 || buf_error(&exec->result.errors) < 0)
		return gavea_fail(check, -ENOMEM, "out of memory");
	sample_run(exec, check);
	say(exec, check);
	return 0;
}

static const struct gavea_option options[] = {
	{"command", GAVEA_OPTION_STRINGS, GAVEA_OPTION_REQUIRED, NULL, NULL,
		"The program, an absolute path or the name of one in " NAGIOS_FOLDER
		", and its arguments; no shell"},
	{"environment", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Its environment as NAME=VALUE, beside PATH and LANG=C.UTF-8; nothing else is passed on"},
	{"secret_environment", GAVEA_OPTION_SECRET, 0, NULL, NULL,
		"More of its environment, which is never shown: lines of NAME=VALUE, those with # in front "
		"left out"},
	{"user", GAVEA_OPTION_STRING, 0, NULL, NULL,
		"User to run it as; the service needs CAP_SETUID, CAP_SETGID and CAP_KILL for that"},
	{"directory", GAVEA_OPTION_STRING, 0, "/", NULL, "Folder to run it in"},
	{"warning", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"Thresholds on its perfdata beyond its own, as LABEL=RANGE: \"load1=5\", \"rta=> 200ms\", "
		"\"/=@90%:\""},
	{"critical", GAVEA_OPTION_STRINGS, 0, NULL, NULL, "Likewise, for critical"},
	{"ok_codes", GAVEA_OPTION_STRINGS, 0, "0", NULL, "Exit statuses that mean ok, such as 0 or 10-19"},
	{"warning_codes", GAVEA_OPTION_STRINGS, 0, "1", NULL, "Exit statuses that mean a warning"},
	{"critical_codes", GAVEA_OPTION_STRINGS, 0, "2", NULL,
		"Exit statuses that mean critical; all others are unknown"},
	{"timeout_status", GAVEA_OPTION_CHOICE, 0, "unknown", "unknown|warning|critical",
		"What it means when the program does not end in time"},
	{"output_max", GAVEA_OPTION_SIZE, 0, "64KiB", "1KiB..1MiB",
		"How much of its output is kept; the rest is read and dropped"},
	{"read_paths", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"What it may read and run beyond /usr, /etc, /opt, /proc and /sys, for all checks of this "
		"plugin"},
	{"write_paths", GAVEA_OPTION_STRINGS, 0, NULL, NULL,
		"What it may write, for all checks of this plugin"},
};

static const char *const capabilities[] = {"CAP_SETUID", "CAP_SETGID", "CAP_KILL", NULL};
static const char *const read_paths[] = {"${read_paths}", NULL};
static const char *const write_paths[] = {"${write_paths}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof(needs),
	.network = GAVEA_NETWORK_CLIENT,
	.exec = 1,
	.concurrency = 16,
	.memory = 256u << 20, /* of all programs together: they share the worker's cgroup */
	.open_files = 1024,
	.capabilities = capabilities,
	.read_paths = read_paths,
	.write_paths = write_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(plugin),
	.name = "exec",
	.version = GAVEA_VERSION,
	.summary = "Programs that check something, as Nagios runs them: exit status, output and perfdata",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.option_size = sizeof(options[0]),
	.needs = &needs,
	.open = exec_open,
	.run = exec_run,
	.close = exec_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
