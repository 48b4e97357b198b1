/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"
#include "base/fd.h"
#include "unpack.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
#define FOUND_MAX 10000

static bool is_name(const char *name)
{
	size_t length = strspn(name, NAME_CHARACTERS);

	return length > 0 && !name[length] && length < sizeof((struct release *)0)->name &&
		isalnum((unsigned char)*name);
}

int release_parse(const char *name, const char *digest, const struct release_settings *settings,
	struct release *ret_release, struct error *error)
{
	struct release release = {.has_digest = digest != NULL};

	if (!is_name(name))
		return error_set(error, -EINVAL,
			"\"%.128s\" is no name for a release: up to 127 letters, digits and . _ + -, a "
			"letter or digit first",
			name);
	if (settings->pattern && fnmatch(settings->pattern, name, 0) != 0)
		return error_set(error, -EINVAL,
			"release \"%s\" does not match the pattern \"%s\" of this app", name,
			settings->pattern);
	if (digest && digest_parse(digest, release.digest) < 0)
		return error_set(
			error, -EINVAL, "the digest is not of the form sha256:… with 64 hexadecimal digits");
	if (settings->directory && !digest && !settings->public_key)
		return error_set(error, -EINVAL,
			"a release that is fetched needs its digest (sha256:…), or the app a public_key");
	memcpy(release.name, name, strlen(name) + 1);
	*ret_release = release;
	return 0;
}

/* ---- Links ---- */

/* The path of a colour's link. NULL: no memory. */
static char *link_of(const struct release_settings *settings, enum colour colour)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (const char *c = settings->link; *c; c++)
		if (c[0] == '%' && c[1] == 'c') {
			buf_add_str(&out, colour_name(colour));
			c++;
		} else {
			buf_add_char(&out, *c);
		}
	return buf_take(&out);
}

static int sync_folder_of(const char *path)
{
	_cleanup_free_ char *folder = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	_cleanup_fd_ int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;

	if (!folder)
		return -ENOMEM;
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int point_link(const char *link, const char *target)
{
	_cleanup_free_ char *temporary = NULL;

	if (asprintf(&temporary, "%s.new", link) < 0)
		return -ENOMEM;
	/* What a crash left. */
	if (unlink(temporary) < 0 && errno != ENOENT)
		return -errno;
	if (symlink(target, temporary) < 0)
		return -errno;
	if (rename(temporary, link) < 0) {
		int r = -errno;

		unlink(temporary);
		return r;
	}
	return sync_folder_of(link);
}

static int target_of(const char *link, char target[static PATH_MAX])
{
	ssize_t size = readlink(link, target, PATH_MAX);

	if (size < 0)
		return -errno;
	if (size == PATH_MAX)
		return -ENAMETOOLONG;
	target[size] = '\0';
	return 0;
}

int release_switch(const struct release_settings *settings, enum colour colour, const struct release *release,
	struct error *error)
{
	_cleanup_free_ char *link = NULL, *target = NULL;
	char now[PATH_MAX];
	struct stat st;
	int r;

	if (!settings->link || !settings->directory)
		return 0;
	link = link_of(settings, colour);
	if (!link || asprintf(&target, "%s/%s", settings->directory, release->name) < 0)
		return -ENOMEM;
	if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode))
		return error_set(error, -EEXIST, "%s is no symlink: it is not replaced", link);
	if (stat(target, &st) < 0)
		return error_set(error, -errno, "%s: %s", target, strerror(errno));
	if (target_of(link, now) == 0 && streq(now, target))
		return 0;
	r = point_link(link, target);
	return r < 0 ? error_set(error, r, "%s: %s", link, strerror(-r)) : 0;
}

int release_current(const struct release_settings *settings, enum colour colour, char ret_name[static 128],
	struct error *error)
{
	_cleanup_free_ char *link = NULL;
	char target[PATH_MAX];
	const char *name;
	int r;

	*ret_name = '\0';
	if (!settings->link || !settings->directory)
		return 0;
	link = link_of(settings, colour);
	if (!link)
		return -ENOMEM;
	r = target_of(link, target);
	if (r == -ENOENT || r == -EINVAL)
		return 0;
	if (r < 0)
		return error_set(error, r, "%s: %s", link, strerror(-r));
	name = startswith(target, settings->directory);
	name = name && *name == '/' ? name + 1 : NULL;
	if (name && is_name(name))
		memcpy(ret_name, name, strlen(name) + 1);
	return 0;
}

/* ---- Old ones ---- */

struct found {
	char name[128];
	struct timespec time;
};

static int newer_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec > y->time.tv_sec ? -1 : 1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec > y->time.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Only what we put there: it has our stamp. */
static bool is_release(int folder, const char *name, struct timespec *ret_time)
{
	char stamp[sizeof((struct release *)0)->name + sizeof RELEASE_STAMP + 1];
	struct stat st;

	if (!is_name(name))
		return false;
	snprintf(stamp, sizeof stamp, "%.127s/%s", name, RELEASE_STAMP);
	if (fstatat(folder, stamp, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_time = st.st_mtim;
	return true;
}

static int list_releases(DIR *folder, struct found **ret_found, size_t *ret_count)
{
	struct found *found = NULL;
	size_t count = 0, room = 0;
	struct dirent *entry;

	while (count < FOUND_MAX && (entry = readdir(folder))) {
		struct found one;

		if (!is_release(dirfd(folder), entry->d_name, &one.time))
			continue;
		memcpy(one.name, entry->d_name, strlen(entry->d_name) + 1);
		if (GROW(found, count, room) < 0) {
			free(found);
			return -ENOMEM;
		}
		found[count++] = one;
	}
	if (count)
		qsort(found, count, sizeof *found, newer_first);
	*ret_found = found;
	*ret_count = count;
	return 0;
}

static int remove_release(const struct release_settings *settings, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", settings->directory, name) < 0)
		return -ENOMEM;
	return remove_tree(path);
}

int release_tidy(const struct release_settings *settings, unsigned keep, struct error *error)
{
	char current[COLOURS][128];
	_cleanup_free_ struct found *found = NULL;
	size_t count = 0;
	DIR *folder;
	int r = 0;

	if (!settings->directory)
		return 0;
	for (enum colour colour = COLOUR_BLUE; r == 0 && colour < COLOURS; colour++)
		r = release_current(settings, colour, current[colour], error);
	if (r < 0)
		return r;
	folder = opendir(settings->directory);
	if (!folder)
		return errno == ENOENT
			? 0
			: error_set(error, -errno, "%s: %s", settings->directory, strerror(errno));
	r = list_releases(folder, &found, &count);
	closedir(folder);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (streq(found[i].name, current[COLOUR_BLUE]) || streq(found[i].name, current[COLOUR_GREEN]))
			continue;
		if (keep > 0)
			keep--;
		else
			r = remove_release(settings, found[i].name);
		if (r < 0)
			error_set(error, r, "%s/%s: %s", settings->directory, found[i].name, strerror(-r));
	}
	return r;
}
