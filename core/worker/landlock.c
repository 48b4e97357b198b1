/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/fd.h"
#include "core/worker/sandbox.h"

#include <gavea/plugin.h>

#include <cap-ng.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, of which the system's headers may know only an older part (landlock(7)). */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0) /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* ABI 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attributes {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct path_attributes {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

struct ruleset {
	int fd;
	int abi;
	uint64_t fs; /* the rights that this kernel knows */
	struct buf missing; /* granted paths that do not exist */
};

static int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
}

static struct ruleset_attributes attributes_for(int abi, const Gavea__Worker__V1__Rights *rights)
{
	struct ruleset_attributes attributes = {.fs = FS_ABI_1};
	bool signals = false;

	for (size_t i = 0; i < rights->n_capabilities; i++)
		signals |= streq(rights->capabilities[i], "CAP_KILL");
	if (abi >= 2)
		attributes.fs |= FS_REFER;
	if (abi >= 3)
		attributes.fs |= FS_TRUNCATE;
	if (abi >= 5)
		attributes.fs |= FS_IOCTL_DEV;
	if (abi >= 4 && rights->network == GAVEA_NETWORK_NONE)
		attributes.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 6)
		attributes.scoped = (signals ? 0 : SCOPE_SIGNAL) |
			(rights->network == GAVEA_NETWORK_NONE ? SCOPE_ABSTRACT_UNIX : 0);
	return attributes;
}

/* Allows access below a path. What does not exist can't be named in a rule: 0 as well, and it is noted if
 * asked for. */
static int allow(struct ruleset *ruleset, const char *path, uint64_t rights, bool note)
{
	struct path_attributes rule = {.allowed = rights & ruleset->fs};
	_cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		if (note)
			buf_printf(&ruleset->missing, "%s%s", ruleset->missing.size ? ", " : "", path);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset->fd, RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

static int allow_all(
	struct ruleset *ruleset, const char *const *paths, size_t count, uint64_t rights, bool note)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = allow(ruleset, paths[i], rights, note);
	return r;
}

/* Grants of the configuration: absolute, and of a pattern the folder before its first wildcard. */
static int allow_granted(struct ruleset *ruleset, char **paths, size_t count, uint64_t rights)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *path = strdup(paths[i]);
		size_t plain = strcspn(paths[i], "*?[");

		if (!path)
			return -ENOMEM;
		if (path[plain]) {
			while (plain > 0 && path[plain - 1] != '/')
				plain--;
			path[plain] = 0;
		}
		/* A pattern that begins in the root would open everything: it has to name a folder. */
		if (path[0] != '/' || (streq(path, "/") && !streq(paths[i], "/"))) {
			buf_printf(&ruleset->missing, "%s%s", ruleset->missing.size ? ", " : "", paths[i]);
			continue;
		}
		r = allow(ruleset, path, rights, true);
	}
	return r;
}

static int allow_system(struct ruleset *ruleset, const struct sandbox_spec *spec)
{
	static const char *const readable[] = {"/usr", "/etc", "/proc", "/sys", "/lib", "/lib32", "/lib64",
		"/bin", "/sbin", "/dev/urandom", "/dev/random"};
	static const char *const writable[] = {"/dev/null", "/dev/zero", "/dev/full"};
	/* Where /etc/resolv.conf may lead. */
	static const char *const resolver[] = {
		"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd"};
	static const char *const programs[] = {
		"/usr", "/etc", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt"};
	int r = allow_all(ruleset, readable, ARRAY_SIZE(readable), FS_READ, false);

	if (r == 0)
		r = allow(ruleset, spec->plugin_path, FS_READ | (spec->rights->exec ? FS_EXECUTE : 0), false);
	if (r == 0)
		r = allow_all(ruleset, writable, ARRAY_SIZE(writable), FS_READ | FS_WRITE_FILE, false);
	if (r == 0 && spec->rights->network != GAVEA_NETWORK_NONE)
		r = allow_all(ruleset, resolver, ARRAY_SIZE(resolver), FS_READ, false);
	if (r == 0 && spec->rights->exec)
		r = allow_all(ruleset, programs, ARRAY_SIZE(programs), FS_READ | FS_EXECUTE, false);
	return r;
}

static int allow_rights(struct ruleset *ruleset, const struct sandbox_spec *spec)
{
	const Gavea__Worker__V1__Rights *rights = spec->rights;
	uint64_t read = FS_READ | FS_IOCTL_DEV | (rights->exec ? FS_EXECUTE : 0);
	uint64_t write = ruleset->fs & ~(rights->exec ? 0 : FS_EXECUTE);
	int r = allow_granted(ruleset, rights->read_paths, rights->n_read_paths, read);

	if (r == 0)
		r = allow_granted(ruleset, rights->write_paths, rights->n_write_paths, write);
	if (r == 0 && !spec->describe && !str_empty(spec->state_directory))
		r = allow(ruleset, spec->state_directory, ruleset->fs & ~(FS_EXECUTE | FS_IOCTL_DEV), true);
	return r;
}

static int enforce(struct ruleset *ruleset, const struct sandbox_spec *spec)
{
	int r = allow_system(ruleset, spec);

	if (r == 0)
		r = allow_rights(ruleset, spec);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset->fd, 0) < 0)
		r = -errno;
	return r;
}

/* Landlock keeps its processes from looking into those outside, whatever capabilities they have. Where the operator has
 * given a plugin the right to look into all processes, it has no hold on files either, which can be reached through
 * those; so it would only void what was granted. */
static bool looks_into_processes(const struct sandbox_spec *spec)
{
	bool granted = false;

	for (size_t i = 0; i < spec->rights->n_capabilities; i++)
		granted |= streq(spec->rights->capabilities[i], "CAP_SYS_PTRACE");
	return granted && !spec->describe && capng_have_capability(CAPNG_PERMITTED, CAP_SYS_PTRACE);
}

int sandbox_landlock(const struct sandbox_spec *spec, struct sandbox_report *report, struct error *error)
{
	struct ruleset ruleset = {.abi = landlock_abi(), .missing = BUF_INIT};
	struct ruleset_attributes attributes = attributes_for(ruleset.abi, spec->rights);
	/* Kernels judge the size: an older one takes no more than it knows. */
	size_t size = ruleset.abi >= 6 ? 24 : ruleset.abi >= 4 ? 16 : 8;
	int r;

	if (ruleset.abi < 1) {
		sandbox_say(report, "landlock: not available on this kernel");
		return 0;
	}
	if (looks_into_processes(spec)) {
		sandbox_say(report, "landlock: off, since it would void CAP_SYS_PTRACE");
		return 0;
	}
	ruleset.fs = attributes.fs;
	ruleset.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
	r = ruleset.fd < 0 ? -errno : enforce(&ruleset, spec);
	fd_close(ruleset.fd);
	if (r < 0)
		error_set(error, r, "cannot restrict access to files: %s", strerror(-r));
	else
		sandbox_say(report, "landlock: abi %d, %s%s%s", ruleset.abi,
			spec->describe ? "nothing writable" : "granted paths only",
			attributes.net ? ", no TCP" : "",
			attributes.scoped & SCOPE_SIGNAL ? ", no signals" : "");
	if (r == 0 && ruleset.missing.size)
		sandbox_say(report, "landlock: granted, but not there: %s", buf_str(&ruleset.missing));
	buf_done(&ruleset.missing);
	return r;
}
