/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "cli/status_text.h"

#include <poll.h>
#include <stdio.h>

#define REDRAW_MS 200 /* at most so often, however much changes */
#define TICK_MS 1000 /* ages grow */
#define AGENT_MS 5000 /* the agent's own state is not among the changes: asked for so often */

#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct watch {
	struct cli *cli;
	const char *check; /* NULL: all */
	struct terminal terminal;
	struct snapshot snapshot;
	struct client *client;
	int signals;
	bool whole; /* the first whole answer is there: what comes now are changes */
	bool lost; /* it has been said that the daemon is gone */
	bool dirty;
	int64_t drawn_ms, asked_ms; /* CLOCK_MONOTONIC */
	char *trouble; /* why there is no connection */
};

static int64_t mono_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NSEC_PER_MSEC;
}

/* ---- Lines: not on a terminal ---- */

/* Whether there is more to say of a check than that it runs, or ran as before. */
static bool check_changed(const struct watch *watch, const check_status_t *status)
{
	const check_status_t *before = snapshot_check(&watch->snapshot, status->name);

	if (!before || status->gone || !before->result || !status->result)
		return !before || status->gone || !before->result != !status->result;
	return before->result->state != status->result->state ||
		before->result->flapping != status->result->flapping ||
		!streq(before->result->summary, status->result->summary);
}

static bool output_changed(const struct watch *watch, const Gavea__Control__V1__OutputStatus *output)
{
	const Gavea__Control__V1__OutputStatus *before = snapshot_output(&watch->snapshot, output->name);

	return !before || !streq(before->error, output->error) ||
		before->lost_records != output->lost_records;
}

static int print_change(const struct watch *watch, const answer_t *answer)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json json;

	json_init(&json, &out);
	if (answer->body_case == GAVEA__CONTROL__V1__ANSWER__BODY_CHECK) {
		if (watch->check && !streq(answer->check->name, watch->check))
			return 0;
		if (watch->cli->json)
			status_json_check(&json, answer->check);
		else if (check_changed(watch, answer->check))
			status_line_check(answer->check, clock_unix_ms(), &out);
	} else if (answer->body_case == GAVEA__CONTROL__V1__ANSWER__BODY_OUTPUT && !watch->check) {
		if (watch->cli->json)
			status_json_output(&json, answer->output);
		else if (output_changed(watch, answer->output))
			status_line_output(answer->output, clock_unix_ms(), &out);
	}
	if (out.size && watch->cli->json)
		buf_add_char(&out, '\n');
	return out.size ? say(&out) : 0;
}

/* ---- Screen ---- */

/* Each line is cleared to its end behind what is written, so that nothing flickers. */
static void add_screen(const struct watch *watch, const char *text, struct buf *out)
{
	unsigned line = 0, height = watch->terminal.height ? watch->terminal.height : 10000;

	buf_add_str(out, "\033[H");
	while (*text && line + 1 < height) {
		const char *end = strchrnul(text, '\n');

		buf_add(out, text, (size_t)(end - text));
		buf_add_str(out, "\033[K\r\n");
		text = *end ? end + 1 : end;
		line++;
	}
	if (*text)
		buf_add_str(out, "(more than fits; Ctrl-C ends)");
	buf_add_str(out, "\033[K\033[J");
}

static int draw(struct watch *watch)
{
	_cleanup_buf_ struct buf text = BUF_INIT, screen = BUF_INIT;
	const check_status_t *status;
	struct terminal now = terminal_get();

	watch->terminal.width = now.width;
	watch->terminal.height = now.height;
	watch->dirty = false;
	watch->drawn_ms = mono_ms();
	if (watch->trouble) {
		style_begin(&watch->terminal, STYLE_CRITICAL, &text);
		text_clean(watch->trouble, &text);
		style_end(&watch->terminal, STYLE_CRITICAL, &text);
		buf_add_str(&text, "\nWhat follows is what was known last.\n\n");
	}
	if (!watch->check)
		status_text(&watch->snapshot, &watch->terminal, clock_unix_ms(), &text);
	else if ((status = snapshot_check(&watch->snapshot, watch->check)))
		status_text_check(status, &watch->terminal, clock_unix_ms(), &text);
	else
		buf_printf(&text, "There is no check \"%s\" at the moment.\n", watch->check);
	add_screen(watch, buf_str(&text), &screen);
	return say(&screen);
}

/* ---- The connection ---- */

static int ask(struct watch *watch, bool follow, struct client **ret_client, struct error *error)
{
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;

	get.follow = follow;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	return client_ask(watch->cli->socket, &request, ret_client, error);
}

static void lose(struct watch *watch, const struct error *error, int r)
{
	client_free(TAKE_PTR(watch->client));
	free(watch->trouble);
	watch->trouble = strdup(error_text(error, r));
	watch->dirty = true;
	if (!watch->lost && !watch->terminal.is_terminal)
		complain(0, "%s; waiting for it", error_text(error, r));
	watch->lost = true;
}

static void connect_again(struct watch *watch)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = ask(watch, true, &watch->client, &error);

	if (r < 0) {
		lose(watch, &error, r);
		return;
	}
	free(TAKE_PTR(watch->trouble));
	watch->lost = watch->whole = false;
	snapshot_done(&watch->snapshot);
	watch->asked_ms = mono_ms();
}

static int take_agent(const answer_t *answer, void *userdata)
{
	struct watch *watch = userdata;

	if (answer->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_AGENT)
		return 0;
	watch->dirty = true;
	/* The rest of the answer is known already. */
	return snapshot_take(&watch->snapshot, (answer_t *)answer) < 0 ? -ENOMEM : -ECANCELED;
}

/* Asks for the agent's own state, on a connection of its own. Failure shows on the other one. */
static void refresh_agent(struct watch *watch)
{
	Gavea__Control__V1__GetStatus get = GAVEA__CONTROL__V1__GET_STATUS__INIT;
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;

	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_STATUS;
	request.status = &get;
	watch->asked_ms = mono_ms();
	client_ask_all(watch->cli->socket, &request, take_agent, watch, NULL);
}

/* Takes in all that is there. 0, or an exit code to end with. */
static int receive(struct watch *watch)
{
	for (;;) {
		_cleanup_error_ struct error error = ERROR_INIT;
		answer_t *answer;
		int r = client_next(watch->client, 0, &answer, &error), code = 0;

		if (r == -ETIMEDOUT)
			return 0;
		if (r < 0) {
			lose(watch, &error, r);
			return 0;
		}
		watch->dirty = true;
		if (r == 0) {
			watch->whole = true;
			continue;
		}
		if (!watch->terminal.is_terminal)
			code = print_change(watch, answer);
		snapshot_take(&watch->snapshot, answer);
		gavea__control__v1__answer__free_unpacked(answer, NULL);
		if (code)
			return code;
	}
}

static int step(struct watch *watch)
{
	struct pollfd fds[] = {{.fd = watch->signals, .events = POLLIN},
		{.fd = watch->client ? client_fd(watch->client) : -1, .events = POLLIN}};
	bool screen = watch->terminal.is_terminal;
	int64_t wait = watch->dirty && screen ? watch->drawn_ms + REDRAW_MS - mono_ms() : TICK_MS;
	int code = 0;

	if (poll(fds, ARRAY_SIZE(fds), (int)MAX(wait, (int64_t)0)) < 0 && errno != EINTR)
		return complain(CLI_FAILED, "cannot wait: %s", strerror(errno));
	if (fds[0].revents && signals_take(watch->signals))
		return -ECANCELED;
	if (fds[1].revents)
		code = receive(watch);
	if (!watch->client)
		connect_again(watch);
	if (!screen || code)
		return code;
	if (watch->whole && mono_ms() - watch->asked_ms >= AGENT_MS)
		refresh_agent(watch);
	if (mono_ms() - watch->drawn_ms >= (watch->dirty ? REDRAW_MS : TICK_MS) &&
		(watch->whole || watch->trouble))
		return draw(watch);
	return 0;
}

int watch_status(struct cli *cli, const char *check)
{
	struct watch watch = {.cli = cli, .check = check, .terminal = terminal_get()};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = ask(&watch, true, &watch.client, &error);

	if (r < 0)
		return complain_error(check ? CLI_UNKNOWN : CLI_FAILED, &error, r);
	if (cli->json)
		watch.terminal.is_terminal = false;
	watch.signals = signals_open();
	watch.asked_ms = mono_ms();
	if (watch.terminal.is_terminal)
		fputs(SCREEN_ENTER, stdout);
	do
		r = watch.signals < 0 ? CLI_FAILED : step(&watch);
	while (r == 0);
	if (watch.terminal.is_terminal) {
		fputs(SCREEN_LEAVE, stdout);
		fflush(stdout);
	}
	fd_close(watch.signals);
	client_free(watch.client);
	snapshot_done(&watch.snapshot);
	free(watch.trouble);
	return r < 0 ? 0 : r;
}
