/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"
#include "acl.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define LINKS_MAX 40
#define NAMES_ROOM 65536 /* for groups of many members */

const char *name_user(char buffer[static 64], uid_t uid)
{
	struct passwd entry, *found = NULL;
	char room[NAMES_ROOM];

	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found)
		snprintf(buffer, 64, "%s", entry.pw_name);
	else
		snprintf(buffer, 64, "%u", (unsigned)uid);
	return buffer;
}

const char *name_group(char buffer[static 64], gid_t gid)
{
	struct group entry, *found = NULL;
	char room[NAMES_ROOM];

	if (getgrgid_r(gid, &entry, room, sizeof(room), &found) == 0 && found)
		snprintf(buffer, 64, "%s", entry.gr_name);
	else
		snprintf(buffer, 64, "%u", (unsigned)gid);
	return buffer;
}

/* ---- The way ---- */

/* Paths that are still to go and that were gone. */
struct walk {
	char rest[PATH_MAX];
	char at[PATH_MAX]; /* "" is the root */
	unsigned links;
};

static int add_folder(struct place *place, const char *path, const struct stat *st)
{
	for (size_t i = 0; i < place->count; i++)
		if (streq(place->folders[i].path, path))
			return 0;
	if (GROW(place->folders, place->count, place->room) < 0)
		return -ENOMEM;
	place->folders[place->count] = (struct folder){strdup(path), *st};
	return place->folders[place->count].path ? (place->count++, 0) : -ENOMEM;
}

/* Takes the next name from the rest into name; false: there is none. */
static bool next_name(struct walk *walk, char *name)
{
	size_t start = strspn(walk->rest, "/"), size = strcspn(walk->rest + start, "/");

	memcpy(name, walk->rest + start, size);
	name[size] = '\0';
	start += size;
	start += strspn(walk->rest + start, "/");
	memmove(walk->rest, walk->rest + start, strlen(walk->rest + start) + 1);
	return size > 0;
}

static void go_up(struct walk *walk)
{
	char *slash = strrchr(walk->at, '/');

	if (slash)
		*slash = '\0';
}

/* Puts a link's target before what is left. */
static int go_by_link(struct walk *walk, const char *path)
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target) - 1);

	if (size < 0)
		return -errno;
	target[size] = '\0';
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (snprintf(joined, sizeof(joined), "%s/%s", target, walk->rest) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	if (target[0] == '/')
		walk->at[0] = '\0';
	memcpy(walk->rest, joined, strlen(joined) + 1);
	return 0;
}

/* One name further. *ret_done: that was the last one. */
static int go(struct place *place, struct walk *walk, const char *name, bool *ret_done)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", walk->at, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		place->linked = true;
		return go_by_link(walk, path);
	}
	memcpy(walk->at, path, strlen(path) + 1);
	place->st = st;
	*ret_done = !walk->rest[0];
	if (*ret_done)
		return 0;
	return S_ISDIR(st.st_mode) ? add_folder(place, path, &st) : -ENOTDIR;
}

static int follow(struct place *place, struct walk *walk)
{
	char name[PATH_MAX];
	bool done = false;
	int r = 0;

	while (r == 0 && !done && next_name(walk, name)) {
		if (streq(name, ".."))
			go_up(walk);
		else if (!streq(name, "."))
			r = go(place, walk, name, &done);
		if (r < 0 && asprintf(&place->failed, "%s/%s", walk->at, name) < 0)
			place->failed = NULL;
	}
	return r == 0 && !done ? -EISDIR : r;
}

int place_find(const char *path, struct place *ret_place)
{
	struct walk walk = {.links = 0};
	struct stat st;
	int r;

	*ret_place = (struct place){.target = NULL};
	if (path[0] != '/' || strlen(path) >= sizeof(walk.rest))
		return path[0] == '/' ? -ENAMETOOLONG : -EINVAL;
	memcpy(walk.rest, path, strlen(path) + 1);
	r = stat("/", &st) < 0 ? -errno : add_folder(ret_place, "/", &st);
	if (r == 0)
		r = follow(ret_place, &walk);
	if (r == 0)
		ret_place->target = strdup(walk.at);
	return r == 0 && !ret_place->target ? -ENOMEM : r;
}

void place_done(struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		free(place->folders[i].path);
	free(place->folders);
	free(place->target);
	free(place->failed);
	*place = (struct place){.target = NULL};
}

/* ---- Who may change it ---- */

bool place_is_open(const struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (!(place->folders[i].st.st_mode & S_IXOTH))
			return false;
	return true;
}

bool place_is_reachable(const char *path)
{
	_cleanup_(place_done) struct place place;

	return place_find(path, &place) < 0 || place_is_open(&place);
}

static int judge_mode(const struct folder *folder, const struct acl *acl, uid_t owner, struct buf *text)
{
	mode_t mode = folder->st.st_mode;
	bool group = acl->present ? (acl->group & ACL_MAY_WRITE) != 0 : (mode & S_IWGRP) != 0;
	char name[64];

	if (mode & S_IWOTH)
		buf_printf(text, "; everybody may write to %s: %s", folder->path,
			mode & S_ISVTX ? "keep it elsewhere" : "chmod o-w it");
	else if (group && folder->st.st_gid != 0)
		buf_printf(text, "; group %s may write to %s: chmod g-w it",
			name_group(name, folder->st.st_gid), folder->path);
	else if (folder->st.st_uid != 0 && folder->st.st_uid != owner)
		buf_printf(text, "; %s belongs to %s, who may put another file there: chown root it",
			folder->path, name_user(name, folder->st.st_uid));
	else
		return 0;
	return 1;
}

static int judge_acl(const struct folder *folder, const struct acl *acl, uid_t owner, struct buf *text)
{
	char name[64];
	int r = 0;

	for (size_t i = 0; i < acl->count; i++) {
		const struct acl_entry *entry = &acl->list[i];

		if (!(entry->permissions & ACL_MAY_WRITE) ||
			(!entry->group && (entry->id == 0 || entry->id == owner)))
			continue;
		buf_printf(text, "; the ACL of %s lets %s %s write: setfacl -x %c:%s it", folder->path,
			entry->group ? "group" : "user",
			entry->group ? name_group(name, entry->id) : name_user(name, entry->id),
			entry->group ? 'g' : 'u', name);
		r = 1;
	}
	return r;
}

int place_judge(const struct place *place, struct buf *text)
{
	int found = 0;

	for (size_t i = 0; i < place->count; i++) {
		const struct folder *folder = &place->folders[i];
		struct acl acl;
		int r = acl_read(folder->path, &acl);

		if (r < 0) {
			buf_printf(text, "; the ACL of %s cannot be read: %s", folder->path, strerror(-r));
			return r;
		}
		found |= judge_mode(folder, &acl, place->st.st_uid, text);
		found |= judge_acl(folder, &acl, place->st.st_uid, text);
	}
	return found;
}
