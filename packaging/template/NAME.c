/* SPDX-License-Identifier: Apache-2.0 */
/* @NAME@ - a plugin for the gavea agent: how large is a file? Make it yours. */
#include <gavea/plugin.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What one check needs between its runs. It hangs from the pointer that open() hands out. */
struct state {
	const char *path;
	int64_t warning;
	int bytes; /* number of the series */
};

static int PLUGIN_IDENT_open(struct gavea_check *check, void **ret_state)
{
	struct state *state = calloc(1, sizeof *state);
	struct gavea_pair label;

	if (!state)
		return gavea_fail(check, -ENOMEM, "out of memory");
	state->path = gavea_option_string(check, "path");
	state->warning = gavea_option_int(check, "warning");
	label = (struct gavea_pair){"path", state->path};
	state->bytes = gavea_series(check, "PLUGIN_IDENT_file_size_bytes", GAVEA_GAUGE, "bytes",
		"Size of the watched file", &label, 1);
	if (state->bytes < 0) {
		int error = state->bytes;

		free(state);
		return gavea_fail(check, error, "cannot declare the series: %s", strerror(-error));
	}
	*ret_state = state;
	return 0;
}

static int PLUGIN_IDENT_run(struct gavea_check *check, void *data)
{
	const struct state *state = data;
	enum gavea_status status = GAVEA_OK;
	struct stat st;

	if (stat(state->path, &st) < 0) {
		gavea_result(check, GAVEA_CRITICAL, "%s: %s", state->path, strerror(errno));
		return 0;
	}
	if (st.st_size > state->warning)
		status = GAVEA_WARNING;
	gavea_item(check, state->path, status, "%lld bytes", (long long)st.st_size);
	gavea_sample(check, state->bytes, (double)st.st_size);
	gavea_result(check, status, "%s has %lld bytes", state->path, (long long)st.st_size);
	return 0;
}

static void PLUGIN_IDENT_close(struct gavea_check *check, void *data)
{
	(void)check;
	free(data);
}

static const struct gavea_option options[] = {
	{"path", GAVEA_OPTION_STRING, 0, "/etc/passwd", NULL, "The file to watch"},
	{"warning", GAVEA_OPTION_SIZE, 0, "1MiB", "1B..", "Warn when the file is larger than this"},
};

/* "${path}" is replaced by the option: the sandbox lets the plugin see just that file. */
static const char *const read_paths[] = {"${path}", NULL};

static const struct gavea_needs needs = {
	.size = sizeof needs,
	.memory = 16 << 20,
	.read_paths = read_paths,
};

static const struct gavea_plugin plugin = {
	.magic = GAVEA_PLUGIN_MAGIC,
	.abi_major = GAVEA_ABI_MAJOR,
	.abi_minor = GAVEA_ABI_MINOR,
	.size = sizeof plugin,
	.name = "@NAME@",
	.version = "0.1",
	.summary = "Watches the size of a file",
	.options = options,
	.option_count = sizeof options / sizeof options[0],
	.option_size = sizeof options[0],
	.needs = &needs,
	.open = PLUGIN_IDENT_open,
	.run = PLUGIN_IDENT_run,
	.close = PLUGIN_IDENT_close,
};

const struct gavea_plugin *gavea_plugin(void)
{
	return &plugin;
}
