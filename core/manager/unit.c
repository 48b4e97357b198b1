/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/unit.h"
#include "base/log.h"
#include "core/manager/series_map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct unit {
	const struct unit_env *env;
	const struct config_plugin *config;
	struct worker *worker;
	struct series_map map;
	struct check **checks;
	size_t check_count;
	size_t check_room;
	struct output **outputs;
	size_t output_count;
	size_t output_room;
	struct timespec file_time; /* of the plugin's file, when it was loaded */
	uint64_t file_size;
	bool started;
	bool traced; /* that its worker was started, since it last died or was replaced */
};

/* ---- What the worker says ---- */

static void on_ready(struct worker *worker, void *userdata)
{
	struct unit *unit = userdata;
	const struct gavea_pair attributes[] = {{"plugin", unit->config->name}};

	series_map_reset(&unit->map);
	/* Not each time that it was only let go because nothing was due. */
	if (!unit->traced)
		recorder_trace(unit->env->check.recorder, "worker start", worker_started_at(worker), NULL,
			attributes, 1);
	unit->traced = true;
}

static void on_available(struct worker *worker, void *userdata)
{
	struct unit *unit = userdata;

	(void)worker;
	for (size_t i = 0; i < unit->check_count; i++)
		check_available(unit->checks[i]);
}

/* A command's job points to its struct command_job; whoever submitted it hears of the end there. */
static void end_command(struct worker_job *job, const Gavea__Worker__V1__Done *done, const char *cause)
{
	struct command_job *command = job->userdata;

	command->answered(command, done, cause);
}

static void command_output(struct unit *unit, uint32_t number, Gavea__Worker__V1__Output *output)
{
	for (size_t i = 0; i < unit->check_count; i++)
		if (check_number(unit->checks[i]) == number)
			check_said(unit->checks[i], output);
}

static void on_output(
	struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Output *output, void *userdata)
{
	(void)worker;
	if (job->kind == JOB_RUN)
		check_output(job->userdata, output);
	else if (job->kind == JOB_DELIVER)
		output_events(job->userdata, output);
	else
		command_output(userdata, job->check, output);
}

static void on_done(
	struct worker *worker, struct worker_job *job, Gavea__Worker__V1__Done *done, void *userdata)
{
	(void)worker;
	(void)userdata;
	if (job->kind == JOB_RUN)
		check_done(job->userdata, done);
	else if (job->kind == JOB_DELIVER)
		output_done(job->userdata, done);
	else
		end_command(job, done, NULL);
}

static void on_lost(struct worker *worker, struct worker_job *job, const char *cause, void *userdata)
{
	(void)worker;
	(void)userdata;
	if (job->kind == JOB_RUN)
		check_lost(job->userdata, cause);
	else if (job->kind == JOB_DELIVER)
		output_lost(job->userdata, cause);
	else
		end_command(job, NULL, cause);
}

static void on_progress(
	struct worker *worker, struct worker_job *job, double done, const char *what, void *userdata)
{
	(void)worker;
	(void)userdata;
	if (job->kind == JOB_RUN)
		check_progress(job->userdata, done, what);
}

static void on_died(struct worker *worker, const char *cause, void *userdata)
{
	struct unit *unit = userdata;
	struct gavea_pair attributes[] = {{"plugin", unit->config->name}};

	recorder_note(unit->env->check.recorder, NULL, "worker-died", GAVEA_WARNING, attributes, 1, "%s: %s",
		unit->config->name, cause);
	recorder_trace(unit->env->check.recorder, "worker", worker_started_at(worker), cause, attributes, 1);
	unit->traced = false;
}

static void on_evidence(
	struct worker *worker, const struct wants *wants, struct evidence *evidence, void *userdata)
{
	struct unit *unit = userdata;

	(void)worker;
	unit->env->gather(wants, evidence, unit->env->userdata);
}

static const struct worker_handler handler = {
	.ready = on_ready,
	.available = on_available,
	.output = on_output,
	.done = on_done,
	.lost = on_lost,
	.progress = on_progress,
	.evidence = on_evidence,
	.died = on_died,
};

/* ---- Checks and outputs ---- */

static int add_output(struct unit *unit, const struct config_check *config)
{
	int r;

	if (GROW(unit->outputs, unit->output_count, unit->output_room) < 0)
		return -ENOMEM;
	r = output_new(&unit->env->output, (*unit->env->next_number)++, config, unit->worker,
		&unit->outputs[unit->output_count]);
	if (r < 0)
		return r;
	unit->output_count++;
	if (unit->started)
		output_start(unit->outputs[unit->output_count - 1]);
	return 0;
}

static int add_check(struct unit *unit, const struct config_check *config)
{
	struct check *check;
	int r;

	if (unit->config->description->delivers)
		return add_output(unit, config);
	if (GROW(unit->checks, unit->check_count, unit->check_room) < 0)
		return -ENOMEM;
	r = check_new(&unit->env->check, (*unit->env->next_number)++, config, unit->config->description->runs,
		unit->worker, &check);
	if (r < 0)
		return r;
	check_use_map(check, &unit->map);
	unit->checks[unit->check_count++] = check;
	unit->env->made(check, unit->env->userdata);
	if (unit->started)
		check_start(check);
	return 0;
}

static const struct config_check *find_config(const struct config_plugin *config, const char *name)
{
	for (size_t i = 0; i < config->check_count; i++)
		if (streq(config->checks[i].name, name))
			return &config->checks[i];
	return NULL;
}

static bool has_check(const struct unit *unit, const char *name)
{
	for (size_t i = 0; i < unit->check_count; i++)
		if (streq(check_name(unit->checks[i]), name))
			return true;
	for (size_t i = 0; i < unit->output_count; i++)
		if (streq(output_name(unit->outputs[i]), name))
			return true;
	return false;
}

/* ---- The worker ---- */

static void remember_file(struct unit *unit)
{
	struct stat st;

	if (stat(unit->config->path, &st) < 0)
		return;
	unit->file_time = st.st_mtim;
	unit->file_size = (uint64_t)st.st_size;
}

static bool file_changed(const struct unit *unit, const char *path)
{
	struct stat st;

	return !streq(unit->config->path, path) || stat(path, &st) < 0 ||
		st.st_mtim.tv_sec != unit->file_time.tv_sec ||
		st.st_mtim.tv_nsec != unit->file_time.tv_nsec || (uint64_t)st.st_size != unit->file_size;
}

static int make_worker(struct unit *unit)
{
	const struct unit_env *env = unit->env;
	_cleanup_free_ char *state = NULL;
	struct worker_settings settings = {
		.program = env->worker_program, .idle = env->worker_idle, .cgroup = -1};

	if (asprintf(&state, "%s/plugins/%s", env->state_directory, unit->config->name) < 0)
		return -ENOMEM;
	settings.state_directory = state;
	if (env->cgroup)
		settings.cgroup =
			env->cgroup(unit->config->name, unit->config->rights->memory, env->userdata);
	remember_file(unit);
	unit->traced = false;
	return worker_new(env->check.event, unit->config, &settings, &handler, unit, &unit->worker);
}

static bool same_rights(const Gavea__Worker__V1__Rights *a, const Gavea__Worker__V1__Rights *b)
{
	size_t size = gavea__worker__v1__rights__get_packed_size(a);
	_cleanup_free_ uint8_t *x = NULL, *y = NULL;

	if (gavea__worker__v1__rights__get_packed_size(b) != size)
		return false;
	x = malloc(size + 1);
	y = malloc(size + 1);
	if (!x || !y)
		return false;
	gavea__worker__v1__rights__pack(a, x);
	gavea__worker__v1__rights__pack(b, y);
	return memcmp(x, y, size) == 0;
}

bool unit_needs_worker(const struct unit *unit, const struct config_plugin *config)
{
	return file_changed(unit, config->path) || !same_rights(unit->config->rights, config->rights);
}

/* ---- Life ---- */

int unit_new(const struct unit_env *env, const struct config_plugin *config, struct unit **ret_unit)
{
	_cleanup_(unit_freep) struct unit *unit = calloc(1, sizeof *unit);
	int r;

	if (!unit)
		return -ENOMEM;
	unit->env = env;
	unit->config = config;
	r = make_worker(unit);
	for (size_t i = 0; r == 0 && i < config->check_count; i++)
		r = add_check(unit, &config->checks[i]);
	if (r < 0)
		return r;
	*ret_unit = TAKE_PTR(unit);
	return 0;
}

static void free_checks(struct unit *unit)
{
	for (size_t i = 0; i < unit->check_count; i++)
		check_free(unit->checks[i]);
	unit->check_count = 0;
}

static void free_outputs(struct unit *unit)
{
	for (size_t i = 0; i < unit->output_count; i++)
		output_free(unit->outputs[i]);
	unit->output_count = 0;
}

void unit_finish(struct unit *unit)
{
	free_checks(unit);
	for (size_t i = 0; i < unit->output_count; i++)
		output_last(unit->outputs[i]);
}

bool unit_delivers(const struct unit *unit)
{
	for (size_t i = 0; i < unit->output_count; i++)
		if (output_busy(unit->outputs[i]))
			return true;
	return false;
}

void unit_stop(struct unit *unit)
{
	free_checks(unit);
	free_outputs(unit);
	worker_release(unit->worker);
}

void unit_free(struct unit *unit)
{
	if (!unit)
		return;
	free_checks(unit);
	free_outputs(unit);
	worker_free(unit->worker);
	series_map_done(&unit->map);
	free(unit->checks);
	free(unit->outputs);
	free(unit);
}

void unit_start(struct unit *unit)
{
	unit->started = true;
	for (size_t i = 0; i < unit->check_count; i++)
		check_start(unit->checks[i]);
	for (size_t i = 0; i < unit->output_count; i++)
		output_start(unit->outputs[i]);
}

static void drop_absent(struct unit *unit, const struct config_plugin *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < unit->check_count; i++) {
		struct check *check = unit->checks[i];

		if (find_config(config, check_name(check))) {
			unit->checks[kept++] = check;
			continue;
		}
		check_gone(check);
		check_free(check);
	}
	unit->check_count = kept;
	kept = 0;
	for (size_t i = 0; i < unit->output_count; i++) {
		struct output *output = unit->outputs[i];

		if (find_config(config, output_name(output))) {
			unit->outputs[kept++] = output;
			continue;
		}
		output_gone(output);
		output_free(output);
	}
	unit->output_count = kept;
}

int unit_apply(struct unit *unit, const struct config_plugin *config)
{
	struct worker *old = NULL;
	int r = 0;

	drop_absent(unit, config);
	if (unit_needs_worker(unit, config)) {
		old = TAKE_PTR(unit->worker);
		unit->config = config;
		r = make_worker(unit);
		/* Whatever fails, the old configuration is about to go: all that is kept moves to the new one. */
		if (r < 0)
			unit->worker = TAKE_PTR(old);
		else
			series_map_reset(&unit->map);
	}
	unit->config = config;
	worker_set_plugin(unit->worker, config, unit->env->worker_idle);
	for (size_t i = 0; i < unit->check_count; i++)
		check_set_config(unit->checks[i], find_config(config, check_name(unit->checks[i])),
			config->description->runs, unit->worker);
	for (size_t i = 0; i < unit->output_count; i++)
		output_set_config(
			unit->outputs[i], find_config(config, output_name(unit->outputs[i])), unit->worker);
	for (size_t i = 0; r == 0 && i < config->check_count; i++)
		if (!has_check(unit, config->checks[i].name))
			r = add_check(unit, &config->checks[i]);
	worker_free(old);
	return r;
}

void unit_gone(struct unit *unit)
{
	for (size_t i = 0; i < unit->check_count; i++)
		check_gone(unit->checks[i]);
	for (size_t i = 0; i < unit->output_count; i++)
		output_gone(unit->outputs[i]);
}

void unit_urgent(struct unit *unit)
{
	for (size_t i = 0; i < unit->output_count; i++)
		output_urgent(unit->outputs[i]);
}

void unit_watch_memory(struct unit *unit)
{
	if (worker_busy(unit->worker))
		worker_watch_memory(unit->worker);
}

const struct config_plugin *unit_config(const struct unit *unit)
{
	return unit->config;
}

struct worker *unit_worker(const struct unit *unit)
{
	return unit->worker;
}

struct check *const *unit_checks(const struct unit *unit, size_t *ret_count)
{
	*ret_count = unit->check_count;
	return unit->checks;
}

struct output *const *unit_outputs(const struct unit *unit, size_t *ret_count)
{
	*ret_count = unit->output_count;
	return unit->outputs;
}
