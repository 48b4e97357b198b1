/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe.h"
#include "agent/link.h"
#include "agent/place.h"
#include "base/suggest.h"
#include "cli/say.h"

#include <errno.h>
#include <string.h>

#define AT_ONCE 16 /* workers */
#define TIMEOUT_MS 10000

static void start(const char *folder, struct description *description, struct link **ret_link)
{
	struct link_spec spec = {.plugin = description->plugin, .describe = true, .cgroup_fd = -1};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	description->path = plugin_find(folder, description->plugin);
	if (!description->path) {
		description->failure = strdup("there is no such plugin");
		return;
	}
	spec.path = description->path;
	r = link_spawn(&spec, ret_link, &error);
	if (r < 0)
		description->failure = strdup(error_text(&error, r));
}

static void finish(struct description *description, struct link *link)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (!link)
		return;
	r = link_describe(link, TIMEOUT_MS, &description->hello, &error);
	if (r < 0)
		description->failure = strdup(error_text(&error, r));
	link_free(link);
}

int describe_all(const char *folder, struct description *descriptions, size_t count)
{
	for (size_t at = 0; at < count; at += AT_ONCE) {
		size_t n = MIN(count - at, (size_t)AT_ONCE);
		struct link *links[AT_ONCE] = {NULL};

		for (size_t i = 0; i < n; i++)
			start(folder, &descriptions[at + i], &links[i]);
		for (size_t i = 0; i < n; i++)
			finish(&descriptions[at + i], links[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (!descriptions[i].hello && !descriptions[i].failure)
			return -ENOMEM;
	return 0;
}

void descriptions_done(struct description *descriptions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(descriptions[i].path);
		free(descriptions[i].failure);
		hello_free(descriptions[i].hello);
	}
}

char *find_plugin(const char *folder, const char *name)
{
	_cleanup_free_ char *place = folder ? strdup(folder) : place_plugins();
	char *path = plugin_find(folder, name);
	const char *meant;
	char **names;
	size_t count = 0;

	if (path)
		return path;
	names = plugin_list(folder, &count);
	meant = names ? suggest(name, (const char *const *)names, count) : NULL;
	if (meant)
		complain(0, "there is no plugin \"%s\" in %s; did you mean \"%s\"?", name, place ? place : "",
			meant);
	else
		complain(0, "there is no plugin \"%s\" in %s; `gavea plugins --available` lists them", name,
			place ? place : "");
	plugin_list_free(names);
	return NULL;
}
