/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uptime - how long has this host been up, and did it start again without anybody asking?
 *
 * A whole plugin in one file, written against the installed header only: options, an item, a sample, an event,
 * and state that outlives the worker. Build and try it with `make check`.
 */
#include <gavea/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NSEC_PER_SEC INT64_C(1000000000)
#define BOOT_ID_SIZE 36

struct uptime {
	int fd; /* of /proc/uptime: opened once, read again and again */
	int seconds; /* number of the series */
	int64_t young; /* the option, ns */
};

static void uptime_close(struct gavea_check *check, void *data)
{
	struct uptime *uptime = data;

	(void)check;
	if (uptime->fd >= 0)
		close(uptime->fd);
	free(uptime);
}

static int uptime_open(struct gavea_check *check, void **ret_state)
{
	struct uptime *uptime = calloc(1, sizeof *uptime);
	int r;

	if (!uptime)
		return gavea_fail(check, -ENOMEM, "out of memory");
	uptime->young = gavea_option_int(check, "young");
	uptime->fd = open("/proc/uptime", O_RDONLY | O_CLOEXEC);
	uptime->seconds = gavea_series(
		check, "uptime_seconds", GAVEA_GAUGE, "seconds", "Time since the host started", NULL, 0);
	if (uptime->fd < 0)
		r = gavea_fail(check, -errno, "/proc/uptime: %s", strerror(errno));
	else if (uptime->seconds < 0)
		r = gavea_fail(check, uptime->seconds, "the series was refused");
	else
		r = 0;
	if (r < 0)
		uptime_close(check, uptime);
	else
		*ret_state = uptime;
	return r;
}

/* The kernel's name for this boot. 0 or -errno. */
static int read_boot_id(char id[static BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, BOOT_ID_SIZE);
	int r = n == BOOT_ID_SIZE ? 0 : n < 0 ? -errno : -EIO;

	if (fd >= 0)
		close(fd);
	return r;
}

/* Compares with what the last run kept, and tells of a new boot once. Workers come and go: only what was
 * committed is still there. */
static int notice_boot(struct gavea_check *check)
{
	char id[BOOT_ID_SIZE];
	const void *before;
	size_t size;
	int r = read_boot_id(id);

	if (r < 0)
		return r;
	r = gavea_state_get(check, "boot_id", &before, &size);
	if (r == 0 && size == sizeof id && memcmp(before, id, sizeof id) == 0)
		return 0;
	if (r == 0)
		gavea_event(check, "host-started", GAVEA_WARNING, "the host has started again", NULL, 0);
	r = gavea_state_set(check, "boot_id", id, sizeof id);
	return r < 0 ? r : gavea_state_commit(check);
}

static int uptime_run(struct gavea_check *check, void *data)
{
	const struct uptime *uptime = data;
	enum gavea_status status;
	char text[64];
	double seconds;
	ssize_t n = pread(uptime->fd, text, sizeof text - 1, 0);

	if (n <= 0)
		return gavea_fail(check, -EIO, "/proc/uptime cannot be read");
	text[n] = 0;
	if (sscanf(text, "%lf", &seconds) != 1)
		return gavea_fail(check, -EBADMSG, "/proc/uptime does not begin with a number");
	if (notice_boot(check) < 0)
		gavea_log(check, GAVEA_LOG_WARNING, "cannot keep track of boots");
	status = seconds * (double)NSEC_PER_SEC < (double)uptime->young ? GAVEA_WARNING : GAVEA_OK;
	gavea_item(check, "boot", status, "%s", status == GAVEA_OK ? "long ago" : "not long ago");
	gavea_sample(check, uptime->seconds, seconds);
	gavea_result(check, status, "up for %.1f hours", seconds / 3600);
	return 0;
}

static const struct gavea_option options[] = {
	{"young", GAVEA_OPTION_DURATION, 0, "5min", "0..30d", "Warn for so long after a start"},
};

static const struct gavea_needs needs = {.size = sizeof needs, .memory = 16 << 20};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof plugin,
	.name = "uptime",
	.version = "1.0",
	.summary = "Time since the host started",
	.options = options,
	.option_count = sizeof options / sizeof options[0],
	.option_size = sizeof options[0],
	.needs = &needs,
	.open = uptime_open,
	.run = uptime_run,
	.close = uptime_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
