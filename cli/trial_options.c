/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/trial.h"

#include <gavea/plugin.h>

#include <errno.h>
#include <stdio.h>

#define LONG_TEXT 4096

typedef Gavea__Worker__V1__OptionValue option_value_t;

struct session *trial_session(struct trial *trial)
{
	_cleanup_(session_freep) struct session *session = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = session_start(trial->hello, trial->path, &trial->check, true, &session, &error);

	if (r == 0)
		r = session_open(session, &trial->check, &error);
	if (r < 0) {
		trial_failed(trial, "%s", error_text(&error, r));
		return NULL;
	}
	return TAKE_PTR(session);
}

enum trial_verdict trial_failed(struct trial *trial, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(&trial->finding, format, args);
	va_end(args);
	return TRIAL_FAILED;
}

enum trial_verdict trial_description(struct trial *trial)
{
	const hello_t *hello = trial->hello;

	if (!hello->runs && !hello->delivers && hello->n_commands == 0)
		return trial_failed(
			trial, "it has neither run(), deliver() nor command(): it can do nothing");
	for (size_t i = 0; i < hello->n_options; i++)
		if (str_empty(hello->options[i]->doc))
			return trial_failed(trial, "option %s has no doc", hello->options[i]->key);
	if (str_empty(hello->summary) || str_empty(hello->version))
		return trial_failed(trial, "it has no %s", str_empty(hello->summary) ? "summary" : "version");
	buf_printf(&trial->finding, "%s %s, ABI %u.%u, %zu options", hello->name, hello->version,
		hello->abi_major, hello->abi_minor, hello->n_options);
	return TRIAL_OK;
}

/* ---- Odd values ---- */

/* Values that are allowed by type but that nobody thinks of, and some that are not allowed at all: whatever a
 * host lets through must not bring a plugin down. NULL at the end. */
static const char *const *odd_values(uint32_t type)
{
	static const char *const texts[] = {
		"", "/nonexistent/file", "\xc3\xa9\xe2\x82\xac %s%n \"'\\;|&", NULL};
	static const char *const numbers[] = {
		"0", "-1", "9223372036854775807", "-9223372036854775808", "wrong", NULL};
	static const char *const reals[] = {"0", "-1", "1e308", "nan", "wrong", NULL};
	static const char *const words[] = {"", "no-such-word", NULL};

	switch (type) {
	case GAVEA_OPTION_BOOL:
	case GAVEA_OPTION_CHOICE:
		return words;
	case GAVEA_OPTION_INT:
	case GAVEA_OPTION_DURATION:
	case GAVEA_OPTION_SIZE:
		return numbers;
	case GAVEA_OPTION_FLOAT:
	case GAVEA_OPTION_PERCENT:
		return reals;
	default:
		return texts;
	}
}

/* Opens and runs with one option set to this value, past the host's own judgement. Refusing it is fine, and
 * so is any result; dying or hanging is not. */
static enum trial_verdict try_value(
	struct trial *trial, const Gavea__Worker__V1__Option *option, const char *text, const char *shown)
{
	_cleanup_free_ option_value_t **list = calloc(trial->check.option_count + 1, sizeof *list);
	_cleanup_(session_freep) struct session *session = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_outcome_ struct outcome outcome = {.result = NULL};
	struct run_limits limits = {.timeout = trial->check.timeout, .signals = -1};
	ProtobufCBinaryData value = {.len = strlen(text), .data = (uint8_t *)text};
	option_value_t odd = GAVEA__WORKER__V1__OPTION_VALUE__INIT;
	struct config_check check = trial->check;
	int r;

	if (!list)
		return trial_failed(trial, "out of memory");
	odd.key = option->key;
	odd.type = option->type;
	odd.values = &value;
	odd.n_values = 1;
	check.options = list;
	check.option_count = 0;
	for (size_t i = 0; i < trial->check.option_count; i++)
		if (!streq(trial->check.options[i]->key, option->key))
			list[check.option_count++] = trial->check.options[i];
	list[check.option_count++] = &odd;
	r = session_start(trial->hello, trial->path, &check, true, &session, &error);
	if (r == 0)
		r = session_open(session, &check, &error);
	if (r == -EPIPE || r == -ETIMEDOUT)
		return trial_failed(trial, "%s = %s: %s", option->key, shown, error_text(&error, r));
	if (r < 0 || !trial->hello->runs)
		return TRIAL_OK;
	r = session_run(session, &limits, &outcome);
	if (r < 0 || outcome.end == OUTCOME_HUNG || outcome.end == OUTCOME_DIED)
		return trial_failed(trial, "%s = %s: %s", option->key, shown,
			r < 0 ? strerror(-r) : outcome.result->summary);
	return TRIAL_OK;
}

static enum trial_verdict try_option(
	struct trial *trial, const Gavea__Worker__V1__Option *option, size_t *count)
{
	const char *const *values = odd_values(option->type);
	enum trial_verdict verdict = TRIAL_OK;

	for (; *values && verdict == TRIAL_OK; values++) {
		char shown[64];

		snprintf(shown, sizeof shown, "\"%s\"", *values);
		verdict = try_value(trial, option, *values, shown);
		++*count;
	}
	if (verdict == TRIAL_OK &&
		(option->type == GAVEA_OPTION_STRING || option->type == GAVEA_OPTION_STRINGS)) {
		char text[LONG_TEXT + 1];

		memset(text, 'x', LONG_TEXT);
		text[LONG_TEXT] = 0;
		verdict = try_value(trial, option, text, "4096 times x");
		++*count;
	}
	return verdict;
}

enum trial_verdict trial_odd_options(struct trial *trial)
{
	size_t count = 0;

	for (size_t i = 0; i < trial->hello->n_options; i++)
		if (try_option(trial, trial->hello->options[i], &count) != TRIAL_OK)
			return TRIAL_FAILED;
	if (count == 0)
		return TRIAL_SKIPPED;
	buf_printf(&trial->finding, "%zu odd values, none brought it down", count);
	return TRIAL_OK;
}
