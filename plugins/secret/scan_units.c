/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"
#include "scan_internal.h"
#include "unit.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>

#define GLOB_FILES_MAX 100

/* A file that holds NAME=value for a unit: as good as its permissions. */
static int scan_environment_file(struct scan *scan, const char *path)
{
	struct target target = {.scan = scan, .path = path, .format = format_environment(), .store = true};
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat st;
	ssize_t n = real ? scan_load(scan, AT_FDCWD, real, path, &st) : -errno;
	int r;

	/* The unit says with "-" that it may be missing; that it is there is not what is judged here. */
	if (n < 0) {
		if (!real && n != -ENOENT)
			scan_leave_out(scan, &scan->unreadable, path, strerror((int)-n));
		return 0;
	}
	target.readable = (st.st_mode & S_IROTH) && place_is_reachable(real);
	r = scan_text(&target, scan->block, (size_t)n);
	explicit_bzero(scan->block, (size_t)n);
	return r;
}

static int scan_environment_files(
	struct scan *scan, const struct unit_environment *environment, const char *unit)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < environment->count; i++) {
		glob_t found = {.gl_pathc = 0};
		int code;

		if (strchr(environment->files[i], '%')) {
			scan_leave_out(scan, &scan->unreadable, unit,
				"EnvironmentFile= has a specifier, which is not known here; name the file in "
				"scan");
			continue;
		}
		code = glob(environment->files[i], GLOB_NOSORT | GLOB_ERR, NULL, &found);
		for (size_t k = 0; r == 0 && code == 0 && k < MIN(found.gl_pathc, (size_t)GLOB_FILES_MAX);
			k++)
			r = scan_environment_file(scan, found.gl_pathv[k]);
		if (code == 0 && found.gl_pathc > GLOB_FILES_MAX)
			scan_leave_out(scan, &scan->large, environment->files[i], "more than 100 files");
		else if (code == GLOB_ABORTED || code == GLOB_NOSPACE)
			scan_leave_out(scan, &scan->unreadable, environment->files[i],
				"the folder cannot be listed");
		else if (code != 0 && !strpbrk(environment->files[i], "*?["))
			r = scan_environment_file(scan, environment->files[i]);
		globfree(&found);
	}
	return r;
}

static int tell_credential(struct target *target, const struct unit_environment *environment)
{
	struct sighting sighting = {.rule = "unit-set-credential",
		.description = "value of a credential in a unit file",
		.remedy = "change it, and load it from a file by LoadCredential=",
		.status = GAVEA_CRITICAL,
		.line = environment->credential_line};

	/* Its value is not looked at: the place stands for it. */
	fingerprint(target->scan->key, target->path, strlen(target->path), sighting.fingerprint);
	return findings_add(target->scan->findings, target->path, &sighting, target->readable);
}

static int scan_unit(struct scan *scan, int dir_fd, const char *name, const char *path)
{
	struct target target = {.scan = scan, .path = path, .format = format_environment()};
	struct unit_environment environment;
	struct stat st;
	ssize_t n = scan_load(scan, dir_fd, name, path, &st);
	int r;

	if (n < 0)
		return 0;
	target.readable = st.st_mode & S_IROTH;
	r = unit_environment(scan->block, (size_t)n, &environment);
	explicit_bzero(scan->block, (size_t)n);
	if (r == -E2BIG) {
		scan_leave_out(scan, &scan->failed, path, "it has too many lines about the environment");
		r = 0;
	}
	if (r == 0 && environment.text.size)
		r = scan_text(&target, environment.text.data, environment.text.size);
	if (r == 0 && environment.is_setting_credentials)
		r = tell_credential(&target, &environment);
	if (r == 0)
		r = scan_environment_files(scan, &environment, path);
	unit_environment_done(&environment);
	return r;
}

static bool is_unit_file(const char *name)
{
	static const char *const patterns[] = {"*.service", "*.socket", "*.mount", "*.swap", "*.conf"};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

static int scan_unit_folder(struct scan *scan, const char *folder, unsigned depth)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!dir && errno != ENOENT && errno != ENOTDIR)
		scan_leave_out(scan, &scan->unreadable, folder, strerror(errno));
	while (dir && r == 0 && !scan_is_over(scan) && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			r = -ENOMEM;
		else if (fnmatch("*.d", entry->d_name, 0) == 0 && depth == 0)
			r = scan_unit_folder(scan, path, 1);
		else if (is_unit_file(entry->d_name))
			r = scan_unit(scan, dirfd(dir), entry->d_name, path);
	}
	if (dir)
		closedir(dir);
	return r;
}

int scan_units(struct scan *scan, const char *folder)
{
	return scan_unit_folder(scan, folder, 0);
}
