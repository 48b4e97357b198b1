/* SPDX-License-Identifier: Apache-2.0 */
#include "core/worker/program/answers.h"
#include "base/status.h"

#include <errno.h>
#include <jansson.h>

#define PAIRS_MAX 64 /* labels, attributes: beyond it they are refused; the host's own bounds are not wider */

struct answer {
	struct gavea_check *check;
	struct gavea_command *command;
	enum answer_wanted wanted;
	const char *kind;
	json_t *body;
	int result;
	struct error *error;
};

static int refuse(struct answer *answer, const char *why)
{
	return error_set(answer->error, -EPROTO, "\"%s\": %s", answer->kind, why);
}

/* The text of a member; "" when there is none. NULL with the answer refused: it is not text. */
static const char *text(struct answer *answer, const char *key)
{
	json_t *value = json_object_get(answer->body, key);

	if (!value || json_is_null(value))
		return "";
	if (json_is_string(value))
		return json_string_value(value);
	error_set(answer->error, -EPROTO, "\"%s\": \"%s\" is not a string", answer->kind, key);
	return NULL;
}

/* The status of a member; ok is never assumed. */
static int status(struct answer *answer, const char *key)
{
	const char *name = text(answer, key);
	int r = name ? status_from_name(name) : -EPROTO;

	if (name && r < 0)
		return error_set(answer->error, -EPROTO, "\"%s\": \"%s\" is ok, warning, critical or unknown",
			answer->kind, key);
	return r;
}

/* An object whose members are text. Returns how many; or -EPROTO. */
static int pairs(struct answer *answer, const char *key, struct gavea_pair list[static PAIRS_MAX])
{
	json_t *object = json_object_get(answer->body, key), *value;
	const char *name;
	int count = 0;

	if (!object)
		return 0;
	if (!json_is_object(object) || json_object_size(object) > PAIRS_MAX)
		return error_set(answer->error, -EPROTO,
			"\"%s\": \"%s\" is not an object of at most %d members", answer->kind, key,
			PAIRS_MAX);
	json_object_foreach(object, name, value)
	{
		if (!json_is_string(value))
			return error_set(answer->error, -EPROTO, "\"%s\": \"%s\" in \"%s\" is not a string",
				answer->kind, name, key);
		list[count++] = (struct gavea_pair){name, json_string_value(value)};
	}
	return count;
}

static int take_item(struct answer *answer)
{
	struct gavea_pair attributes[PAIRS_MAX];
	const char *name = text(answer, "name"), *summary = text(answer, "summary");
	int how = status(answer, "status"), count = pairs(answer, "attributes", attributes);
	struct gavea_item *item;

	if (!name || !summary || how < 0 || count < 0)
		return -EPROTO;
	item = gavea_item(answer->check, name, (enum gavea_status)how, "%s", summary);
	for (int i = 0; i < count; i++)
		gavea_item_attribute(answer->check, item, attributes[i].name, attributes[i].value);
	return 0;
}

static int sample_type(const char *name)
{
	if (streq(name, "gauge") || streq(name, ""))
		return GAVEA_GAUGE;
	return streq(name, "counter") ? GAVEA_COUNTER : -EINVAL;
}

static int take_sample(struct answer *answer)
{
	struct gavea_pair labels[PAIRS_MAX];
	const char *name = text(answer, "name"), *type = text(answer, "type"), *unit = text(answer, "unit");
	const char *help = text(answer, "help");
	json_t *value = json_object_get(answer->body, "value");
	int count = pairs(answer, "labels", labels), series;

	if (!name || !type || !unit || !help || count < 0)
		return -EPROTO;
	if (sample_type(type) < 0)
		return refuse(answer, "\"type\" is gauge or counter");
	if (!json_is_number(value))
		return refuse(answer, "\"value\" is not a number");
	series = gavea_series(answer->check, name, (enum gavea_sample_type)sample_type(type), unit, help,
		labels, (size_t)count);
	if (series == -EINVAL)
		return refuse(answer, "not a valid name or label of a series");
	gavea_sample(answer->check, series, json_number_value(value));
	return 0;
}

static int take_event(struct answer *answer)
{
	struct gavea_pair attributes[PAIRS_MAX];
	const char *kind = text(answer, "kind"), *summary = text(answer, "summary");
	int how = status(answer, "status"), count = pairs(answer, "attributes", attributes);

	if (!kind || !summary || how < 0 || count < 0)
		return -EPROTO;
	gavea_event(answer->check, kind, (enum gavea_status)how, summary, attributes, (size_t)count);
	return 0;
}

static int take_log(struct answer *answer)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {{"error", GAVEA_LOG_ERROR}, {"warning", GAVEA_LOG_WARNING},
		{"notice", GAVEA_LOG_NOTICE}, {"info", GAVEA_LOG_INFO}, {"debug", GAVEA_LOG_DEBUG}};
	const char *level = text(answer, "level"), *line = text(answer, "text");

	if (!level || !line)
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (streq(level, levels[i].name)) {
			gavea_log(answer->check, levels[i].level, "%s", line);
			return 0;
		}
	return refuse(answer, "\"level\" is error, warning, notice, info or debug");
}

static int take_progress(struct answer *answer)
{
	const char *what = text(answer, "what");
	json_t *done = json_object_get(answer->body, "done");

	if (!what)
		return -EPROTO;
	if (done && !json_is_number(done))
		return refuse(answer, "\"done\" is not a number from 0 to 1");
	gavea_progress(answer->check, done ? json_number_value(done) : -1, what);
	return 0;
}

static int take_reply(struct answer *answer)
{
	const char *line = text(answer, "text");

	if (!answer->command)
		return refuse(answer, "no command is running");
	if (!line)
		return -EPROTO;
	gavea_command_reply(answer->check, answer->command, "%s", line);
	return 0;
}

/* What the callback returns, when the program names an error. */
static int failure(struct answer *answer, const char *why)
{
	answer->result = *why ? gavea_fail(answer->check, -EIO, "%s", why) : 0;
	return 1;
}

static int take_opened(struct answer *answer)
{
	const char *why = text(answer, "error");

	if (answer->wanted != ANSWER_OPENED)
		return refuse(answer, "there is no \"open\" to answer");
	return why ? failure(answer, why) : -EPROTO;
}

/* A run that names neither a status nor an error has said all by its items. */
static int take_done(struct answer *answer)
{
	const char *why = text(answer, "error"), *name = text(answer, "status"),
		   *summary = text(answer, "summary");

	if (answer->wanted != ANSWER_DONE)
		return refuse(answer, "there is no \"run\" or \"command\" to answer");
	if (!why || !name || !summary)
		return -EPROTO;
	if (*name && !answer->command) {
		int how = status(answer, "status");

		if (how < 0)
			return how;
		gavea_result(answer->check, (enum gavea_status)how, "%s", summary);
	}
	return failure(answer, why);
}

static int dispatch(struct answer *answer)
{
	static const struct {
		const char *kind;
		int (*take)(struct answer *);
		bool in_run_only;
	} kinds[] = {
		{"item", take_item, true},
		{"sample", take_sample, true},
		{"event", take_event, false},
		{"log", take_log, false},
		{"progress", take_progress, true},
		{"reply", take_reply, true},
		{"opened", take_opened, false},
		{"done", take_done, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!streq(answer->kind, kinds[i].kind))
			continue;
		if (!json_is_object(answer->body))
			return refuse(answer, "not an object");
		if (kinds[i].in_run_only && answer->wanted == ANSWER_OPENED)
			return refuse(answer, "not while a check is opened");
		return kinds[i].take(answer);
	}
	return refuse(answer, "no such message");
}

int answer_take(struct gavea_check *check, struct gavea_command *command, enum answer_wanted wanted,
	char *line, size_t size, int *ret_result, struct error *error)
{
	struct answer answer = {.check = check, .command = command, .wanted = wanted, .error = error};
	json_error_t fault;
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &fault);
	int r;

	if (!root)
		/* Not the parser's own words: they quote the line. */
		return error_set(error, -EPROTO, "a line that is not JSON, at byte %d", fault.position);
	if (!json_is_object(root) || json_object_size(root) != 1) {
		json_decref(root);
		return error_set(error, -EPROTO, "a line that is not an object with one member");
	}
	answer.kind = json_object_iter_key(json_object_iter(root));
	answer.body = json_object_iter_value(json_object_iter(root));
	r = dispatch(&answer);
	if (r == 1)
		*ret_result = answer.result;
	json_decref(root);
	return r;
}
