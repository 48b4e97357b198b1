/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/program.h"
#include "core/worker/check.h"
#include "core/worker/plugin_check.h"
#include "core/worker/program/answers.h"
#include "core/worker/program/child.h"
#include "core/worker/program/hello.h"
#include "core/worker/program/requests.h"

#include <errno.h>
#include <stddef.h>

#define HELLO_PATIENCE_MS 8000 /* less than the host has with a worker that starts */
#define LOOK_MS 100 /* how often a wait looks whether it was cancelled */

struct program {
	struct hello hello;
	struct child child;
	char *name;
	char *path;
	unsigned starts; /* of the child: checks that an earlier one had opened are not open in this one */
};

/* One check's state. */
struct opened {
	unsigned start; /* the child's that knows it */
};

static struct program *program_of(struct gavea_check *check)
{
	const char *description = (const char *)check_of(check)->services->plugin;

	return ((const struct plugin *)(description - offsetof(struct plugin, description)))->loaded;
}

/* ---- The child ---- */

static int receive_hello(struct child *child, struct hello *ret_hello, struct error *error)
{
	char *line, cause[CHILD_CAUSE_SIZE];
	size_t size;
	json_t *root;
	int r = child_receive(child, HELLO_PATIENCE_MS, &line, &size);

	if (r == 0)
		return error_set(error, -ETIMEDOUT,
			"the program did not say \"hello\" on descriptor 3 within %d s",
			HELLO_PATIENCE_MS / 1000);
	if (r == -EMSGSIZE)
		return error_set(
			error, r, "the program's \"hello\" is longer than %zu KiB", CHILD_LINE_MAX / 1024);
	if (r < 0) {
		child_end(child, cause);
		return error_set(error, -EIO, "the program %s before it said \"hello\"", cause);
	}
	root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_object_get(root, "hello"))
		r = error_set(error, -EPROTO, "the program's first line is not {\"hello\": {...}}");
	else
		r = hello_read(json_object_get(root, "hello"), ret_hello, error);
	json_decref(root);
	return r;
}

/* Starts the child and asks it what it is. */
static int greet(struct program *program, bool describe, struct hello *ret_hello, struct error *error)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	int r = child_start(&program->child, program->path, error);

	if (r < 0)
		return r;
	request_start(&line, program->name, describe);
	r = buf_error(&line);
	if (r == 0)
		/* One that ends at once is told by its end. */
		(void)child_send(&program->child, &line);
	if (r == 0)
		r = receive_hello(&program->child, ret_hello, error);
	if (r < 0)
		child_end(&program->child, NULL);
	return MIN(r, 0);
}

static int start_again(struct program *program, struct gavea_check *check)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct hello hello;
	int r = greet(program, false, &hello, &error);

	if (r < 0)
		return gavea_fail(check, r, "%s", error_text(&error, r));
	hello_done(&hello);
	program->starts++;
	return 0;
}

/* ---- Conversations ---- */

static int end_faulty(struct program *program, struct gavea_check *check, const char *what)
{
	child_kill(&program->child);
	return gavea_fail(check, -EPROTO, "the program broke the protocol and was ended: %s", what);
}

static int end_lost(struct program *program, struct gavea_check *check, int error)
{
	char cause[CHILD_CAUSE_SIZE];

	if (error == -EMSGSIZE)
		return end_faulty(program, check, "a line longer than 256 KiB");
	child_end(&program->child, cause);
	return gavea_fail(check, -EPIPE, "the program %s", cause);
}

static int say(struct program *program, struct gavea_check *check, struct buf *line)
{
	int r = buf_error(line);

	if (r == 0)
		r = child_send(&program->child, line);
	if (line->data)
		explicit_bzero(line->data, line->size);
	buf_done(line);
	if (r == -ETIMEDOUT)
		return end_faulty(program, check, "it does not read descriptor 3");
	return r == -EPIPE ? end_lost(program, check, r) : r;
}

static int ask_to_cancel(struct program *program, struct gavea_check *check)
{
	struct buf line = BUF_INIT;

	request_cancel(&line, check);
	return say(program, check, &line);
}

/* Takes lines until the callback's end; returns what it returns. */
static int listen_for(struct program *program, struct gavea_check *check, struct gavea_command *command,
	enum answer_wanted wanted)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	bool cancelling = false;

	for (;;) {
		char *line;
		size_t size;
		int result = 0, r = child_receive(&program->child, LOOK_MS, &line, &size);

		if (r < 0)
			return end_lost(program, check, r);
		if (r > 0) {
			r = answer_take(check, command, wanted, line, size, &result, &error);
			if (r == 1)
				return result;
			if (r < 0)
				return end_faulty(program, check, error_text(&error, r));
		}
		if (!cancelling && gavea_cancelled(check)) {
			cancelling = true;
			r = ask_to_cancel(program, check);
			if (r < 0)
				return r;
		}
	}
}

static int open_in_child(struct program *program, struct gavea_check *check)
{
	struct buf line = BUF_INIT;
	int r;

	request_open(&line, check);
	r = say(program, check, &line);
	return r < 0 ? r : listen_for(program, check, NULL, ANSWER_OPENED);
}

/* The child runs and knows the check, also after an end of an earlier child. */
static int be_ready(struct program *program, struct gavea_check *check, struct opened *opened)
{
	int r = program->child.pid ? 0 : start_again(program, check);

	if (r == 0 && opened->start != program->starts) {
		r = open_in_child(program, check);
		if (r == 0)
			opened->start = program->starts;
	}
	return r;
}

/* ---- Callbacks ---- */

static int program_open(struct gavea_check *check, void **ret_state)
{
	struct opened *opened = calloc(1, sizeof *opened);
	int r = opened ? be_ready(program_of(check), check, opened) : -ENOMEM;

	if (r < 0)
		free(opened);
	else
		*ret_state = opened;
	return r;
}

static int program_run(struct gavea_check *check, void *state)
{
	struct program *program = program_of(check);
	struct buf line = BUF_INIT;
	int r = be_ready(program, check, state);

	if (r < 0)
		return r;
	request_run(&line, check);
	r = say(program, check, &line);
	return r < 0 ? r : listen_for(program, check, NULL, ANSWER_DONE);
}

static int program_command(struct gavea_check *check, void *state, struct gavea_command *command)
{
	struct program *program = program_of(check);
	struct buf line = BUF_INIT;
	int r = be_ready(program, check, state);

	if (r < 0)
		return r;
	request_command(&line, check, command);
	r = say(program, check, &line);
	return r < 0 ? r : listen_for(program, check, command, ANSWER_DONE);
}

static void program_close(struct gavea_check *check, void *state)
{
	struct program *program = program_of(check);
	struct opened *opened = state;
	struct buf line = BUF_INIT;

	if (program->child.pid && opened->start == program->starts) {
		request_close(&line, check);
		(void)say(program, check, &line);
	}
	free(opened);
}

/* ---- Loading ---- */

static void program_free(struct program *program)
{
	if (!program)
		return;
	child_end(&program->child, NULL);
	hello_done(&program->hello);
	free(program->name);
	free(program->path);
	free(program);
}
DEFINE_CLEANUP(struct program *, program_free);

static void program_unload(struct plugin *plugin)
{
	program_free(TAKE_PTR(plugin->loaded));
}

static void describe(const struct program *program, struct plugin *plugin)
{
	*plugin = (struct plugin){.description = program->hello.plugin, .needs = program->hello.needs};
	plugin->description.needs = &plugin->needs;
	plugin->description.open = program_open;
	plugin->description.close = program_close;
	if (program->hello.runs)
		plugin->description.run = program_run;
	if (program->hello.plugin.commands && program->hello.plugin.commands[0])
		plugin->description.command = program_command;
	else
		plugin->description.commands = NULL;
}

static int program_load(
	const char *name, const char *path, bool describing, struct plugin *ret_plugin, struct error *error)
{
	_cleanup_(program_freep) struct program *program = calloc(1, sizeof *program);
	struct plugin plugin;
	int r;

	if (!program)
		return -ENOMEM;
	program->child = (struct child)CHILD_INIT;
	program->name = strdup(name);
	program->path = strdup(path);
	if (!program->name || !program->path)
		return -ENOMEM;
	r = greet(program, describing, &program->hello, error);
	if (r < 0) {
		error_prefix(error, "%s", path);
		return r;
	}
	program->starts = 1;
	describe(program, &plugin);
	r = plugin_check(&plugin.description, error);
	if (r < 0) {
		error_prefix(error, "%s", path);
		return r;
	}
	if (!streq(plugin.description.name, name))
		return error_set(error, -EINVAL,
			"%s: calls itself \"%s\": rename the file to %s, or change the name in its \"hello\"",
			path, plugin.description.name, plugin.description.name);
	*ret_plugin = plugin;
	/* What needs points to moves along. */
	ret_plugin->description.needs = &ret_plugin->needs;
	ret_plugin->loaded = TAKE_PTR(program);
	return 0;
}

const struct session_loader program_loader = {
	.program = true,
	.load = program_load,
	.unload = program_unload,
};
