/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/http
/*
 * Lines: a condition, an extraction, a step, a header of the answer, and behind them its body. What a condition says must be
 * valid UTF-8 on one line, without the secret.
 */
#include "plugins/http/condition.h"
#include "plugins/http/plan.h"

#include "base/clock.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "hunter2"

static char *take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	size_t length = end ? (size_t)(end - *data) : *size;
	char *line = strndup((const char *)*data, length);

	*data += length + (end != NULL);
	*size -= length + (end != NULL);
	return line;
}

static void try_condition(const char *text, struct response *response, const struct variables *variables)
{
	_cleanup_(condition_freep) struct condition *condition = NULL;
	_cleanup_buf_ struct buf why = BUF_INIT;
	int r;

	if (condition_parse(text, &condition, NULL) < 0)
		return;
	r = condition_judge(condition, response, variables, clock_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC, &why);
	if (r != 0 && r != 1)
		abort();
	if (!utf8_valid(buf_str(&why), why.size) || strpbrk(buf_str(&why), "\n\r\x1b") ||
		strstr(buf_str(&why), SECRET))
		abort();
}

static void try_extraction(const char *text, struct response *response, struct variables *variables)
{
	_cleanup_(extraction_freep) struct extraction *extraction = NULL;
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (extraction_parse(text, &extraction, NULL) < 0 ||
		extraction_take(
			extraction, response, clock_ns(CLOCK_MONOTONIC) + NSEC_PER_SEC, &value, NULL) < 0)
		return;
	(void)variables_set(variables, extraction->name, buf_str(&value), value.size, HIDE_LONG);
}

static void try_step(const char *text, const struct variables *variables)
{
	_cleanup_buf_ struct buf filled = BUF_INIT;
	struct step step = {0};
	const char *rest;

	if (step_label(text, &rest) && step_parse_request(rest, &step, NULL) == 0)
		(void)template_fill(step.target, variables, FILL_URL, &filled, NULL);
	free(step.method);
	free(step.target);
	buf_reset(&filled);
	(void)template_fill(text, variables, FILL_JSON, &filled, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *condition = take_line(&data, &size), *extraction = take_line(&data, &size);
	char *step = take_line(&data, &size), *header = take_line(&data, &size);
	struct variables variables = {0};
	struct response response = {.status = 200, .total = 1000000, .version = "2"};

	(void)variables_set(&variables, "password", SECRET, strlen(SECRET), HIDE_ALWAYS);
	(void)response_add_header(&response, header, strlen(header));
	buf_add(&response.body, data, size);
	try_condition(condition, &response, &variables);
	try_extraction(extraction, &response, &variables);
	try_step(step, &variables);
	variables_done(&variables);
	response_done(&response);
	free(condition);
	free(extraction);
	free(step);
	free(header);
	return 0;
}
