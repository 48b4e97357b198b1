/* SPDX-License-Identifier: Apache-2.0 */
#include "hookspec.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>

#define DEFAULT_TIMEOUT (5 * 60 * NSEC_PER_SEC)
#define WORDS_MAX 4096
#define TIMEOUT_MAX (24 * 3600 * NSEC_PER_SEC)

static const char *const phases[PHASES] = {"before", "migrate", "deploy", "smoke", "after", "done", "failed"};
static const char *const on_failures[ON_FAILURES] = {"abort", "rollback", "freeze", "continue"};

const char *phase_name(enum phase phase)
{
	return phases[phase];
}

const char *on_failure_name(enum on_failure on_failure)
{
	return on_failures[on_failure];
}

static int find(const char *const *names, int count, const char *name, size_t length)
{
	for (int i = 0; i < count; i++)
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return i;
	return -EINVAL;
}

void hookspec_done(struct hookspec *hook)
{
	free(hook->name);
	words_done(&hook->words);
	*hook = (struct hookspec){0};
}

/* "PHASE/NAME" */
static int take_name(struct hookspec *hook, const char *word, struct error *error)
{
	const char *slash = strchr(word, '/');
	int phase = slash ? find(phases, PHASES, word, (size_t)(slash - word)) : -EINVAL;

	if (phase < 0)
		return error_set(error, -EINVAL,
			"expected PHASE/NAME, where PHASE is one of before, migrate, deploy, smoke, after, "
			"done, "
			"failed; got \"%s\"",
			word);
	if (!slash[1] || strlen(slash + 1) > 48 ||
		strspn(slash + 1, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(slash + 1))
		return error_set(error, -EINVAL,
			"\"%s\" is no name of a hook: up to 48 small letters, digits, - and _", slash + 1);
	hook->phase = (enum phase)phase;
	hook->name = strdup(slash + 1);
	return hook->name ? 0 : -ENOMEM;
}

static int take_flag(const char *word, const char *value, bool *ret_flag, struct error *error)
{
	int flag;

	if (parse_bool(value, &flag) < 0)
		return error_set(error, -EINVAL, "\"%s\": expected yes or no", word);
	*ret_flag = flag;
	return 0;
}

/* "KEY=VALUE" */
static int take_setting(struct hookspec *hook, const char *word, struct error *error)
{
	const char *value;
	uint64_t number;
	int found;

	if ((value = startswith(word, "timeout="))) {
		if (parse_duration(value, &hook->timeout) < 0 || hook->timeout < NSEC_PER_SEC ||
			hook->timeout > TIMEOUT_MAX)
			return error_set(error, -EINVAL, "\"%s\": expected a time from 1s to 24h", word);
		return 0;
	}
	if ((value = startswith(word, "retry="))) {
		if (parse_uint64(value, &number) < 0 || number > HOOK_RETRY_MAX)
			return error_set(error, -EINVAL, "\"%s\": expected a number from 0 to %d", word,
				HOOK_RETRY_MAX);
		hook->retry = (unsigned)number;
		return 0;
	}
	if ((value = startswith(word, "on_failure="))) {
		found = find(on_failures, ON_FAILURES, value, strlen(value));
		if (found < 0)
			return error_set(
				error, -EINVAL, "\"%s\": expected abort, rollback, freeze or continue", word);
		hook->on_failure = (enum on_failure)found;
		return 0;
	}
	if ((value = startswith(word, "status=")))
		return take_flag(word, value, &hook->status, error);
	if ((value = startswith(word, "irreversible=")))
		return take_flag(word, value, &hook->irreversible, error);
	return error_set(error, -EINVAL,
		"expected timeout=, retry=, on_failure=, status=, irreversible= or --; got \"%s\"", word);
}

static int take_program(struct hookspec *hook, char **words, size_t count, struct error *error)
{
	char **list;

	if (count == 0 || count > WORDS_MAX)
		return error_set(error, -EINVAL, "expected a program after --");
	list = calloc(count + 1, sizeof *list);
	if (!list)
		return -ENOMEM;
	hook->words = (struct words){list, 0};
	for (; hook->words.count < count; hook->words.count++) {
		list[hook->words.count] = strdup(words[hook->words.count]);
		if (!list[hook->words.count])
			return -ENOMEM;
	}
	if (list[0][0] != '/')
		return error_set(error, -EINVAL, "\"%s\" is not an absolute path", list[0]);
	return 0;
}

static int take_words(struct hookspec *hook, const struct words *words, struct error *error)
{
	size_t i = 1;
	int r;

	if (words->count == 0)
		return error_set(error, -EINVAL, "expected PHASE/NAME; got nothing");
	r = take_name(hook, words->list[0], error);
	/* What fails after clients have come is not tried again by itself. */
	hook->on_failure = hook->phase >= PHASE_AFTER ? ON_FAILURE_CONTINUE : ON_FAILURE_ROLLBACK;
	if (hook->phase == PHASE_BEFORE)
		hook->on_failure = ON_FAILURE_ABORT;
	for (; r == 0 && i < words->count && !streq(words->list[i], "--"); i++)
		r = take_setting(hook, words->list[i], error);
	if (r == 0 && i == words->count)
		r = error_set(error, -EINVAL, "expected -- and a program at the end");
	return r == 0 ? take_program(hook, words->list + i + 1, words->count - i - 1, error) : r;
}

int hookspec_parse(const char *text, struct hookspec *ret_hook, struct error *error)
{
	struct hookspec hook = {.timeout = DEFAULT_TIMEOUT};
	struct words words = {0};
	size_t at;
	int r = words_split(text, &words, &at);

	if (r == -EINVAL)
		return error_set(error, r, "at %zu: this quote is not closed", at + 1);
	if (r == 0)
		r = take_words(&hook, &words, error);
	words_done(&words);
	if (r < 0) {
		hookspec_done(&hook);
		return r == -ENOMEM ? error_set(error, r, "out of memory") : r;
	}
	*ret_hook = hook;
	return 0;
}
