/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "client.h"

#include <errno.h>
#include <stdio.h>

struct reading {
	struct gavea_check *check;
	struct plan *plan;
	bool named; /* there are steps, so each entry begins with the name of one */
	struct error *error;
};

static int no_memory(struct reading *reading)
{
	return error_set(reading->error, -ENOMEM, "out of memory");
}

/* ---- Entries: one function for each list ---- */

static int add_header(struct step *step, const char *text, struct error *error)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text)
		return error_set(error, -EINVAL, "a header is written Name: value");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || (p < colon && *p == ' '))
			return error_set(
				error, -EINVAL, "a header has a control character, or a space in its name");
	if (step->header_count == STEP_ENTRIES_MAX)
		return error_set(error, -E2BIG, "more than %d entries for one step", STEP_ENTRIES_MAX);
	step->headers[step->header_count] = strdup(text);
	if (!step->headers[step->header_count])
		return error_set(error, -ENOMEM, "out of memory");
	step->header_count++;
	return 0;
}

static int set_body(struct step *step, const char *text, struct error *error)
{
	if (step->body)
		return error_set(error, -EINVAL, "the step has two bodies");
	step->body = strdup(text);
	return step->body ? 0 : error_set(error, -ENOMEM, "out of memory");
}

/* A reference stands for a number or for a part of a string: a 0 is good in either place. */
static int judge_json(const char *text, struct error *error)
{
	_cleanup_buf_ struct buf filled = BUF_INIT;
	const char *name;
	json_error_t why;
	json_t *value;
	size_t size;

	while (*text) {
		size_t length = template_reference(text, &name, &size);

		buf_add_char(&filled, length ? '0' : *text);
		text += length ? length : 1;
	}
	value = json_loadb(buf_str(&filled), filled.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!value)
		return error_set(error, -EINVAL, "the body is not JSON: wrong in line %d, column %d",
			why.line, why.column);
	json_decref(value);
	return 0;
}

static int set_json(struct step *step, const char *text, struct error *error)
{
	int r = judge_json(text, error);

	step->json = true;
	return r < 0 ? r : set_body(step, text, error);
}

static int add_condition(struct condition **list, size_t *count, const char *text, struct error *error)
{
	int r;

	if (*count == STEP_ENTRIES_MAX)
		return error_set(error, -E2BIG, "more than %d entries for one step", STEP_ENTRIES_MAX);
	r = condition_parse(text, &list[*count], error);
	if (r == 0)
		++*count;
	else
		error_prefix(error, "\"%.200s\"", text);
	return r;
}

static int add_expect(struct step *step, const char *text, struct error *error)
{
	return add_condition(step->expect, &step->expect_count, text, error);
}

static int add_warn(struct step *step, const char *text, struct error *error)
{
	return add_condition(step->warn, &step->warn_count, text, error);
}

static int add_extract(struct step *step, const char *text, struct error *error)
{
	int r;

	if (step->extract_count == STEP_ENTRIES_MAX)
		return error_set(error, -E2BIG, "more than %d entries for one step", STEP_ENTRIES_MAX);
	r = extraction_parse(text, &step->extract[step->extract_count], error);
	if (r == 0)
		step->extract_count++;
	else
		error_prefix(error, "\"%.200s\"", text);
	return r;
}

/* ---- Lists ---- */

typedef int (*entry_function)(struct step *step, const char *text, struct error *error);

static struct step *find_step(struct plan *plan, const char *name, size_t length)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (strlen(plan->steps[i].name) == length && memcmp(plan->steps[i].name, name, length) == 0)
			return &plan->steps[i];
	return NULL;
}

static int take_named(struct reading *reading, entry_function take, const char *text)
{
	const char *rest;
	size_t length = step_label(text, &rest);
	struct step *step = length ? find_step(reading->plan, text, length) : NULL;
	int r = 0;

	if (length == 1 && *text == '*') {
		for (size_t i = 0; r == 0 && i < reading->plan->step_count; i++)
			r = take(&reading->plan->steps[i], rest, reading->error);
		return r;
	}
	if (step)
		return take(step, rest, reading->error);
	if (length)
		return error_set(reading->error, -EINVAL, "there is no step \"%.*s\"", (int)length, text);
	return error_set(reading->error, -EINVAL,
		"each entry begins with the name of its step and a colon (\"%s: ...\"), or with \"*: \" for "
		"all steps",
		reading->plan->steps[0].name);
}

static int take_list(struct reading *reading, const char *key, entry_function take)
{
	size_t count;
	const char *const *list = gavea_option_strings(reading->check, key, &count);
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = reading->named ? take_named(reading, take, list[i])
				   : take(&reading->plan->steps[0], list[i], reading->error);
	if (r < 0)
		error_prefix(reading->error, "%s", key);
	return r;
}

/* `gavea run` takes what is given for a list apart at its commas, of which JSON is full: they are put back. */
static int take_one_json(struct reading *reading)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;
	size_t count;
	const char *const *list = gavea_option_strings(reading->check, "json", &count);
	int r;

	for (size_t i = 0; i < count; i++)
		buf_printf(&whole, "%s%s", i ? "," : "", list[i]);
	if (!count || buf_error(&whole))
		return count ? no_memory(reading) : 0;
	r = set_json(&reading->plan->steps[0], buf_str(&whole), reading->error);
	if (r < 0)
		error_prefix(reading->error, "json");
	return r;
}

/* ---- Steps ---- */

static struct step *add_step(struct plan *plan)
{
	if (GROW(plan->steps, plan->step_count, plan->step_room) < 0)
		return NULL;
	memset(&plan->steps[plan->step_count], 0, sizeof *plan->steps);
	return &plan->steps[plan->step_count++];
}

static int read_step(struct reading *reading, const char *text)
{
	struct plan *plan = reading->plan;
	const char *rest;
	size_t length = step_label(text, &rest);
	struct step *step;
	int r;

	if (!length || *text == '*')
		return error_set(reading->error, -EINVAL,
			"\"%.100s\" is not of the form name: GET /path (a name has letters, digits, _ and -, "
			"at most %d)",
			text, STEP_NAME_MAX);
	if (find_step(plan, text, length))
		return error_set(reading->error, -EINVAL, "there are two steps \"%.*s\"", (int)length, text);
	if (plan->step_count == STEPS_MAX)
		return error_set(reading->error, -E2BIG, "there are more than %d", STEPS_MAX);
	step = add_step(plan);
	if (!step)
		return no_memory(reading);
	memcpy(step->name, text, length);
	r = step_parse_request(rest, step, reading->error);
	if (r < 0)
		error_prefix(reading->error, "%s", step->name);
	return r;
}

static int read_steps(struct reading *reading)
{
	size_t count;
	const char *const *list = gavea_option_strings(reading->check, "steps", &count);
	const char *method = gavea_option_string(reading->check, "method");
	struct step *step;
	int r = 0;

	reading->named = count > 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = read_step(reading, list[i]);
	if (r < 0) {
		error_prefix(reading->error, "steps");
		return r;
	}
	if (reading->named)
		return !method ? 0
			       : error_set(reading->error, -EINVAL,
					 "method: goes with url alone; with steps it stands there: \"name: "
					 "POST /path\"");
	step = add_step(reading->plan);
	if (!step)
		return no_memory(reading);
	if (method && (!*method || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]))
		return error_set(reading->error, -EINVAL, "method: must be capital letters, such as POST");
	step->target = strdup(reading->plan->url);
	step->method = method ? strdup(method) : NULL;
	return step->target && (step->method || !method) ? 0 : no_memory(reading);
}

/* ---- The url ---- */

static int read_url(struct reading *reading)
{
	const char *url = gavea_option_string(reading->check, "url");
	_cleanup_free_ char *host = NULL;
	const char *rest;
	uint16_t port;
	size_t length;

	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f)
			return error_set(reading->error, -EINVAL, "url: has a space or a control character");
	if (url_host(url, &host, &port) < 0)
		return error_set(reading->error, -EINVAL,
			"url: not a valid URL of http or https, such as https://www.example.com/health");
	rest = strstr(url, "://") + 3;
	length = strcspn(rest, "/?#");
	if (memchr(rest, '@', length))
		return error_set(reading->error, -EINVAL,
			"url: must not hold a user or password: use user and password");
	reading->plan->url = strdup(url);
	reading->plan->origin = strndup(url, (size_t)(rest - url) + length);
	return reading->plan->url && reading->plan->origin ? 0 : no_memory(reading);
}

/* ---- References ---- */

static bool is_given(
	const struct reading *reading, const char *const *given, size_t before, const char *name, size_t size)
{
	for (; *given; given++)
		if (strlen(*given) == size && memcmp(*given, name, size) == 0)
			return true;
	for (size_t i = 0; i < before; i++)
		for (size_t j = 0; j < reading->plan->steps[i].extract_count; j++) {
			const char *known = reading->plan->steps[i].extract[j]->name;

			if (strlen(known) == size && memcmp(known, name, size) == 0)
				return true;
		}
	return false;
}

static int judge_text(struct reading *reading, const char *const *given, size_t index, const char *text)
{
	const char *name;
	size_t size;

	while (text && *text) {
		size_t length = template_reference(text, &name, &size);

		if (length && !is_given(reading, given, index, name, size))
			return error_set(reading->error, -EINVAL,
				"step %s uses {{%.*s}}, which neither an earlier step extracts nor an option "
				"gives",
				reading->plan->steps[index].name, (int)size, name);
		text += length ? length : 1;
	}
	return 0;
}

static int judge_references(struct reading *reading, const char *const *given)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < reading->plan->step_count; i++) {
		const struct step *step = &reading->plan->steps[i];

		r = judge_text(reading, given, i, step->target);
		if (r == 0)
			r = judge_text(reading, given, i, step->body);
		for (size_t j = 0; r == 0 && j < step->header_count; j++)
			r = judge_text(reading, given, i, step->headers[j]);
	}
	return r;
}

int plan_read(struct gavea_check *check, const char *const *given, struct plan *plan, struct error *error)
{
	static const struct {
		const char *key;
		entry_function take;
	} lists[] = {
		{"header", add_header},
		{"body", set_body},
		{"json", set_json},
		{"expect", add_expect},
		{"warn", add_warn},
		{"extract", add_extract},
	};
	struct reading reading = {.check = check, .plan = plan, .error = error};
	int r = read_url(&reading);

	if (r == 0)
		r = read_steps(&reading);
	if (r == 0 && !reading.named)
		r = take_one_json(&reading);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lists); i++)
		r = !reading.named && lists[i].take == set_json
			? 0
			: take_list(&reading, lists[i].key, lists[i].take);
	return r < 0 ? r : judge_references(&reading, given);
}

static void step_done(struct step *step)
{
	free(step->method);
	free(step->target);
	free(step->body);
	for (size_t i = 0; i < step->header_count; i++)
		free(step->headers[i]);
	for (size_t i = 0; i < step->expect_count; i++)
		condition_free(step->expect[i]);
	for (size_t i = 0; i < step->warn_count; i++)
		condition_free(step->warn[i]);
	for (size_t i = 0; i < step->extract_count; i++)
		extraction_free(step->extract[i]);
	free(step->series);
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		step_done(&plan->steps[i]);
	free(plan->steps);
	free(plan->url);
	free(plan->origin);
}
