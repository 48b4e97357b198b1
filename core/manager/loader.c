/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/loader.h"
#include "agent/link.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/manager/described.h"

#include <errno.h>
#include <stdio.h>

#define DESCRIBE_TIMEOUT (10 * NSEC_PER_SEC) /* for all of them, and for all trials */

struct description {
	struct loader *loader;
	char *plugin;
	char *path;
	struct link *link;
	sd_event_source *io;
};

/* A worker that is only seen to start. */
struct trial {
	struct loader *loader;
	const struct config_plugin *plugin;
	struct link *link;
	sd_event_source *io;
};

struct loader {
	sd_event *event;
	struct loader_settings settings;
	loader_done done;
	void *userdata;
	struct config_files *files;
	struct config_errors errors;
	struct described described; /* from earlier */
	struct description *descriptions;
	size_t count;
	size_t waiting;
	struct config *config; /* resolved, while its workers are tried */
	struct trial *trials;
	size_t trial_count;
	sd_event_source *timer;
	sd_event_source *next; /* when nobody is waited for any more */
	bool resolved;
	bool freed; /* from within done() */
	bool finishing;
};

/* There may be news of a worker that starts, in its socket or of its end: 1 with *ret_hello, 0: wait on, -errno with error
 * filled. */
static int hear(
	sd_event_source *source, struct link *link, Gavea__Worker__V1__Hello **ret_hello, struct error *error)
{
	int r = link_described(link, ret_hello, error);

	if (r == 0)
		return 1;
	/* It will say no more, so that only its end is of interest. */
	if (r == -EINPROGRESS)
		r = sd_event_source_set_io_fd(source, link_pidfd(link));
	return r == -EAGAIN ? 0 : MIN(r, 0);
}

static void end_description(struct description *description)
{
	sd_event_source_disable_unref(TAKE_PTR(description->io));
	link_free(TAKE_PTR(description->link));
}

static void finish(struct loader *loader)
{
	struct config *config = TAKE_PTR(loader->config);

	if (loader->errors.count > 0) {
		config_free(config);
		config = NULL;
	}
	loader->finishing = true;
	loader->done(config, &loader->errors, loader->userdata);
	loader->finishing = false;
	if (loader->freed)
		loader_free(loader);
}

static void one_less(struct loader *loader)
{
	loader->waiting--;
	if (loader->waiting == 0)
		sd_event_source_set_enabled(loader->next, SD_EVENT_ONESHOT);
}

/* ---- Trials ---- */

static void end_trial(struct trial *trial, const char *error)
{
	sd_event_source_disable_unref(TAKE_PTR(trial->io));
	link_free(TAKE_PTR(trial->link));
	if (error)
		config_error(&trial->loader->errors, NULL, 0, "%s: its worker does not start: %s",
			trial->plugin->name, error);
	one_less(trial->loader);
}

static int on_trial(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct trial *trial = userdata;
	_cleanup_error_ struct error error = ERROR_INIT;
	Gavea__Worker__V1__Hello *hello;
	int r = hear(source, trial->link, &hello, &error);

	(void)fd;
	(void)events;
	if (r == 0)
		return 0;
	if (r > 0)
		gavea__worker__v1__hello__free_unpacked(hello, NULL);
	end_trial(trial, r < 0 ? error_text(&error, r) : NULL);
	return 0;
}

static void start_trial(struct loader *loader, struct trial *trial)
{
	struct link_spec spec = {
		.worker = loader->settings.worker_program,
		.plugin = trial->plugin->name,
		.path = trial->plugin->path,
		.rights = trial->plugin->rights,
		.cgroup_fd = -1,
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *state = NULL;
	int r;

	if (asprintf(&state, "%s/plugins/%s", loader->settings.state_directory, trial->plugin->name) < 0)
		state = NULL;
	spec.state_directory = state;
	loader->waiting++;
	r = link_spawn(&spec, &trial->link, &error);
	if (r == 0)
		r = sd_event_add_io(
			loader->event, &trial->io, link_fd(trial->link), EPOLLIN, on_trial, trial);
	if (r < 0)
		end_trial(trial, error_text(&error, r));
}

/* The workers that the new configuration needs and that do not run yet: true when there is one to wait for. */
static bool try_workers(struct loader *loader)
{
	if (!loader->settings.wants_trial || !loader->config || loader->errors.count > 0)
		return false;
	loader->trials = calloc(loader->config->plugin_count + 1, sizeof *loader->trials);
	loader->waiting = 1; /* until all are started, so that one that fails at once does not end it */
	for (size_t i = 0; loader->trials && i < loader->config->plugin_count; i++) {
		const struct config_plugin *plugin = &loader->config->plugins[i];
		struct trial *trial = &loader->trials[loader->trial_count];

		if (!loader->settings.wants_trial(plugin, loader->userdata))
			continue;
		*trial = (struct trial){.loader = loader, .plugin = plugin};
		loader->trial_count++;
		start_trial(loader, trial);
	}
	return --loader->waiting > 0;
}

/* ---- Descriptions ---- */

/* All plugins have described themselves, or not: then resolve. All trials are over: then the end. */
static int on_next(sd_event_source *source, void *userdata)
{
	struct loader *loader = userdata;
	struct config_errors *errors = &loader->errors;
	int r;

	(void)source;
	if (!loader->resolved) {
		loader->resolved = true;
		described_save(&loader->described);
		r = config_resolve(loader->files, &loader->config, errors);
		if (r < 0 && errors->count == 0)
			config_error(errors, NULL, 0, "cannot load the configuration: %s", strerror(-r));
		if (try_workers(loader))
			return 0;
	}
	finish(loader);
	return 0;
}

static void failed(struct description *description, const char *reason)
{
	end_description(description);
	config_files_describe_failed(description->loader->files, description->plugin, reason);
	one_less(description->loader);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct description *description = userdata;
	_cleanup_error_ struct error error = ERROR_INIT;
	Gavea__Worker__V1__Hello *hello;
	int r;

	(void)fd;
	(void)events;
	r = hear(source, description->link, &hello, &error);
	if (r == 0)
		return 0;
	if (r < 0) {
		failed(description, error_text(&error, r));
		return 0;
	}
	end_description(description);
	described_keep(&description->loader->described, description->path, hello);
	config_files_describe(description->loader->files, description->plugin, description->path, hello);
	one_less(description->loader);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct loader *loader = userdata;

	(void)source;
	(void)usec;
	for (size_t i = 0; i < loader->count; i++)
		if (loader->descriptions[i].link)
			failed(&loader->descriptions[i], "no answer in 10 s while the plugin was loaded");
	for (size_t i = 0; i < loader->trial_count; i++)
		if (loader->trials[i].link)
			end_trial(&loader->trials[i], "no answer in 10 s");
	return 0;
}

static int describe(
	struct loader *loader, const struct loader_settings *settings, struct description *description)
{
	const char *folder = config_files_plugin_directory(loader->files);
	struct link_spec spec = {.worker = settings->worker_program,
		.plugin = description->plugin,
		.describe = true,
		.cgroup_fd = -1};
	_cleanup_error_ struct error error = ERROR_INIT;
	Gavea__Worker__V1__Hello *known;
	int r;

	description->path = plugin_find(folder, description->plugin);
	if (!description->path)
		return config_files_describe_failed(
			loader->files, description->plugin, "there is no such plugin");
	known = described_find(&loader->described, description->path);
	if (known)
		return config_files_describe(loader->files, description->plugin, description->path, known);
	spec.path = description->path;
	r = link_spawn(&spec, &description->link, &error);
	if (r < 0)
		return config_files_describe_failed(
			loader->files, description->plugin, error_text(&error, r));
	r = sd_event_add_io(loader->event, &description->io, link_fd(description->link), EPOLLIN, on_message,
		description);
	if (r < 0)
		return r;
	loader->waiting++;
	return 0;
}

static int describe_all(struct loader *loader, const struct loader_settings *settings)
{
	const char *const *names = config_files_plugins(loader->files, &loader->count);
	int r = 0;

	loader->descriptions = calloc(loader->count + 1, sizeof *loader->descriptions);
	if (!loader->descriptions)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < loader->count; i++) {
		loader->descriptions[i].loader = loader;
		loader->descriptions[i].plugin = strdup(names[i]);
		r = loader->descriptions[i].plugin ? describe(loader, settings, &loader->descriptions[i])
						   : -ENOMEM;
	}
	return r;
}

int loader_start(sd_event *event, const struct loader_settings *settings, loader_done done, void *userdata,
	struct loader **ret_loader)
{
	_cleanup_(loader_freep) struct loader *loader = calloc(1, sizeof *loader);
	uint64_t end = (uint64_t)((clock_ns(CLOCK_MONOTONIC) + DESCRIBE_TIMEOUT) / NSEC_PER_USEC);
	int r;

	if (!loader)
		return -ENOMEM;
	loader->event = sd_event_ref(event);
	loader->done = done;
	loader->userdata = userdata;
	loader->settings = *settings;
	r = config_read(settings->config_directory, &loader->files, &loader->errors);
	if (r == 0 && settings->plugin_directory)
		r = config_files_set_plugin_directory(loader->files, settings->plugin_directory);
	if (r == 0)
		r = sd_event_add_defer(event, &loader->next, on_next, loader);
	if (r >= 0)
		r = sd_event_add_time(event, &loader->timer, CLOCK_MONOTONIC, end, 1000, on_timeout, loader);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(loader->next, SD_EVENT_OFF);
	if (settings->state_directory)
		described_load(&loader->described, settings->state_directory);
	r = describe_all(loader, settings);
	if (r < 0)
		return r;
	if (loader->waiting == 0)
		sd_event_source_set_enabled(loader->next, SD_EVENT_ONESHOT);
	*ret_loader = TAKE_PTR(loader);
	return 0;
}

void loader_free(struct loader *loader)
{
	if (!loader)
		return;
	if (loader->finishing) {
		loader->freed = true;
		return;
	}
	for (size_t i = 0; i < loader->count && loader->descriptions; i++) {
		end_description(&loader->descriptions[i]);
		free(loader->descriptions[i].plugin);
		free(loader->descriptions[i].path);
	}
	free(loader->descriptions);
	for (size_t i = 0; i < loader->trial_count; i++) {
		sd_event_source_disable_unref(loader->trials[i].io);
		link_free(loader->trials[i].link);
	}
	free(loader->trials);
	config_free(loader->config);
	described_done(&loader->described);
	sd_event_source_disable_unref(loader->timer);
	sd_event_source_disable_unref(loader->next);
	config_files_free(loader->files);
	config_errors_done(&loader->errors);
	sd_event_unref(loader->event);
	free(loader);
}
