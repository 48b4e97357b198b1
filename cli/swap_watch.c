/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "cli/swap.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define PAUSE_MS 1000
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct swap_watcher {
	struct cli *cli;
	const char *app;
	struct terminal terminal;
	int signals;
	bool seen; /* a swap was under way */
	char said[256]; /* the last line, where there is no screen */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int show_line(struct swap_watcher *watcher, const json_t *status)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char key[256];

	snprintf(key, sizeof key, "%s %lld %s", text_of(status, "state"),
		(long long)json_integer_value(json_object_get(status, "step")), text_of(status, "status"));
	if (streq(key, watcher->said) && !watcher->cli->json)
		return 0;
	snprintf(watcher->said, sizeof watcher->said, "%s", key);
	if (watcher->cli->json) {
		char *text = json_dumps(status, JSON_COMPACT);

		buf_printf(&out, "%s\n", text ? text : "{}");
		free(text);
	} else {
		text_clean(text_of(status, "summary"), &out);
		buf_add_char(&out, '\n');
	}
	return say(&out);
}

static int show_screen(struct swap_watcher *watcher, const json_t *status, const char *trouble)
{
	_cleanup_buf_ struct buf text = BUF_INIT, screen = BUF_INIT;
	struct terminal now = terminal_get();
	const char *line;

	watcher->terminal.width = now.width;
	if (trouble) {
		text_clean(trouble, &text);
		buf_add_str(&text, "\n\n");
	}
	if (status)
		swap_text(status, &watcher->terminal, &text);
	buf_add_str(&text, "\nCtrl-C ends this view, never the swap.\n");
	buf_add_str(&screen, "\033[H");
	line = buf_str(&text);
	while (*line) {
		size_t length = strcspn(line, "\n");

		buf_add(&screen, line, length);
		buf_add_str(&screen, "\033[K\r\n");
		line += length + (line[length] == '\n');
	}
	buf_add_str(&screen, "\033[J");
	return say(&screen);
}

/* Below 0: go on. Else the exit code. */
static int look(struct swap_watcher *watcher)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	json_t *status = NULL;
	const json_t *last;
	bool screen = watcher->terminal.is_terminal && !watcher->cli->json;
	int code, r = swap_ask_json(watcher->cli, watcher->app, "status", &status, &error);

	if (r < 0 && !watcher->seen)
		return complain_error(CLI_FAILED, &error, r);
	if (r < 0) /* The agent may be restarted meanwhile: the swap goes on. */
		return screen && show_screen(watcher, NULL, error_text(&error, r)) ? CLI_FAILED : -1;
	code = screen ? show_screen(watcher, status, NULL) : show_line(watcher, status);
	last = json_object_get(status, "last");
	if (!code && last && watcher->seen)
		code = streq(text_of(last, "outcome"), "DONE") ? 0 : CLI_FAILED;
	else if (!code)
		code = -1;
	if (!last)
		watcher->seen = true;
	else if (code < 0)
		code = 0; /* nothing is under way */
	json_decref(status);
	return code;
}

int swap_watch(struct cli *cli, const char *app)
{
	struct swap_watcher watcher = {
		.cli = cli, .app = app, .terminal = terminal_get(), .signals = signals_open()};
	struct pollfd fd = {.fd = watcher.signals, .events = POLLIN};
	bool screen = watcher.terminal.is_terminal && !cli->json;
	int code;

	if (watcher.signals < 0)
		return complain(CLI_FAILED, "cannot wait for signals: %s", strerror(-watcher.signals));
	if (screen)
		fputs(SCREEN_ENTER, stdout);
	while ((code = look(&watcher)) < 0) {
		if (poll(&fd, 1, PAUSE_MS) > 0 && signals_take(watcher.signals)) {
			code = 0;
			break;
		}
	}
	if (screen) {
		fputs(SCREEN_LEAVE, stdout);
		fflush(stdout);
	}
	fd_close(watcher.signals);
	return code;
}
