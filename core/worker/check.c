/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/check.h"
#include "base/fd.h"
#include "core/worker/folder.h"

int check_new(struct services *services, uint32_t number, const char *name, struct check **ret_check)
{
	struct check *check = calloc(1, sizeof *check);

	if (check)
		check->name = strdup(name);
	if (!check || !check->name) {
		free(check);
		return -ENOMEM;
	}
	check->base.host = services->host;
	check->services = services;
	check->number = number;
	*ret_check = check;
	return 0;
}

static void forget_open(struct check *check)
{
	free(TAKE_PTR(check->refusal));
	options_free(TAKE_PTR(check->options));
	thresholds_free(TAKE_PTR(check->thresholds));
	watches_done(&check->watches);
	journal_free(TAKE_PTR(check->journal));
	kv_done(&check->kv);
	free(TAKE_PTR(check->folder));
	free(TAKE_PTR(check->files));
	check->state = NULL;
}

void check_free(struct check *check)
{
	if (!check)
		return;
	forget_open(check);
	series_forget(check->services->registry, check->number);
	held_done(&check->held);
	strmap_done(&check->told_keys, NULL);
	free(check->name);
	free(check);
}

/* A plugin calls while one of its callbacks runs: else there is nowhere to say it. */
static void on_operation(const struct journal_span *span, void *userdata)
{
	struct check *check = userdata;

	if (check->job)
		output_span_whole(check->job->output, span);
}

static int prepare_state(struct check *check, struct error *error)
{
	_cleanup_free_ char *state = NULL, *journal = NULL;
	int r;

	if (check->keeps_state) {
		check->folder = folder_of_check(check->services->state_directory, check->name);
		if (!check->folder)
			return error_set(
				error, -ENAMETOOLONG, "the name of %s is too long for a folder", check->name);
		check->files = folder_join(check->folder, "files");
		state = folder_join(check->folder, "state.kv");
		journal = folder_join(check->folder, "operations.journal");
		if (!check->files || !state || !journal)
			return -ENOMEM;
	}
	r = kv_init(&check->kv, state);
	if (r == 0)
		r = journal_open(journal, &check->journal, error);
	if (r == 0)
		journal_trace(check->journal, on_operation, check);
	return r;
}

int check_prepare(struct check *check, const Gavea__Worker__V1__Open *open, struct error *error)
{
	int r;

	forget_open(check);
	check->keeps_state = !open->stateless && check->services->state_directory;
	r = options_new(check->services->plugin, open->options, open->n_options, &check->options, error);
	if (r == 0)
		r = thresholds_new(open, check->services->registry, &check->thresholds, error);
	return r < 0 ? r : prepare_state(check, error);
}

void check_begin(struct check *check, struct job *job)
{
	bool open = job->kind == JOB_OPEN || job->kind == JOB_CLOSE;

	check->job = job;
	output_begin(job->output, check->number, job->number, open ? &check->held : NULL);
	if (!open)
		output_send_held(job->output, &check->held);
}

void check_end(struct check *check, bool sent)
{
	struct job *job = check->job;

	output_end(job->output, sent);
	if (job->log_lines > LOG_LINES_MAX)
		channel_log(&check->services->channel, check->number, GAVEA_LOG_WARNING,
			"%u more log lines of this run were left out", job->log_lines - LOG_LINES_MAX);
	kv_rollback(&check->kv);
	check->job = NULL;
}

int check_make_folder(struct check *check)
{
	return check->keeps_state ? make_directories(check->folder, 0700) : -ENOENT;
}

void check_misuse(struct check *check, enum misuse misuse, const char *text)
{
	if (check->told & (unsigned)misuse)
		return;
	check->told |= (unsigned)misuse;
	channel_log(&check->services->channel, check->number, GAVEA_LOG_WARNING,
		"a mistake in the plugin: %s", text);
}
