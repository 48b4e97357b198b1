/* SPDX-License-Identifier: Apache-2.0 */
/* Any other proxy, by two programs of the operator: one that sets a share, one that tells what is in force. */
#include "command.h"
#include "exec_view.h"
#include "traffic_internal.h"

#include <stdio.h>

#define ARGUMENTS_MAX 64

struct exec {
	struct traffic base;
	const char *const *set;
	const char *const *observe;
};

static struct exec *to_exec(struct traffic *traffic)
{
	return (struct exec *)traffic;
}

static void add_percent(struct buf *out, uint32_t share)
{
	buf_printf(out, "%u", share / 100);
	if (share % 10)
		buf_printf(out, ".%02u", share % 100);
	else if (share % 100)
		buf_printf(out, ".%u", share % 100 / 10);
}

/* "%p", "%s" and "%%"; anything else stays. */
static char *expand(const char *argument, uint32_t share)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (const char *c = argument; *c; c++) {
		if (c[0] == '%' && c[1] == 'p')
			add_percent(&out, share);
		else if (c[0] == '%' && c[1] == 's')
			buf_printf(&out, "%u", share);
		else if (c[0] == '%' && c[1] == '%')
			buf_add_char(&out, '%');
		else {
			buf_add_char(&out, *c);
			continue;
		}
		c++;
	}
	return buf_take(&out);
}

static int run_expanded(
	const char *const *from, char **arguments, uint32_t share, int64_t deadline, struct error *error)
{
	for (unsigned i = 0; from[i]; i++) {
		arguments[i] = expand(from[i], share);
		if (!arguments[i])
			return error_set(error, -ENOMEM, "out of memory");
	}
	return command_run((const char *const *)arguments, deadline, NULL, error);
}

static int exec_set(struct traffic *traffic, uint32_t share, int64_t deadline, struct error *error)
{
	char *arguments[ARGUMENTS_MAX + 1] = {NULL};
	int r;

	if (share > SHARE_ALL)
		return error_set(error, -ERANGE, "a share is 0 to %u, not %u", SHARE_ALL, share);
	r = run_expanded(to_exec(traffic)->set, arguments, share, deadline, error);
	for (unsigned i = 0; arguments[i]; i++)
		free(arguments[i]);
	return r;
}

static int exec_observe(
	struct traffic *traffic, struct traffic_view *ret_view, int64_t deadline, struct error *error)
{
	const char *const *arguments = to_exec(traffic)->observe;
	_cleanup_buf_ struct buf output = BUF_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	int r = command_run(arguments, deadline, &output, error);

	if (r < 0)
		return r;
	traffic_view_init(ret_view);
	r = exec_view_parse(&output, ret_view, &why);
	return r < 0 ? error_set(error, r, "%s: %s", arguments[0], error_text(&why, r)) : 0;
}

static int unable(const char *what, enum colour colour, struct error *error)
{
	return error_set(
		error, -EOPNOTSUPP, "the traffic driver exec can't %s %s", what, colour_name(colour));
}

/* With the share at the other colour there is nothing left to do. */
static int exec_drain(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	struct traffic_view view;
	uint32_t without = colour == COLOUR_GREEN ? 0 : SHARE_ALL;
	int r = exec_observe(traffic, &view, deadline, error);

	if (r < 0)
		return r;
	return view.share == without ? 0 : unable("drain", colour, error);
}

static int exec_ready(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)traffic;
	(void)colour;
	(void)deadline;
	(void)error;
	return 0;
}

static int exec_cut(struct traffic *traffic, enum colour colour, int64_t deadline, struct error *error)
{
	(void)traffic;
	(void)deadline;
	return unable("cut", colour, error);
}

static void exec_close(struct traffic *traffic)
{
	free(to_exec(traffic));
}

static const struct traffic_driver exec_driver = {
	.name = "exec",
	.set = exec_set,
	.observe = exec_observe,
	.drain = exec_drain,
	.ready = exec_ready,
	.cut = exec_cut,
	.close = exec_close,
};

int traffic_exec_open(
	const struct traffic_settings *settings, struct traffic **ret_traffic, struct error *error)
{
	struct exec *exec;
	unsigned count = 0;
	int r = command_check("set", settings->set_command, error);

	if (r == 0)
		r = command_check("observe", settings->observe_command, error);
	if (r < 0)
		return r;
	while (settings->set_command[count])
		count++;
	if (count > ARGUMENTS_MAX)
		return error_set(error, -EINVAL, "set: more than %d arguments", ARGUMENTS_MAX);
	exec = calloc(1, sizeof *exec);
	if (!exec)
		return error_set(error, -ENOMEM, "out of memory");
	exec->base.driver = &exec_driver;
	exec->set = settings->set_command;
	exec->observe = settings->observe_command;
	*ret_traffic = &exec->base;
	return 0;
}
