/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/trim.h"
#include "core/manager/evidence.h"
#include "core/manager/manager_internal.h"
#include "core/manager/saved.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define MEMORY_LOOK_EVERY (2 * NSEC_PER_SEC)
#define FAREWELL (2 * NSEC_PER_SEC) /* for a last delivery */

/* ---- What the units tell ---- */

static void on_check_changed(struct check *check, void *userdata)
{
	struct manager *manager = userdata;

	if (manager->control)
		control_check_changed(manager->control, check);
}

static void stop_when_delivered(struct manager *manager);

static void on_output_changed(struct output *output, void *userdata)
{
	struct manager *manager = userdata;

	if (manager->control)
		control_output_changed(manager->control, output);
	if (manager->stopping)
		stop_when_delivered(manager);
}

static void on_check_made(struct check *check, void *userdata)
{
	struct manager *manager = userdata;
	Gavea__V1__Result *result = strmap_remove(&manager->restored, check_name(check));

	if (result)
		check_restore(check, result);
}

static void gather_evidence(const struct wants *wants, struct evidence *evidence, void *userdata)
{
	struct manager *manager = userdata;
	struct catalog *catalog = recorder_catalog(manager->recorder);
	int r = 0;

	for (size_t i = 0; i < manager->unit_count; i++) {
		size_t count;
		struct check *const *checks = unit_checks(manager->units[i], &count);

		for (size_t j = 0; r == 0 && j < count; j++)
			r = evidence_add(evidence, wants, checks[j], catalog);
	}
	if (r == 0)
		evidence_sort(evidence);
	else
		evidence_done(evidence); /* None is better than some: nothing is good that is not there. */
}

static int worker_cgroup(const char *plugin, uint64_t memory, void *userdata)
{
	struct manager *manager = userdata;

	return cgroup_worker(&manager->cgroup, plugin, memory);
}

/* ---- Flushing and saving ---- */

/* A flush does a bounded part of what the spool's bounds ask for; the rest in turns of the loop that have nothing else
 * to do. */
static void flush(struct manager *manager)
{
	struct spool *spool = recorder_spool(manager->recorder);

	spool_flush(spool);
	if (spool_unsettled(spool) && manager->settle)
		sd_event_source_set_enabled(manager->settle, SD_EVENT_ONESHOT);
}

static int all_checks(struct manager *manager, struct check ***ret_checks, size_t *ret_count)
{
	_cleanup_free_ struct check **all = NULL;
	size_t count = 0, room = 0;
	int r = 0;

	for (size_t i = 0; i < manager->unit_count; i++) {
		size_t n;
		struct check *const *checks = unit_checks(manager->units[i], &n);

		for (size_t j = 0; j < n && (r = GROW(all, count, room)) == 0; j++)
			all[count++] = checks[j];
	}
	if (r < 0)
		return r;
	*ret_checks = TAKE_PTR(all);
	*ret_count = count;
	return 0;
}

static int make_present(struct spool_batch *ret_batch, void *userdata)
{
	struct manager *manager = userdata;
	_cleanup_free_ struct check **all = NULL;
	size_t count;
	int r = all_checks(manager, &all, &count);

	return r < 0 ? r : present_make(&manager->present, all, count, ret_batch);
}

static void save_states(struct manager *manager)
{
	_cleanup_free_ struct check **all = NULL;
	size_t count;
	int r = all_checks(manager, &all, &count);

	if (r == 0)
		r = saved_write(manager->settings.state_directory, all, count);
	if (r < 0)
		log_error("cannot save the states of checks in %s: %s", manager->settings.state_directory,
			strerror(-r));
}

static int on_settle(sd_event_source *source, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	flush(manager);
	return 0;
}

/* Records came that should not wait: sync them and wake the outputs, once this turn of the loop is through.
 */
static int on_flush(sd_event_source *source, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	flush(manager);
	if (!manager->stopping)
		save_states(manager);
	for (size_t i = 0; i < manager->unit_count; i++)
		unit_urgent(manager->units[i]);
	return 0;
}

static void on_urgent(void *userdata)
{
	struct manager *manager = userdata;

	if (manager->flush)
		sd_event_source_set_enabled(manager->flush, SD_EVENT_ONESHOT);
}

static void look_at_clocks(struct manager *manager)
{
	struct clock_reading now = {
		.monotonic = clock_ns(CLOCK_MONOTONIC),
		.boottime = clock_ns(CLOCK_BOOTTIME),
		.realtime = clock_ns(CLOCK_REALTIME),
	};
	int64_t suspended, stepped;
	char text[32];

	clockwatch_look(&manager->clock, &now, &suspended, &stepped);
	if (suspended)
		recorder_note(manager->recorder, NULL, "resumed", GAVEA_OK, NULL, 0,
			"the machine was suspended for %s; nothing was checked meanwhile",
			format_duration_rough(text, suspended));
	if (stepped)
		recorder_note(manager->recorder, NULL, "clock-stepped", GAVEA_WARNING, NULL, 0,
			"the wall clock was set %s by %s", stepped > 0 ? "forward" : "back",
			format_duration_rough(text, llabs(stepped)));
}

static void again(sd_event_source *source, clockid_t clock, int64_t in)
{
	sd_event_source_set_time(source, (uint64_t)((clock_ns(clock) + in) / NSEC_PER_USEC));
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_flush_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)usec;
	look_at_clocks(manager);
	spool_report_watch(&manager->spool_report, manager->recorder);
	flush(manager);
	again(source, CLOCK_BOOTTIME, manager->config->flush_every);
	return 0;
}

static int on_memory_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)usec;
	for (size_t i = 0; i < manager->unit_count; i++)
		unit_watch_memory(manager->units[i]);
	again(source, CLOCK_MONOTONIC, MEMORY_LOOK_EVERY);
	return 0;
}

/* ---- Signals ---- */

/* In order: nothing is checked any more, what happened is told to those who listen, then the loop ends. */
static void stop_when_delivered(struct manager *manager)
{
	for (size_t i = 0; i < manager->unit_count; i++)
		if (unit_delivers(manager->units[i]))
			return;
	sd_event_exit(manager->event, 0);
}

static int on_farewell_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	return sd_event_exit(manager->event, 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)info;
	if (manager->stopping || !manager->config)
		return sd_event_exit(manager->event, 0);
	manager->stopping = true;
	sd_notify(false, "STOPPING=1\nSTATUS=Stopping");
	recorder_note(
		manager->recorder, NULL, "stopped", GAVEA_OK, NULL, 0, "gavead %s stopped", GAVEA_VERSION);
	save_states(manager);
	spool_flush(recorder_spool(manager->recorder));
	control_free(TAKE_PTR(manager->control));
	/* A configuration that would come now has nothing to be put into force in. */
	loader_free(TAKE_PTR(manager->loader));
	for (size_t i = 0; i < manager->unit_count; i++)
		unit_finish(manager->units[i]);
	again(manager->farewell, CLOCK_MONOTONIC, FAREWELL);
	stop_when_delivered(manager);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	int r = manager_reload(userdata);

	(void)source;
	(void)info;
	if (r < 0 && r != -EBUSY && r != -ESHUTDOWN)
		log_error("cannot reload: %s", strerror(-r));
	return 0;
}

static int watch_signals(struct manager *manager)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(manager->event, NULL, SIGTERM, on_terminate, manager);
	if (r >= 0)
		r = sd_event_add_signal(manager->event, NULL, SIGINT, on_terminate, manager);
	if (r >= 0)
		r = sd_event_add_signal(manager->event, NULL, SIGHUP, on_hangup, manager);
	return MIN(r, 0);
}

/* ---- What the control socket asks ---- */

static void describe_agent(
	Gavea__Control__V1__AgentStatus *status, struct spool_description *spool, void *userdata)
{
	struct manager *manager = userdata;

	status->name = manager->config->name;
	status->version = (char *)GAVEA_VERSION;
	status->agent_id = manager->identity.agent_id;
	status->started_at_ms = manager->started_ms;
	status->config_loaded_at_ms = manager->loaded_ms;
	status->config_errors = manager->reload_errors;
	status->n_config_errors = manager->reload_error_count;
	spool_describe(recorder_spool(manager->recorder), spool);
	spool->status.max_bytes = manager->config->spool_max_bytes;
	spool->status.max_age_ms = (uint64_t)(manager->config->spool_max_age / NSEC_PER_MSEC);
}

static struct unit *const *list_units(size_t *ret_count, void *userdata)
{
	struct manager *manager = userdata;

	*ret_count = manager->unit_count;
	return manager->units;
}

static int ask_reload(void *userdata)
{
	return manager_reload(userdata);
}

/* ---- Life ---- */

static int open_recorder(struct manager *manager)
{
	_cleanup_free_ char *folder = NULL;
	/* The configuration's own bound comes with it; until then nothing is dropped. */
	struct spool_settings settings = {.max_bytes = UINT64_MAX};
	_cleanup_(spool_closep) struct spool *spool = NULL;
	int r;

	if (asprintf(&folder, "%s/spool", manager->settings.state_directory) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	settings.folder = folder;
	settings.machine_id = manager->identity.machine_id;
	r = spool_open(&settings, &spool);
	if (r == 0)
		r = recorder_new(spool, on_urgent, manager, &manager->recorder);
	if (r == 0)
		TAKE_PTR(spool);
	return r;
}

static void make_environment(struct manager *manager)
{
	manager->env = (struct unit_env){
		.check = {.event = manager->event,
			.recorder = manager->recorder,
			.agent_id = manager->identity.agent_id,
			.changed = on_check_changed,
			.userdata = manager},
		.output = {.event = manager->event,
			.recorder = manager->recorder,
			.present = make_present,
			.changed = on_output_changed,
			.userdata = manager},
		.worker_program = manager->settings.worker_program,
		.state_directory = manager->settings.state_directory,
		.cgroup = manager->cgroup.folder >= 0 ? worker_cgroup : NULL,
		.next_number = &manager->next_number,
		.gather = gather_evidence,
		.made = on_check_made,
		.userdata = manager,
	};
}

static int add_sources(struct manager *manager)
{
	int r = sd_event_add_defer(manager->event, &manager->flush, on_flush, manager);

	if (r >= 0)
		r = sd_event_source_set_enabled(manager->flush, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(manager->flush, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_defer(manager->event, &manager->settle, on_settle, manager);
	if (r >= 0)
		r = sd_event_source_set_enabled(manager->settle, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(manager->settle, SD_EVENT_PRIORITY_IDLE + 1);
	if (r >= 0)
		r = sd_event_add_time(
			manager->event, &manager->flush_timer, CLOCK_BOOTTIME, 0, 0, on_flush_timer, manager);
	if (r >= 0)
		r = sd_event_source_set_enabled(manager->flush_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(manager->event, &manager->memory_timer, CLOCK_MONOTONIC, 0, 0,
			on_memory_timer, manager);
	if (r >= 0)
		r = sd_event_add_time(
			manager->event, &manager->farewell, CLOCK_MONOTONIC, 0, 0, on_farewell_over, manager);
	if (r >= 0)
		r = sd_event_source_set_enabled(manager->farewell, SD_EVENT_OFF);
	return MIN(r, 0);
}

static int listen_control(struct manager *manager, struct error *error)
{
	struct control_source source = {
		.agent = describe_agent,
		.units = list_units,
		.recorder = manager->recorder,
		.reload = ask_reload,
		.userdata = manager,
	};
	_cleanup_free_ char *path = NULL;
	int r = make_directories(manager->settings.run_directory, 0755);

	if (r < 0)
		return error_set(error, r, "%s: %s", manager->settings.run_directory, strerror(-r));
	if (asprintf(&path, "%s/control.sock", manager->settings.run_directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return control_new(manager->event, path, &source, &manager->control, error);
}

static void open_cgroup(struct manager *manager)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	if (manager->settings.cgroup && cgroup_open("/sys/fs/cgroup", &manager->cgroup, &error) < 0)
		log_notice("workers get no cgroups of their own: %s", error_text(&error, -ENOENT));
}

/* Checks that were there before the last stop and are not configured any more: nobody else would tell. */
static void tell_gone(struct manager *manager)
{
	const struct strmap_entry *entry;
	size_t position = 0;

	while ((entry = strmap_next(&manager->restored, &position))) {
		struct subject subject = {.number = manager->next_number++, .name = entry->key};

		recorder_check_gone(manager->recorder, &subject);
	}
	saved_done(&manager->restored);
}

static int start(struct manager *manager, struct error *error)
{
	int r = sd_event_default(&manager->event);

	if (r >= 0)
		r = watch_signals(manager);
	if (r >= 0)
		r = identity_load(manager->settings.state_directory, &manager->identity);
	if (r >= 0)
		r = open_recorder(manager);
	if (r >= 0)
		r = add_sources(manager);
	if (r < 0)
		return error_set(error, r, "cannot start: %s", strerror(-r));
	open_cgroup(manager);
	make_environment(manager);
	saved_load(manager->settings.state_directory, &manager->restored);
	r = manager_load(manager);
	while (r >= 0 && manager->loader)
		r = sd_event_run(manager->event, UINT64_MAX);
	if (r >= 0 && sd_event_get_state(manager->event) == SD_EVENT_FINISHED)
		r = -ESTALE;
	if (r == -ESTALE)
		return error_set(error, -ECANCELED, "told to stop while the configuration was loaded");
	if (r < 0)
		return error_set(error, r, "cannot load the configuration: %s", strerror(-r));
	if (!manager->config)
		return error_set(error, -EINVAL, "the configuration has %zu error%s",
			manager->reload_error_count, manager->reload_error_count == 1 ? "" : "s");
	tell_gone(manager);
	recorder_note(
		manager->recorder, NULL, "started", GAVEA_OK, NULL, 0, "gavead %s started", GAVEA_VERSION);
	spool_report_begin(&manager->spool_report, manager->recorder);
	again(manager->flush_timer, CLOCK_BOOTTIME, manager->config->flush_every);
	r = listen_control(manager, error);
	/* Asked for while the first one was loaded, from files that were read before. */
	if (r == 0 && manager->reload_again) {
		manager->reload_again = false;
		manager_reload(manager);
	}
	return r;
}

int manager_new(const struct manager_settings *settings, struct manager **ret_manager, struct error *error)
{
	_cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof *manager);
	int r;

	if (!manager)
		return -ENOMEM;
	manager->settings = *settings;
	manager->cgroup = (struct cgroup)CGROUP_INIT;
	manager->next_number = 1;
	manager->started_ms = clock_unix_ms();
	r = start(manager, error);
	if (r < 0)
		return r;
	*ret_manager = TAKE_PTR(manager);
	return 0;
}

int manager_run(struct manager *manager)
{
	sd_event_set_watchdog(manager->event, true);
	sd_notify(false, "READY=1\nSTATUS=Running");
	trim_memory();
	return sd_event_loop(manager->event);
}

/* Lets the workers end by themselves, for 3 s. */
static void stop_units(struct manager *manager)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + 3 * NSEC_PER_SEC;
	bool running = true;

	for (size_t i = 0; i < manager->unit_count; i++)
		unit_stop(manager->units[i]);
	/* The loop was told to end; what is left of it is waited for by hand. */
	while (running && clock_ns(CLOCK_MONOTONIC) < end) {
		running = false;
		for (size_t i = 0; i < manager->unit_count; i++) {
			pid_t pid = worker_pid(unit_worker(manager->units[i]));

			running |= pid > 0 && !worker_ended(unit_worker(manager->units[i]));
		}
		if (running)
			usleep(2000);
	}
	for (size_t i = 0; i < manager->unit_count; i++)
		unit_free(manager->units[i]);
	free(manager->units);
	manager->unit_count = 0;
}

void manager_free(struct manager *manager)
{
	if (!manager)
		return;
	manager->stopping = true;
	control_free(TAKE_PTR(manager->control));
	loader_free(manager->loader);
	stop_units(manager);
	recorder_free(manager->recorder);
	manager_forget_errors(manager);
	config_free(manager->config);
	facts_done(&manager->facts);
	saved_done(&manager->restored);
	cgroup_close(&manager->cgroup);
	sd_event_source_disable_unref(manager->flush);
	sd_event_source_disable_unref(manager->settle);
	sd_event_source_disable_unref(manager->flush_timer);
	sd_event_source_disable_unref(manager->memory_timer);
	sd_event_source_disable_unref(manager->farewell);
	sd_event_unref(manager->event);
	free(manager);
}
