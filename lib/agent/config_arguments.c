/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_private.h"
#include "base/clock.h"
#include "base/suggest.h"

#include <errno.h>
#include <stdio.h>

struct arguments {
	const hello_t *hello;
	struct config_errors *errors;
	option_value_t **values; /* as in the description */
	bool *wrong;
	int64_t timeout;
};

static void unknown(const struct arguments *arguments, const char *key)
{
	static const char *const own[] = {"timeout", NULL};
	_cleanup_free_ const char **known = NULL;
	const char *meant = NULL;
	size_t count;

	known = option_names(arguments->hello, own, &count);
	if (known)
		meant = suggest(key, known, count);
	if (meant)
		config_error(arguments->errors, NULL, 0, "%s: unknown key; did you mean \"%s\"?", key, meant);
	else
		config_error(arguments->errors, NULL, 0, "%s: unknown key", key);
}

static void take_timeout(struct arguments *arguments, const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct conf_value value;

	if (conf_value_from_text(text, GAVEA_OPTION_DURATION, &value, &error) < 0)
		config_error(arguments->errors, NULL, 0, "timeout: %s", error_text(&error, -EINVAL));
	else if (value.number < 10 * NSEC_PER_MSEC || value.number > 3600 * NSEC_PER_SEC)
		config_error(arguments->errors, NULL, 0, "timeout: must be 10ms to 1h");
	else
		arguments->timeout = value.number;
}

static void take_argument(struct arguments *arguments, const char *key, const char *text)
{
	for (size_t i = 0; i < arguments->hello->n_options; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		const option_t *option = arguments->hello->options[i];
		int r;

		if (!streq(option->key, key))
			continue;
		r = option_add_argument(option, text, &arguments->values[i], &error);
		if (r < 0) {
			config_error(arguments->errors, NULL, 0, "%s: %s", key, error_text(&error, r));
			arguments->wrong[i] = true;
		}
		return;
	}
	if (streq(key, "timeout"))
		take_timeout(arguments, text);
	else
		unknown(arguments, key);
}

static int take_text(struct arguments *arguments, const char *text, size_t number)
{
	const char *equals = strchr(text, '=');
	char *key;

	/* Not shown: it may be a secret that went astray. */
	if (!equals || equals == text) {
		config_error(arguments->errors, NULL, 0, "argument %zu: not of the form KEY=VALUE", number);
		return 0;
	}
	key = strndup(text, (size_t)(equals - text));
	if (!key)
		return -ENOMEM;
	take_argument(arguments, key, equals + 1);
	free(key);
	return 0;
}

static int take_arguments(struct arguments *arguments, const char *const *texts, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_text(arguments, texts[i], i + 1);
	return r;
}

/* Fills in defaults and moves the values into the check. */
static int finish(struct arguments *arguments, struct config_check *check)
{
	for (size_t i = 0; i < arguments->hello->n_options; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		const option_t *option = arguments->hello->options[i];
		option_value_t *value = TAKE_PTR(arguments->values[i]);
		int r = value || arguments->wrong[i] ? 0 : option_default(option, &value, &error);

		if (r < 0)
			config_error(
				arguments->errors, NULL, 0, "%s: %s", option->key, error_text(&error, r));
		else if (!value && !arguments->wrong[i] && option->flags & GAVEA_OPTION_REQUIRED)
			config_error(arguments->errors, NULL, 0, "%s: is missing, it has no default (%s)",
				option->key, option->doc);
		if (value && check_add_option(check, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void arguments_done(struct arguments *arguments)
{
	for (size_t i = 0; arguments->values && i < arguments->hello->n_options; i++)
		option_free(arguments->values[i]);
	free(arguments->values);
	free(arguments->wrong);
}

int config_check_from_arguments(const Gavea__Worker__V1__Hello *description, const char *name,
	const char *const *arguments, size_t argument_count, struct config_check *ret_check,
	struct config_errors *errors)
{
	_cleanup_(arguments_done) struct arguments state = {
		.hello = description,
		.errors = errors,
		.values = calloc(description->n_options + 1, sizeof(option_value_t *)),
		.wrong = calloc(description->n_options + 1, sizeof(bool)),
		.timeout = (description->delivers ? 30 : 10) * NSEC_PER_SEC,
	};
	_cleanup_(config_check_done) struct config_check check = {.attempts = 1};

	if (!state.values || !state.wrong || asprintf(&check.name, "%s/%s", description->name, name) < 0)
		return -ENOMEM;
	check.where = strdup("command line");
	if (!check.where || take_arguments(&state, arguments, argument_count) < 0 ||
		finish(&state, &check) < 0)
		return -ENOMEM;
	check.every = (description->delivers ? 10 : 15) * NSEC_PER_SEC;
	check.timeout = state.timeout;
	if (check_finish(&check) < 0)
		config_error(errors, NULL, 0, "the options are too large");
	if (errors->count + errors->left_out)
		return -EINVAL;
	*ret_check = check;
	check = (struct config_check){0};
	return 0;
}
