/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/loader.h"
#include "agent/link.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>

#define DESCRIBE_TIMEOUT (10 * NSEC_PER_SEC)
#define DEATH_LASTS (1 * NSEC_PER_SEC) /* between the end of its messages and its end */

struct description {
	struct loader *loader;
	char *plugin;
	char *path;
	struct link *link;
	sd_event_source *io;
};

struct loader {
	sd_event *event;
	loader_done done;
	void *userdata;
	struct config_files *files;
	struct config_errors errors;
	struct description *descriptions;
	size_t count;
	size_t waiting;
	sd_event_source *timer;
	sd_event_source *resolve;
	bool freed; /* from within done() */
	bool finishing;
};

static void end_description(struct description *description)
{
	sd_event_source_disable_unref(TAKE_PTR(description->io));
	link_free(TAKE_PTR(description->link));
}

static void finish(struct loader *loader)
{
	struct config *config = NULL;
	struct config_errors *errors = &loader->errors;
	int r = config_resolve(loader->files, &config, errors);

	if (r < 0 && errors->count == 0)
		config_error(errors, NULL, 0, "cannot load the configuration: %s", strerror(-r));
	if (errors->count > 0) {
		config_free(config);
		config = NULL;
	}
	loader->finishing = true;
	loader->done(config, errors, loader->userdata);
	loader->finishing = false;
	if (loader->freed)
		loader_free(loader);
}

static int on_resolve(sd_event_source *source, void *userdata)
{
	(void)source;
	finish(userdata);
	return 0;
}

static void one_less(struct loader *loader)
{
	loader->waiting--;
	if (loader->waiting == 0)
		sd_event_source_set_enabled(loader->resolve, SD_EVENT_ONESHOT);
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

	(void)source;
	(void)fd;
	(void)events;
	/* There is something to read, so this waits only for a worker that dies without a word. */
	r = link_describe(description->link, (int)(DEATH_LASTS / NSEC_PER_MSEC), &hello, &error);
	if (r < 0) {
		failed(description, error_text(&error, r));
		return 0;
	}
	end_description(description);
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
	int r;

	description->path = plugin_find(folder, description->plugin);
	if (!description->path)
		return config_files_describe_failed(
			loader->files, description->plugin, "there is no such plugin");
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
	r = config_read(settings->config_directory, &loader->files, &loader->errors);
	if (r == 0 && settings->plugin_directory)
		r = config_files_set_plugin_directory(loader->files, settings->plugin_directory);
	if (r == 0)
		r = sd_event_add_defer(event, &loader->resolve, on_resolve, loader);
	if (r >= 0)
		r = sd_event_add_time(event, &loader->timer, CLOCK_MONOTONIC, end, 1000, on_timeout, loader);
	if (r < 0)
		return r;
	sd_event_source_set_enabled(loader->resolve, SD_EVENT_OFF);
	r = describe_all(loader, settings);
	if (r < 0)
		return r;
	if (loader->waiting == 0)
		sd_event_source_set_enabled(loader->resolve, SD_EVENT_ONESHOT);
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
	sd_event_source_disable_unref(loader->timer);
	sd_event_source_disable_unref(loader->resolve);
	config_files_free(loader->files);
	config_errors_done(&loader->errors);
	sd_event_unref(loader->event);
	free(loader);
}
