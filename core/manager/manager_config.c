/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of the running manager: loaded, gone over to, loaded again. */
#include "base/clock.h"
#include "base/log.h"
#include "core/manager/manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

static struct unit *find_unit(struct manager *manager, const char *name)
{
	for (size_t i = 0; i < manager->unit_count; i++)
		if (streq(unit_config(manager->units[i])->name, name))
			return manager->units[i];
	return NULL;
}

static bool is_wanted(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->plugin_count; i++)
		if (streq(config->plugins[i].name, name))
			return true;
	return false;
}

static void drop_unit(struct manager *manager, size_t i)
{
	struct unit *unit = manager->units[i];
	size_t count;
	struct check *const *checks = unit_checks(unit, &count);

	for (size_t j = 0; j < count && manager->control; j++)
		control_forget(manager->control, check_name(checks[j]));
	unit_gone(unit);
	unit_free(unit);
	manager->units[i] = manager->units[--manager->unit_count];
}

/* Followers and waiting clients hear of checks that are about to go. */
static void forget_absent(struct manager *manager, struct unit *unit, const struct config_plugin *config)
{
	size_t count;
	struct check *const *checks = unit_checks(unit, &count);

	for (size_t i = 0; i < count; i++) {
		bool stays = false;

		for (size_t j = 0; j < config->check_count; j++)
			stays |= streq(config->checks[j].name, check_name(checks[i]));
		if (!stays && manager->control)
			control_forget(manager->control, check_name(checks[i]));
	}
}

static int add_unit(struct manager *manager, const struct config_plugin *config)
{
	struct unit **bigger = reallocarray(manager->units, manager->unit_count + 1, sizeof *bigger);
	int r;

	if (!bigger)
		return -ENOMEM;
	manager->units = bigger;
	r = unit_new(&manager->env, config, &manager->units[manager->unit_count]);
	if (r < 0)
		return r;
	manager->unit_count++;
	unit_start(manager->units[manager->unit_count - 1]);
	return 0;
}

static int apply_environment(struct manager *manager, const struct config *config)
{
	struct facts facts = FACTS_INIT;
	int r = facts_make(&facts, &manager->identity, config);

	if (r < 0) {
		facts_done(&facts);
		return r;
	}
	facts_done(&manager->facts);
	manager->facts = facts;
	manager->env.output.facts = facts.facts;
	manager->env.output.fact_count = facts.count;
	manager->env.output.backlog_rate = config->backlog_rate;
	manager->env.worker_idle = config->worker_idle;
	log_set_level(config->log_level);
	return 0;
}

/* Goes over to a good configuration, which it takes. */
static void apply(struct manager *manager, struct config *config)
{
	struct config *old = TAKE_PTR(manager->config);
	int r = apply_environment(manager, config);

	manager->config = config;
	manager->loaded_ms = clock_unix_ms();
	for (size_t i = manager->unit_count; i > 0; i--)
		if (!is_wanted(config, unit_config(manager->units[i - 1])->name))
			drop_unit(manager, i - 1);
	/* A failure does not end this: nothing may go on with the old configuration, which is freed. */
	for (size_t i = 0; i < config->plugin_count; i++) {
		struct unit *unit = find_unit(manager, config->plugins[i].name);
		int s;

		if (unit) {
			forget_absent(manager, unit, &config->plugins[i]);
			s = unit_apply(unit, &config->plugins[i]);
		} else {
			s = add_unit(manager, &config->plugins[i]);
		}
		if (r == 0)
			r = s;
	}
	/* Not before the outputs are there: what nobody waits for is not kept. */
	spool_set_max_bytes(recorder_spool(manager->recorder), config->spool_max_bytes);
	spool_set_max_age(recorder_spool(manager->recorder), config->spool_max_age);
	if (r < 0)
		log_error("the new configuration is only partly in force: %s", strerror(-r));
	config_free(old);
}

void manager_forget_errors(struct manager *manager)
{
	for (size_t i = 0; i < manager->reload_error_count; i++)
		free(manager->reload_errors[i]);
	free(TAKE_PTR(manager->reload_errors));
	manager->reload_error_count = 0;
}

static void keep_errors(struct manager *manager, const struct config_errors *errors)
{
	manager_forget_errors(manager);
	manager->reload_errors = calloc(errors->count + 1, sizeof *manager->reload_errors);
	for (size_t i = 0; manager->reload_errors && i < errors->count; i++) {
		const struct error *error = &errors->errors[i];
		char *line;

		if (asprintf(&line, "%s%s%s", error->where ? error->where : "", error->where ? ": " : "",
			    error_text(error, -EINVAL)) < 0)
			break;
		log_error("%s", line);
		manager->reload_errors[manager->reload_error_count++] = line;
	}
}

static void note_reload(struct manager *manager)
{
	struct gavea_pair first = {
		"first_error", manager->reload_error_count ? manager->reload_errors[0] : ""};

	recorder_trace(manager->recorder, "reload", manager->reload_began,
		manager->reload_error_count ? manager->reload_errors[0] : NULL, NULL, 0);
	if (manager->reload_error_count)
		recorder_note(manager->recorder, NULL, "reload-failed", GAVEA_WARNING, &first, 1,
			"the new configuration has %zu error%s; the old one stays in force",
			manager->reload_error_count, manager->reload_error_count == 1 ? "" : "s");
	else
		recorder_note(
			manager->recorder, NULL, "reloaded", GAVEA_OK, NULL, 0, "configuration reloaded");
}

static void on_loaded(struct config *config, const struct config_errors *errors, void *userdata)
{
	struct manager *manager = userdata;
	bool first = !manager->config;

	loader_free(TAKE_PTR(manager->loader));
	keep_errors(manager, errors);
	if (config)
		apply(manager, config);
	if (first)
		return;
	note_reload(manager);
	if (manager->reload_again) {
		manager->reload_again = false;
		if (manager_reload(manager) == 0)
			return;
	}
	sd_notifyf(false, "READY=1\nSTATUS=%s",
		config ? "Running" : "Running; the last reload failed, see the log");
	control_reloaded(manager->control, manager->reload_errors, manager->reload_error_count);
}

static bool needs_new_worker(const struct config_plugin *plugin, void *userdata)
{
	struct unit *unit = find_unit(userdata, plugin->name);

	return !unit || unit_needs_worker(unit, plugin);
}

int manager_load(struct manager *manager)
{
	struct loader_settings settings = {
		.config_directory = manager->settings.config_directory,
		.plugin_directory = manager->settings.plugin_directory,
		.worker_program = manager->settings.worker_program,
		.state_directory = manager->settings.state_directory,
		/* At the start there is nothing to fall back on: what does not start is told as such. */
		.wants_trial = manager->config ? needs_new_worker : NULL,
	};

	return loader_start(manager->event, &settings, on_loaded, manager, &manager->loader);
}

int manager_reload(struct manager *manager)
{
	if (manager->stopping)
		return -ESHUTDOWN;
	if (manager->loader) {
		/* The files may have changed after they were read: once more, for all who asked meanwhile. */
		manager->reload_again = true;
		return -EBUSY;
	}
	manager->reload_began = clock_ns(CLOCK_MONOTONIC);
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, clock_ns(CLOCK_MONOTONIC) / NSEC_PER_USEC);
	return manager_load(manager);
}
