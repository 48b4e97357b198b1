/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/cgroup.h"
#include "base/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A worker's children may take a little more than the plugin itself; the plugin's own memory is watched to
 * the byte. */
#define HEADROOM (UINT64_C(8) << 20)

static int write_file(int folder, const char *name, const char *text)
{
	_cleanup_fd_ int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd_write_full(fd, text, strlen(text));
}

/* The path of our cgroup in the unified hierarchy, from "0::/path". Allocated. */
static char *own_path(const char *root)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *line, *end, *path;

	if (file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text) < 0)
		return NULL;
	line = strstr(buf_str(&text), "0::/");
	if (!line || (line != text.data && line[-1] != '\n'))
		return NULL;
	line += strlen("0::");
	end = strchrnul(line, '\n');
	*end = 0;
	return asprintf(&path, "%s%s", root, line) < 0 ? NULL : path;
}

int cgroup_open(const char *root, struct cgroup *ret_cgroup, struct error *error)
{
	_cleanup_free_ char *path = own_path(root);
	_cleanup_fd_ int folder = -EBADF;
	_cleanup_fd_ int own = -EBADF;
	int r;

	if (!path)
		return error_set(error, -ENOENT, "no unified cgroup hierarchy");
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || faccessat(folder, "cgroup.subtree_control", W_OK, 0) < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (mkdirat(folder, "manager", 0755) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s/manager: %s", path, strerror(errno));
	own = openat(folder, "manager", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return error_set(error, -errno, "%s/manager: %s", path, strerror(errno));
	r = write_file(own, "cgroup.procs", "0");
	if (r == 0)
		r = write_file(folder, "cgroup.subtree_control", "+memory +pids");
	if (r < 0)
		return error_set(error, r, "%s: %s", path, strerror(-r));
	ret_cgroup->folder = TAKE_FD(folder);
	return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
	cgroup->folder = fd_close(cgroup->folder);
}

int cgroup_worker(struct cgroup *cgroup, const char *plugin, uint64_t memory)
{
	_cleanup_fd_ int folder = -EBADF;
	char name[64], limit[32];
	int r;

	if (cgroup->folder < 0)
		return -ENOENT;
	snprintf(name, sizeof name, "worker-%.40s", plugin);
	if (mkdirat(cgroup->folder, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	folder = openat(cgroup->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	snprintf(limit, sizeof limit, "%" PRIu64, memory + HEADROOM);
	r = write_file(folder, "memory.max", limit);
	return r < 0 ? r : TAKE_FD(folder);
}

void cgroup_kill(int folder)
{
	if (folder >= 0)
		(void)write_file(folder, "cgroup.kill", "1");
}
