/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the numbers from 1 on, an event each, and keeps the last one where no fault of the agent can reach it. */
#include <gavea/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file has a byte for each number that was told. Returns the next number, or -errno. */
static long next_number(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct stat st;
	long number;

	if (fd < 0)
		return -errno;
	number = write(fd, ".", 1) == 1 && fstat(fd, &st) == 0 ? (long)st.st_size : -errno;
	close(fd);
	return number;
}

static int numbers_run(struct gavea_check *check, void *state)
{
	(void)state;
	for (int64_t i = 0; i < gavea_option_int(check, "count"); i++) {
		long number = next_number(gavea_option_string(check, "file"));
		char summary[24];

		if (number < 0)
			return gavea_fail(check, (int)number, "the file cannot be written");
		snprintf(summary, sizeof summary, "%06ld", number);
		gavea_event(check, "number", GAVEA_OK, summary, NULL, 0);
	}
	gavea_result(check, GAVEA_OK, "told");
	return 0;
}

static const struct gavea_option options[] = {
	{"file", GAVEA_OPTION_STRING, GAVEA_OPTION_REQUIRED, NULL, NULL, "Where the last number is kept"},
	{"count", GAVEA_OPTION_INT, 0, "1", "1..1000", "So many a run"},
};

static const char *const write_paths[] = {"${file}", NULL};

static const struct gavea_needs needs = {.size = sizeof(needs), .write_paths = write_paths};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof(struct gavea_plugin),
	.name = "numbers",
	.version = "1",
	.summary = "Tells numbers",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.option_size = sizeof(struct gavea_option),
	.needs = &needs,
	.run = numbers_run,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
