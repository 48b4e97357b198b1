/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define ENTRIES_MAX 20000

struct walk {
	struct paths *paths;
	struct findings *findings;
	unsigned entries; /* of folders, seen so far */
};

static int add(struct paths *paths, const char *text, bool named)
{
	char *copy;

	if (paths->count == PATHS_MAX) {
		paths->full = true;
		return 0;
	}
	for (size_t i = 0; named && i < paths->count; i++)
		if (streq(paths->list[i].path, text)) {
			paths->list[i].named = true;
			return 0;
		}
	copy = strdup(text);
	if (!copy || GROW(paths->list, paths->count, paths->room) < 0) {
		free(copy);
		return -ENOMEM;
	}
	paths->list[paths->count++] = (struct path){.path = copy, .named = named};
	return 0;
}

static int walk_folder(struct walk *walk, const char *folder, unsigned depth);

static int walk_entry(struct walk *walk, const char *folder, const struct dirent *entry, unsigned depth)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct stat st;

	buf_printf(&path, "%s/%s", folder, entry->d_name);
	if (buf_error(&path))
		return -ENOMEM;
	if (lstat(buf_str(&path), &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return walk_folder(walk, buf_str(&path), depth + 1);
	/* A link to a file counts, also to one that is gone; one to a folder does not: no circles. */
	if (S_ISLNK(st.st_mode) && stat(buf_str(&path), &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	return add(walk->paths, buf_str(&path), false);
}

static int walk_folder(struct walk *walk, const char *folder, unsigned depth)
{
	struct dirent **entries;
	int count, r = 0;

	if (depth > DEPTH_MAX)
		return 0;
	count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0) {
		findings_add(walk->findings, errno == ENOENT ? GAVEA_CRITICAL : GAVEA_UNKNOWN, 0, NULL,
			"cannot look into %s: %s", folder, strerror(errno));
		return 0;
	}
	for (int i = 0; i < count; i++) {
		if (r == 0 && !streq(entries[i]->d_name, ".") && !streq(entries[i]->d_name, "..") &&
			walk->entries++ < ENTRIES_MAX)
			r = walk_entry(walk, folder, entries[i], depth);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int add_folder(struct paths *paths, const char *folder, struct findings *findings)
{
	struct walk walk = {.paths = paths, .findings = findings};
	_cleanup_free_ char *plain = strdup(folder);
	size_t size = strlen(folder);
	int r;

	if (!plain)
		return -ENOMEM;
	while (size > 1 && plain[size - 1] == '/')
		plain[--size] = '\0';
	r = walk_folder(&walk, plain, 0);
	if (walk.entries > ENTRIES_MAX)
		findings_add(findings, GAVEA_UNKNOWN, 0, "name a smaller folder",
			"%s holds more than %d entries: not all were looked at", folder, ENTRIES_MAX);
	return r;
}

static int add_one(struct paths *paths, const char *text, bool named, struct findings *findings)
{
	struct stat st;

	if (stat(text, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(paths, text, findings);
	return add(paths, text, named);
}

/* glob(3) passes over folders that it may not read: an empty answer then means nothing. */
static void judge_empty(const char *pattern, struct findings *findings)
{
	_cleanup_free_ char *folder = strdup(pattern);
	size_t plain = strcspn(pattern, "*?[");

	while (plain > 1 && pattern[plain - 1] != '/')
		plain--;
	if (folder)
		folder[plain] = '\0';
	if (!folder || (access(folder, R_OK | X_OK) < 0 && errno != ENOENT && errno != ENOTDIR))
		findings_add(findings, GAVEA_UNKNOWN, 0, "let user gavea read the folder",
			"cannot look for %s: %s", pattern, folder ? strerror(errno) : "out of memory");
	else
		findings_add(findings, GAVEA_CRITICAL, 0,
			"correct the pattern, or find out who removed the files", "%s matches no file",
			pattern);
}

static int add_pattern(struct paths *paths, const char *pattern, struct findings *findings)
{
	glob_t matches = {0};
	int r = glob(pattern, 0, NULL, &matches), result = 0;

	if (r == GLOB_NOMATCH)
		judge_empty(pattern, findings);
	else if (r != 0)
		findings_add(findings, GAVEA_UNKNOWN, 0, NULL, "cannot look for %s", pattern);
	for (size_t i = 0; r == 0 && result == 0 && i < matches.gl_pathc; i++)
		result = add_one(paths, matches.gl_pathv[i], false, findings);
	globfree(&matches);
	return result;
}

int paths_add(struct paths *paths, const char *text, struct findings *findings)
{
	return strpbrk(text, "*?[") ? add_pattern(paths, text, findings)
				    : add_one(paths, text, true, findings);
}

void paths_done(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i].path);
	free(paths->list);
	*paths = (struct paths){0};
}
