/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGIN_NAME_MAX 31

/* FOLDER-OF-THIS-PROGRAM/name when that exists. */
static char *beside(const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash, *path = NULL;

	if (n <= 0)
		return NULL;
	self[n] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = 0;
	if (asprintf(&path, "%s/%s", self, name) < 0)
		return NULL;
	if (access(path, F_OK) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

char *place_program(const char *name, const char *installed_folder)
{
	char *path = beside(name);

	if (!path && asprintf(&path, "%s/%s", installed_folder, name) < 0)
		return NULL;
	return path;
}

char *place_plugins(void)
{
	char *path = beside("plugins");

	return path ? path : strdup(GAVEA_PLUGIN_DIR);
}

char *place_data(const char *name)
{
	return place_program(name, GAVEA_DATA_DIR);
}

static int is_plugin_name(const char *name, size_t length)
{
	if (length == 0 || length > PLUGIN_NAME_MAX || name[0] < 'a' || name[0] > 'z')
		return 0;
	for (size_t i = 0; i < length; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
			name[i] != '-')
			return 0;
	return 1;
}

static bool is_program(int folder, const char *path)
{
	struct stat st;

	return fstatat(folder, path, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

char *plugin_find(const char *folder, const char *name)
{
	_cleanup_free_ char *place = folder ? strdup(folder) : place_plugins();
	char *path;

	if (!place || !is_plugin_name(name, strlen(name)) || asprintf(&path, "%s/%s.so", place, name) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	path[strlen(path) - strlen(".so")] = 0;
	if (is_program(AT_FDCWD, path))
		return path;
	free(path);
	return NULL;
}

bool plugin_is_program(const char *path)
{
	size_t length = strlen(path);

	return length < 3 || !streq(path + length - 3, ".so");
}

/* The length of NAME in "NAME.so", or in "NAME" when that is a program; or 0. */
static size_t plugin_name_length(int folder, const char *file)
{
	size_t length = strlen(file);

	if (plugin_is_program(file))
		return is_plugin_name(file, length) && is_program(folder, file) ? length : 0;
	return is_plugin_name(file, length - 3) ? length - 3 : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A plugin that is there twice is one, and refused when it is loaded. names is sorted. */
static size_t unique(char **names, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept > 0 && streq(names[kept - 1], names[i]))
			free(names[i]);
		else
			names[kept++] = names[i];
	names[kept] = NULL;
	return kept;
}

char **plugin_list(const char *folder, size_t *ret_count)
{
	_cleanup_free_ char *place = folder ? strdup(folder) : place_plugins();
	_cleanup_(closedirp) DIR *dir = place ? opendir(place) : NULL;
	char **names = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t length = plugin_name_length(dirfd(dir), entry->d_name);

		if (length == 0)
			continue;
		if (GROW(names, count + 1, room) < 0)
			break;
		names[count] = strndup(entry->d_name, length);
		if (!names[count])
			break;
		count++;
	}
	if (GROW(names, count, room) < 0) {
		plugin_list_free(names);
		return NULL;
	}
	names[count] = NULL;
	if (count > 1)
		qsort(names, count, sizeof *names, compare_names);
	count = unique(names, count);
	if (ret_count)
		*ret_count = count;
	return names;
}

void plugin_list_free(char **names)
{
	if (!names)
		return;
	for (char **name = names; *name; name++)
		free(*name);
	free(names);
}
