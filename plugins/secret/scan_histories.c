/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"
#include "scan_internal.h"

#include "base/buf.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PASSWD_MAX ((size_t)4 * 1024 * 1024)
#define HOMES_MAX 10000
#define GIT_DEPTH 3 /* folders below a home in which working trees are looked for */
#define GIT_FOLDERS_MAX 20000

static const char *const histories[] = {".bash_history", ".zsh_history", ".zhistory", ".histfile",
	".sh_history", ".ash_history", ".ksh_history", ".history", ".local/share/fish/fish_history",
	".mysql_history", ".mariadb_history", ".psql_history", ".pgcli/history", ".config/pgcli/history",
	".sqlite_history", ".rediscli_history", ".mongosh/mongosh_repl_history", ".dbshell",
	".python_history", ".node_repl_history", ".irb_history", ".php_history", ".lesshst", ".viminfo",
	".git-credentials", ".config/git/credentials", ".gitconfig", ".config/git/config"};

/* A file that is not there is no finding: most are not. */
static int scan_if_there(struct scan *scan, const char *path)
{
	struct target target = {.scan = scan, .path = path, .format = format_of(path)};
	struct stat st;
	_cleanup_fd_ int fd = scan_open_regular(AT_FDCWD, path, &st);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd == -ENOTSUP) {
		scan->special++;
		return 0;
	}
	if (fd < 0) {
		scan_leave_out(scan, &scan->unreadable, path, strerror(-fd));
		return 0;
	}
	target.readable = (st.st_mode & S_IROTH) && place_is_reachable(path);
	target.store = target.format && format_is_store(target.format);
	if ((uint64_t)st.st_size > scan->settings.file_max) {
		scan_leave_out(scan, &scan->large, path, "larger than max_size");
		return 0;
	}
	return scan_file(&target, fd, &st);
}

/* ---- Working trees of git ---- */

struct hunt {
	struct scan *scan;
	unsigned folders;
};

static int hunt_git(struct hunt *hunt, int dir_fd, const char *name, const char *path, unsigned depth);

static int hunt_below(struct hunt *hunt, DIR *dir, const char *path, unsigned depth)
{
	struct dirent *entry;
	int r = 0;

	while (r == 0 && !scan_is_over(hunt->scan) && (entry = readdir(dir))) {
		_cleanup_free_ char *below = NULL;

		if ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) || streq(entry->d_name, ".") ||
			streq(entry->d_name, "..") || streq(entry->d_name, "node_modules"))
			continue;
		if (asprintf(&below, "%s/%s%s", path, entry->d_name,
			    streq(entry->d_name, ".git") ? "/config" : "") < 0)
			return -ENOMEM;
		r = streq(entry->d_name, ".git") ? scan_if_there(hunt->scan, below)
			: depth < GIT_DEPTH      ? hunt_git(hunt, dirfd(dir), entry->d_name, below, depth + 1)
						 : 0;
	}
	return r;
}

static int hunt_git(struct hunt *hunt, int dir_fd, const char *name, const char *path, unsigned depth)
{
	int fd, r;
	DIR *dir;

	if (hunt->folders++ >= GIT_FOLDERS_MAX) {
		if (hunt->folders == GIT_FOLDERS_MAX + 1)
			scan_leave_out(hunt->scan, &hunt->scan->unreadable, path,
				"too many folders to look for working trees of git in; name them in scan");
		return 0;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (errno != ENOENT && errno != ENOTDIR)
			scan_leave_out(hunt->scan, &hunt->scan->unreadable, path, strerror(errno));
		fd_close(fd);
		return 0;
	}
	r = hunt_below(hunt, dir, path, depth);
	closedir(dir);
	return r;
}

/* ---- Homes ---- */

static int scan_home(struct scan *scan, const char *home)
{
	struct hunt hunt = {scan, 0};
	int r = 0;

	if (access(home, X_OK) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			scan_leave_out(scan, &scan->unreadable, home, strerror(errno));
		return 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(histories) && !scan_is_over(scan); i++) {
		_cleanup_free_ char *path = NULL;

		r = asprintf(&path, "%s/%s", home, histories[i]) < 0 ? -ENOMEM : scan_if_there(scan, path);
	}
	/* Homes of services are whole systems of files, such as /var/lib. */
	if (r == 0 && (strncmp(home, "/home/", 6) == 0 || strncmp(home, "/root", 5) == 0))
		r = hunt_git(&hunt, AT_FDCWD, home, home, 0);
	return r;
}

struct homes {
	char **list;
	size_t count;
	size_t room;
};

/* The sixth field; many users share one home. */
static int add_home(struct homes *homes, char *line)
{
	char *field = NULL;

	for (int i = 0; i < 6 && line; i++)
		field = strsep(&line, ":");
	if (!line || str_empty(field) || field[0] != '/' || streq(field, "/") || streq(field, "/nonexistent"))
		return 0;
	for (size_t i = 0; i < homes->count; i++)
		if (streq(homes->list[i], field))
			return 0;
	if (homes->count == HOMES_MAX)
		return -E2BIG;
	if (GROW(homes->list, homes->count, homes->room) < 0)
		return -ENOMEM;
	homes->list[homes->count++] = field;
	return 0;
}

int scan_histories(struct scan *scan, const char *passwd)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct homes homes = {.count = 0};
	int r = file_read(AT_FDCWD, passwd, PASSWD_MAX, &text);
	char *rest = text.data;

	while (r >= 0 && rest)
		r = add_home(&homes, strsep(&rest, "\n"));
	if (r == -E2BIG) {
		scan_leave_out(scan, &scan->unreadable, passwd, "it names more than 10000 homes");
		r = 0;
	}
	for (size_t i = 0; r >= 0 && i < homes.count && !scan_is_over(scan); i++)
		r = scan_home(scan, homes.list[i]);
	free(homes.list);
	return r;
}
