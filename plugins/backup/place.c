/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "base/buf.h"
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MOUNTINFO_MAX (8u << 20)
#define DEPTH_MAX 8 /* of devices upon devices */
#define SERVER_MAX 200

const char *place_medium_name(enum place_medium medium)
{
	static const char *const names[PLACE_MEDIA] = {[PLACE_DISK] = "disk",
		[PLACE_REMOVABLE] = "removable disk",
		[PLACE_SHARE] = "share",
		[PLACE_SERVER] = "server",
		[PLACE_OBJECTS] = "object store",
		[PLACE_UNKNOWN] = "nowhere"};

	return names[medium];
}

/* ---- Addresses ---- */

/* "host", "host.domain" and the like, whether it is this machine. */
static bool is_here(const char *host, const char *own_host)
{
	size_t length = strcspn(own_host, ".");

	if (streq(host, "localhost") || startswith(host, "127.") || streq(host, "::1") ||
		streq(host, "[::1]"))
		return true;
	return length && strncasecmp(host, own_host, length) == 0 && (!host[length] || host[length] == '.');
}

/* "user:password@host:port/…": the host, without brackets' port. Returns what follows it. */
static const char *take_host(const char *text, char host[static SERVER_MAX])
{
	size_t length = strcspn(text, "/");
	const char *at = memrchr(text, '@', length), *end;

	if (at) {
		length -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	end = text + length;
	if (*text == '[' && memchr(text, ']', length))
		length = (size_t)((const char *)memchr(text, ']', length) + 1 - text);
	else if (memchr(text, ':', length))
		length = (size_t)((const char *)memchr(text, ':', length) - text);
	snprintf(host, SERVER_MAX, "%.*s", (int)MIN(length, (size_t)SERVER_MAX - 1), text);
	return end;
}

static bool set_server(struct place *place, const char *host, const char *own_host)
{
	*place = (struct place){.medium = PLACE_SERVER, .remote = !is_here(host, own_host)};
	snprintf(place->location, sizeof(place->location), "%s",
		place->remote ? host : "this machine's server");
	return true;
}

/* "s3:https://endpoint/bucket/path", "s3:endpoint/bucket", "b2:bucket:path" */
static bool read_bucket(const char *rest, bool endpoint, const char *own_host, struct place *place)
{
	char host[SERVER_MAX] = "";
	const char *scheme = strstr(rest, "://");

	if (endpoint) {
		rest = take_host(scheme ? scheme + 3 : rest, host);
		rest += strspn(rest, "/");
	}
	*place = (struct place){.medium = PLACE_OBJECTS, .remote = !*host || !is_here(host, own_host)};
	snprintf(place->location, sizeof(place->location), "bucket %.*s%s%s",
		(int)MIN(strcspn(rest, "/:"), (size_t)40), rest, *host ? " of " : "", host);
	return true;
}

bool place_parse(const char *address, const char *own_host, struct place *ret_place, const char **ret_path)
{
	static const char *const buckets[] = {"b2:", "azure:", "gs:", "swift:", "rclone:"};
	const char *rest, *colon = strchr(address, ':'), *scheme = strstr(address, "://");
	char host[SERVER_MAX];

	*ret_path = address;
	if (address[0] == '/')
		return false;
	if ((rest = startswith(address, "local:")) || (rest = startswith(address, "file://"))) {
		*ret_path = rest;
		return false;
	}
	if ((rest = startswith(address, "s3:")))
		return read_bucket(rest, true, own_host, ret_place);
	for (size_t i = 0; i < ARRAY_SIZE(buckets); i++)
		if ((rest = startswith(address, buckets[i])))
			return read_bucket(rest, false, own_host, ret_place);
	if (scheme) {
		take_host(scheme + 3, host);
		return set_server(ret_place, host, own_host);
	}
	rest = startswith(address, "sftp:");
	if (!rest && !colon)
		return false;
	take_host(rest ? rest : address, host);
	return set_server(ret_place, host, own_host);
}

/* ---- Paths ---- */

/* Octal escapes, as the kernel writes blanks. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
			p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	*to = '\0';
}

static bool is_below(const char *path, const char *mount)
{
	size_t length = strlen(mount);

	while (length && mount[length - 1] == '/')
		length--;
	return strncmp(path, mount, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw" */
static bool read_mount(const char *line, size_t size, char *point, size_t room, struct place_mount *mount)
{
	_cleanup_free_ char *copy = strndup(line, size);
	char *word[6] = {NULL}, *rest = NULL, *dash;

	if (!copy || !(dash = strstr(copy, " - ")))
		return false;
	*dash = '\0';
	for (size_t i = 0; i < 5; i++)
		if (!(word[i] = strtok_r(i ? NULL : copy, " ", &rest)))
			return false;
	unescape(word[4]);
	if (strlen(word[4]) >= room)
		return false;
	strcpy(point, word[4]); /* NOLINT: measured above */
	snprintf(mount->device, sizeof(mount->device), "%s", word[2]);
	word[0] = strtok_r(dash + 3, " ", &rest);
	word[1] = word[0] ? strtok_r(NULL, " ", &rest) : NULL;
	if (!word[1])
		return false;
	unescape(word[1]);
	snprintf(mount->type, sizeof(mount->type), "%s", word[0]);
	snprintf(mount->source, sizeof(mount->source), "%s", word[1]);
	return true;
}

bool place_find_mount(const char *mountinfo, const char *path, struct place_mount *ret_mount)
{
	char point[PATH_MAX];
	size_t best = 0, length;

	for (const char *line = mountinfo; *line; line += length + (line[length] == '\n')) {
		struct place_mount mount;

		length = strcspn(line, "\n");
		/* Of two on the same point the later one is seen. */
		if (read_mount(line, length, point, sizeof(point), &mount) && is_below(path, point) &&
			strlen(point) >= best) {
			best = strlen(point);
			*ret_mount = mount;
		}
	}
	return best > 0;
}

static bool is_removable(const char *device)
{
	char path[PATH_MAX + 16], value[4] = "";
	_cleanup_fd_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/removable", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return (fd >= 0 && read(fd, value, 1) == 1 && value[0] == '1') || strstr(device, "/usb");
}

static void add_disk(struct place *place, const char *device)
{
	const char *name = strrchr(device, '/');
	size_t used = strlen(place->location);

	snprintf(place->location + used, sizeof(place->location) - used, "%s%s", used ? " " : "disk ",
		name ? name + 1 : device);
	if (!is_removable(device))
		place->medium = PLACE_DISK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* From a device of /sys to the disks that it is made of. */
static void follow(struct place *place, const char *device, int depth) /* NOLINT(misc-no-recursion) */
{
	char path[2 * PATH_MAX], real[PATH_MAX];
	struct dirent **slaves = NULL;
	int count;

	if (!realpath(device, real) || depth > DEPTH_MAX)
		return;
	if (snprintf(path, sizeof(path), "%s/partition", real) < (int)sizeof(path) && access(path, F_OK) == 0)
		*strrchr(real, '/') = '\0';
	count = snprintf(path, sizeof(path), "%s/slaves", real) < (int)sizeof(path)
		? scandir(path, &slaves, is_name, by_name)
		: -1;
	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%s/slaves/%s", real, slaves[i]->d_name) < (int)sizeof(path))
			follow(place, path, depth + 1);
		free(slaves[i]);
	}
	free(slaves);
	if (count <= 0)
		add_disk(place, real);
}

static bool is_share(const char *type)
{
	static const char *const shares[] = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph",
		"fuse.glusterfs", "glusterfs", "afs", "fuse.rclone", "fuse.s3fs"};

	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		if (streq(type, shares[i]))
			return true;
	return false;
}

/* The source of a share: "host:/path", "//host/path", "user@host:path". */
static void locate_share(struct place *place, const struct place_mount *mount, const char *own_host)
{
	char host[SERVER_MAX];

	take_host(startswith(mount->source, "//") ? mount->source + 2 : mount->source, host);
	place->medium = PLACE_SHARE;
	place->remote = !is_here(host, own_host);
	snprintf(place->location, sizeof(place->location), "%s",
		place->remote ? host : "this machine's server");
}

static void locate_mount(struct place *place, const struct place_mount *mount, const char *own_host)
{
	char device[PATH_MAX];
	struct stat st;

	if (is_share(mount->type)) {
		locate_share(place, mount, own_host);
		return;
	}
	place->medium = PLACE_REMOVABLE; /* unless one of its disks is not */
	snprintf(device, sizeof(device), "/sys/dev/block/%s", mount->device);
	/* btrfs and others have numbers of their own. */
	if (access(device, F_OK) < 0 && stat(mount->source, &st) == 0 && S_ISBLK(st.st_mode))
		snprintf(
			device, sizeof(device), "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	follow(place, device, 0);
	if (*place->location)
		return;
	place->medium = PLACE_DISK;
	snprintf(place->location, sizeof(place->location), "file system %s (%s)", mount->device, mount->type);
}

/* Of a pattern, or of what is not there yet, the nearest folder. */
static bool find_folder(const char *path, char real[static PATH_MAX])
{
	_cleanup_free_ char *copy = strdup(path);

	while (copy && *copy) {
		char *slash = strrchr(copy, '/');

		if (!strpbrk(copy, "*?[") && realpath(copy, real))
			return true;
		/* A repository that is missing lies nowhere; that a pattern fits nothing is another matter. */
		if (!slash || (!strpbrk(copy, "*?[") && streq(copy, path)))
			return false;
		slash[slash == copy] = '\0';
	}
	return false;
}

void place_locate(const char *address, struct place *ret_place)
{
	_cleanup_buf_ struct buf mountinfo = BUF_INIT;
	char own_host[256] = "", real[PATH_MAX];
	struct place_mount mount;
	const char *path;

	(void)gethostname(own_host, sizeof(own_host) - 1);
	if (place_parse(address, own_host, ret_place, &path))
		return;
	*ret_place = (struct place){.medium = PLACE_UNKNOWN, .location = "nowhere"};
	if (!find_folder(path, real) ||
		file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo) < 0 ||
		!place_find_mount(buf_str(&mountinfo), real, &mount))
		return;
	*ret_place = (struct place){.medium = PLACE_DISK};
	locate_mount(ret_place, &mount, own_host);
}
