/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/status.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/format.h"
#include "cli/say.h"
#include "wire/convert.h"

#include <errno.h>

typedef Gavea__Control__V1__EventRecord record_t;

struct events {
	struct terminal terminal;
	bool json;
	int code; /* of writing */
};

static void add_json(const record_t *record, struct buf *out)
{
	const Gavea__V1__Event *event = record->event;
	struct json json;
	char time[32];

	json_init(&json, out);
	json_object_begin(&json);
	json_key(&json, "seq");
	json_uint(&json, record->seq);
	json_kv_string(&json, "time", clock_format_utc(time, record->time_ms, 1));
	json_kv_string(&json, "kind", event->kind);
	json_kv_string(&json, "check", record->check);
	json_kv_string(&json, "status", status_name(status_from_wire(event->status)));
	json_kv_string(&json, "summary", event->summary);
	json_key(&json, "attributes");
	json_object_begin(&json);
	for (size_t i = 0; i < event->n_attributes; i++)
		json_kv_string(&json, event->attributes[i]->key, event->attributes[i]->value);
	json_object_end(&json);
	json_object_end(&json);
	buf_add_char(out, '\n');
}

static void add_text(const struct terminal *terminal, const record_t *record, struct buf *out)
{
	const Gavea__V1__Event *event = record->event;
	enum gavea_status status = status_from_wire(event->status);
	char time[FORMAT_SIZE];

	buf_printf(out, "%s  ", format_time(time, record->time_ms));
	style_begin(terminal, style_of_status(status), out);
	buf_printf(out, "%s %-8s", status_icon(terminal, status), status_name(status));
	style_end(terminal, style_of_status(status), out);
	buf_add_str(out, "  ");
	text_clean(event->kind, out);
	buf_add_str(out, "  ");
	if (*record->check) {
		text_clean(record->check, out);
		buf_add_str(out, ": ");
	}
	text_clean(event->summary, out);
	buf_add_char(out, '\n');
}

static int take_event(const answer_t *answer, void *userdata)
{
	struct events *events = userdata;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (answer->body_case != GAVEA__CONTROL__V1__ANSWER__BODY_EVENT || !answer->event->event)
		return 0;
	if (events->json)
		add_json(answer->event, &out);
	else
		add_text(&events->terminal, answer->event, &out);
	events->code = say(&out);
	return events->code ? -EIO : 0;
}

/* What comes behind the first whole answer. */
static int follow(struct cli *cli, const request_t *request, struct events *events)
{
	_cleanup_(client_freep) struct client *client = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = client_ask(cli->socket, request, &client, &error);

	while (r >= 0 && !events->code) {
		answer_t *answer;

		r = client_next(client, -1, &answer, &error);
		if (r <= 0)
			continue;
		take_event(answer, events);
		gavea__control__v1__answer__free_unpacked(answer, NULL);
	}
	return events->code ? events->code : complain_error(CLI_FAILED, &error, r);
}

int cmd_events(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const char *last = "50";
	Gavea__Control__V1__GetEvents get = GAVEA__CONTROL__V1__GET_EVENTS__INIT;
	const struct argument options[] = {
		{.name = "last",
			.letter = 'n',
			.value = "N",
			.doc = "so many of the newest (50; 0: all that are kept)",
			.text = &last},
		{.name = "json", .doc = "as JSON, one object a line", .flag = &cli->json},
		{.name = "follow",
			.letter = 'f',
			.doc = "wait for more, until Ctrl-C",
			.flag = (bool[]){false}},
	};
	request_t request = GAVEA__CONTROL__V1__REQUEST__INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct events events = {.terminal = terminal_get()};
	uint64_t number;
	int code, r,
		n = arguments_parse(cli, command, options, ARRAY_SIZE(options), (struct argument_range){0, 0},
			argc, argv, &code);

	if (n < 0)
		return code;
	if (parse_uint64(last, &number) < 0 || number > 1000000)
		return complain(CLI_USAGE, "--last: \"%s\" is not a number from 0 to 1000000", last);
	get.last = (uint32_t)number;
	get.follow = *options[2].flag;
	events.json = cli->json;
	request.body_case = GAVEA__CONTROL__V1__REQUEST__BODY_EVENTS;
	request.events = &get;
	if (get.follow)
		return follow(cli, &request, &events);
	r = client_ask_all(cli->socket, &request, take_event, &events, &error);
	if (r < 0 && !events.code)
		return complain_error(CLI_FAILED, &error, r);
	return events.code;
}
