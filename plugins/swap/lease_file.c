/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file on this host that says who has the lease: "TOKEN EXPIRES HOLDER\nBOOT-ID MACHINE\n". EXPIRES is in seconds of
 * CLOCK_BOOTTIME, the clock that no one sets; after another boot nobody holds the lease. On another machine these mean
 * nothing, so a file that a network brought there is refused. Whoever looks at the file locks FILE.lock meanwhile.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "lease_provider.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX_BYTES 1024
#define HOLDER_MAX_BYTES 256
#define LEASE_ID SD_ID128_MAKE(5b, 1d, 0e, 3f, 7a, 0c, 4c, 7b, 9f, 2e, 61, 8d, 4a, 93, c0, 17)
#define LOCK_EVERY (20 * NSEC_PER_MSEC)

struct place {
	char boot[SD_ID128_STRING_MAX];
	char machine[SD_ID128_STRING_MAX];
};

struct content {
	uint64_t token;
	int64_t expires; /* seconds */
	char holder[HOLDER_MAX_BYTES + 1]; /* "": nobody */
};

static int file_judge(const struct lease_settings *settings, struct error *error)
{
	if (str_empty(settings->file))
		return error_set(error, -EINVAL,
			"lease = \"file\" needs lease_file, the path of a file that is shared");
	if (settings->ttl < NSEC_PER_SEC)
		return error_set(error, -EINVAL, "lease_ttl has to be a second at least");
	return 0;
}

/* This boot of this machine, in texts that tell no one what the machine's id is. */
static int read_place(struct place *place)
{
	sd_id128_t boot, machine;
	int r = sd_id128_get_boot(&boot);

	if (r == 0)
		r = sd_id128_get_machine_app_specific(LEASE_ID, &machine);
	if (r < 0)
		return r;
	sd_id128_to_string(boot, place->boot);
	sd_id128_to_string(machine, place->machine);
	return 0;
}

/* Waits for the lock, in steps since a lock has no deadline. */
static int lock(const char *file, int64_t deadline, int *ret_fd, struct error *error)
{
	const struct timespec pause = {.tv_nsec = LOCK_EVERY};
	_cleanup_free_ char *path = NULL;
	_cleanup_fd_ int fd = -EBADF;

	if (asprintf(&path, "%s.lock", file) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return error_set(error, -errno, "%s: %s", path, strerror(errno));
		if (clock_ns(CLOCK_MONOTONIC) >= deadline)
			return error_set(error, -EBUSY, "%s is locked by somebody for a long time", path);
		nanosleep(&pause, NULL);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* "BOOT MACHINE\n". 1: of this boot; 0: of an earlier one; -EXDEV: of another machine. */
static int judge_place(const char *text, const struct place *here)
{
	struct place there;

	if (sscanf(text, "%32s %32s", there.boot, there.machine) != 2)
		return -EBADMSG;
	if (!streq(there.machine, here->machine))
		return -EXDEV;
	return streq(there.boot, here->boot);
}

static int parse(char *text, const struct place *here, struct content *content)
{
	char *end = strchr(text, '\n'), *space, *holder;
	int r;

	if (!end)
		return -EBADMSG;
	*end++ = '\0';
	space = strchr(text, ' ');
	holder = space ? strchr(space + 1, ' ') : NULL;
	if (!holder)
		return -EBADMSG;
	*space++ = '\0';
	*holder++ = '\0';
	if (parse_uint64(text, &content->token) < 0 || parse_int64(space, &content->expires) < 0 ||
		strlen(holder) > HOLDER_MAX_BYTES)
		return -EBADMSG;
	memcpy(content->holder, holder, strlen(holder) + 1);
	r = judge_place(end, here);
	if (r == 0 || content->expires <= clock_ns(CLOCK_BOOTTIME) / NSEC_PER_SEC)
		content->holder[0] = '\0';
	return MIN(r, 0);
}

/* A file that makes no sense is not overwritten: it may be somebody's. */
static int read_content(
	const char *file, const struct place *here, struct content *content, struct error *error)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, file, FILE_MAX_BYTES, &text);

	*content = (struct content){.token = 0};
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = text.size == 0 || memchr(text.data, '\0', text.size) ? -EBADMSG
									 : parse(text.data, here, content);
	if (r == -EXDEV)
		return error_set(error, r, "%s is of another machine: a lease by file is for one host", file);
	if (r == -EBADMSG)
		return error_set(error, r, "%s is no lease of ours: remove it if nobody needs it", file);
	return r < 0 ? error_set(error, r, "%s: %s", file, strerror(-r)) : 0;
}

static int write_content(
	const char *file, const struct place *here, const struct content *content, struct error *error)
{
	char text[FILE_MAX_BYTES];
	int size = snprintf(text, sizeof text, "%" PRIu64 " %" PRId64 " %s\n%s %s\n", content->token,
		content->expires, content->holder, here->boot, here->machine);
	int r = file_write_atomic(AT_FDCWD, file, text, (size_t)size, 0644);

	return r < 0 ? error_set(error, r, "%s: %s", file, strerror(-r)) : 0;
}

static int open_content(const char *file, int64_t deadline, int *ret_lock, struct place *here,
	struct content *content, struct error *error)
{
	int r = read_place(here);

	if (r < 0)
		return error_set(
			error, r, "the ids of this boot and machine can't be read: %s", strerror(-r));
	r = lock(file, deadline, ret_lock, error);
	return r < 0 ? r : read_content(file, here, content, error);
}

static int file_take(const struct lease_settings *settings, const char *holder, int64_t deadline,
	struct lease *ret_lease, struct error *error)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	_cleanup_fd_ int locked = -EBADF;
	struct content content = {.token = 0};
	struct place here;
	char text[32];
	int r = open_content(settings->file, deadline, &locked, &here, &content, error);

	if (r < 0)
		return r;
	if (content.holder[0] && !streq(content.holder, holder))
		return error_set(error, -EBUSY, "%s has the lease, for %s at most", content.holder,
			format_duration_rough(text, content.expires * NSEC_PER_SEC - now));
	if (!content.holder[0])
		content.token++;
	snprintf(content.holder, sizeof content.holder, "%s", holder);
	content.expires = (now + settings->ttl) / NSEC_PER_SEC;
	r = write_content(settings->file, &here, &content, error);
	if (r == 0)
		*ret_lease = (struct lease){.token = content.token, .ttl = settings->ttl};
	return r;
}

static int file_give(
	const struct lease_settings *settings, const char *holder, int64_t deadline, struct error *error)
{
	_cleanup_fd_ int locked = -EBADF;
	struct content content = {.token = 0};
	struct place here;
	int r = open_content(settings->file, deadline, &locked, &here, &content, error);

	if (r < 0 || !streq(content.holder, holder))
		return r;
	content.holder[0] = '\0';
	content.expires = 0;
	return write_content(settings->file, &here, &content, error);
}

const struct lease_provider lease_file = {"file", file_judge, file_take, file_give};
