/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries what a sandbox may forbid, and says what was possible: an item each, critical when it was possible
 * and ok when it was not.
 */
#include <gavea/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(struct gavea_check *check, const char *act, bool possible)
{
	gavea_item(check, act, possible ? GAVEA_CRITICAL : GAVEA_OK, "%s",
		possible ? "possible" : strerror(errno));
}

static bool close_good(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool may_listen(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool possible;

	if (fd < 0)
		return false;
	possible =
		listen(fd, 1) == 0 || errno == EINVAL; /* which a socket without a name answers when it may */
	close_good(fd);
	return possible;
}

/* Nobody listens there: being refused is to have been allowed to ask. */
static bool may_connect(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r, saved;

	if (fd < 0)
		return false;
	r = connect(fd, (struct sockaddr *)&address, sizeof address);
	saved = errno;
	close_good(fd);
	errno = saved;
	return r == 0 || saved == ECONNREFUSED;
}

static bool may_spawn(void)
{
	char *const arguments[] = {(char *)"true", NULL}, *const environment[] = {NULL};
	pid_t pid;
	int status, r = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment);

	errno = r;
	return r == 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool may_fork(void)
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid;
}

static void *nothing(void *data)
{
	return data;
}

static bool may_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno == 0 && pthread_join(thread, NULL) == 0;
}

static bool may_write(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : (errno = ENOENT, -1);

	if (close_good(fd) && !strstr(path, "/dev/"))
		unlink(path);
	return fd >= 0;
}

static bool may_write_in(const char *folder, const char *name)
{
	char *path;
	bool possible;

	if (!folder || asprintf(&path, "%s/%s", folder, name) < 0) {
		errno = ENOENT;
		return false;
	}
	possible = may_write(path);
	free(path);
	return possible;
}

static bool has_capability(void)
{
	char line[256];
	bool any = false;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof line, status))
		if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0)
			any |= strtoull(line + 7, NULL, 16) != 0;
	if (status)
		fclose(status);
	errno = EPERM;
	return any;
}

static void try_files(struct gavea_check *check)
{
	const char *path = gavea_option_string(check, "path");

	tell(check, "read-etc", close_good(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
	tell(check, "read-root", close_good(open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	tell(check, "write-etc", may_write("/etc/gavea-escape"));
	tell(check, "write-tmp", may_write("/tmp/gavea-escape"));
	tell(check, "write-null", may_write("/dev/null"));
	tell(check, "write-state", may_write_in(gavea_state_directory(check), "x"));
	if (path) {
		tell(check, "read-path", close_good(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
		tell(check, "write-path", may_write_in(path, "escaped"));
	}
}

static void try_network(struct gavea_check *check)
{
	tell(check, "socket-unix", close_good(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	tell(check, "socket-inet", close_good(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
	tell(check, "socket-inet6", close_good(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	tell(check, "socket-netlink", close_good(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)));
	tell(check, "socket-packet", close_good(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
	tell(check, "socket-vsock", close_good(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	tell(check, "connect", may_connect());
	tell(check, "listen", may_listen(AF_INET));
	tell(check, "listen-unix", may_listen(AF_UNIX));
}

static void try_processes(struct gavea_check *check)
{
	tell(check, "exec", may_spawn());
	tell(check, "fork", may_fork());
	tell(check, "thread", may_thread());
	tell(check, "signal-parent", kill(getppid(), 0) == 0);
	tell(check, "capability", has_capability());
}

static void try_kernel(struct gavea_check *check)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	tell(check, "ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
	tell(check, "mount", mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
	tell(check, "unshare", syscall(SYS_unshare, 0x10000000 /* a user namespace */) == 0);
	tell(check, "clock", settimeofday(&now, NULL) == 0);
	tell(check, "chroot", chroot("/") == 0);
	tell(check, "io-uring", syscall(SYS_io_uring_setup, 1, NULL) == 0 || errno == EFAULT);
	tell(check, "bpf", syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno == EFAULT || errno == EINVAL);
	tell(check, "keyctl", syscall(SYS_keyctl, 0, -3, 0) >= 0);
	tell(check, "perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) >= 0 || errno == EFAULT);
	tell(check, "userfaultfd", close_good((int)syscall(SYS_userfaultfd, O_CLOEXEC)));
	tell(check, "swapoff", syscall(SYS_swapoff, "/nowhere") == 0 || errno == ENOENT);
	tell(check, "personality", syscall(SYS_personality, 0xffffffff) >= 0);
}

static int escape_run(struct gavea_check *check, void *state)
{
	(void)state;
	try_files(check);
	try_network(check);
	try_processes(check);
	try_kernel(check);
	gavea_result(check, GAVEA_OK, "tried");
	return 0;
}

static const struct gavea_option options[] = {
	{"path", GAVEA_OPTION_STRING, 0, NULL, NULL, "A folder to read and to write in"},
};

static const char *const read_paths[] = {"${path}", NULL};

/* All that the tests grant; what a worker gets is for its host to say. */
static const char *const capabilities[] = {"CAP_NET_RAW", NULL};
static const struct gavea_needs needs = {
	.size = sizeof needs,
	.network = GAVEA_NETWORK_SERVER,
	.exec = 1,
	.capabilities = capabilities,
	.read_paths = read_paths,
	.write_paths = read_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof plugin,
	.name = "escape",
	.version = "1",
	.summary = "Tries to get out",
	.options = options,
	.option_count = sizeof options / sizeof options[0],
	.option_size = sizeof options[0],
	.needs = &needs,
	.run = escape_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
