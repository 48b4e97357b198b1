/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence.h"

#include "base/clock.h"

#include <errno.h>
#include <strings.h>
#include <time.h>

/* With less than this nothing is begun: libcurl counts milliseconds. */
#define LEAST_TIME (10 * NSEC_PER_MSEC)

struct run {
	const struct sequence *sequence;
	const char *address;
	int64_t began, deadline;
	struct variables variables;
	bool stopped;
};

/* What one try of a step came to. */
struct attempt {
	enum gavea_status status;
	struct response response;
	struct buf text;
	bool not_run;
};

static void attempt_done(struct attempt *attempt)
{
	response_done(&attempt->response);
	buf_done(&attempt->text);
}

static int copy_variables(const struct variables *from, struct variables *to)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct variable *variable = &from->list[i];
		int r = variables_set(
			to, variable->name, variable->value, strlen(variable->value), variable->hiding);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Making the request ---- */

struct prepared {
	struct buf url, body;
	struct buf headers[STEP_ENTRIES_MAX + 1];
	const char *lines[STEP_ENTRIES_MAX + 1];
	struct client_request request;
};

static void wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->size);
	buf_done(buf);
}

static void prepared_done(struct prepared *prepared)
{
	wipe(&prepared->url);
	wipe(&prepared->body);
	for (size_t i = 0; i < ARRAY_SIZE(prepared->headers); i++)
		wipe(&prepared->headers[i]);
}

static bool has_content_type(const struct step *step)
{
	for (size_t i = 0; i < step->header_count; i++)
		if (strncasecmp(step->headers[i], "Content-Type:", 13) == 0)
			return true;
	return false;
}

static int fill_headers(
	const struct run *run, const struct step *step, struct prepared *prepared, struct error *error)
{
	size_t count = step->header_count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = template_fill(
			step->headers[i], &run->variables, FILL_HEADER, &prepared->headers[i], error);
	if (r == 0 && step->json && !has_content_type(step))
		buf_add_str(&prepared->headers[count++], "Content-Type: application/json");
	for (size_t i = 0; i < count; i++)
		prepared->lines[i] = buf_str(&prepared->headers[i]);
	prepared->request.headers = prepared->lines;
	prepared->request.header_count = count;
	return r;
}

/* A target that an answer gave may name any host: it is guarded as a redirect would be. */
static int fill_url(
	const struct run *run, const struct step *step, struct prepared *prepared, struct error *error)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	int r = template_fill(step->target, &run->variables, FILL_URL, &target, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < target.size; i++)
		if ((unsigned char)target.data[i] <= 0x20 || target.data[i] == 0x7f)
			return error_set(error, -EINVAL,
				"what was filled in makes no URL: it has a space or a control "
				"character");
	prepared->request.foreign =
		startswith(step->target, "{{") != NULL || strstr(step->target, "//{{") != NULL;
	if (*buf_str(&target) == '/')
		buf_add_str(&prepared->url, run->sequence->plan->origin);
	buf_add(&prepared->url, buf_str(&target), target.size);
	return buf_error(&prepared->url) ? error_set(error, -ENOMEM, "out of memory") : 0;
}

static int prepare(
	const struct run *run, const struct step *step, struct prepared *prepared, struct error *error)
{
	struct client_request *request = &prepared->request;
	int r = fill_url(run, step, prepared, error);

	if (r == 0)
		r = fill_headers(run, step, prepared, error);
	if (r == 0 && step->body)
		r = template_fill(step->body, &run->variables, step->json ? FILL_JSON : FILL_PLAIN,
			&prepared->body, error);
	if (r < 0)
		return r;
	request->method = step->method ? step->method : step->body ? "POST" : "GET";
	request->url = buf_str(&prepared->url);
	if (step->body) {
		request->body = buf_str(&prepared->body);
		request->body_size = prepared->body.size;
	}
	request->pinned_host = run->sequence->host;
	request->pinned_address = run->address;
	request->began = clock_ns(CLOCK_MONOTONIC);
	request->deadline = MIN(run->deadline, request->began + run->sequence->step_timeout);
	return 0;
}

/* ---- Judging the answer ---- */

static void add_fault(struct attempt *attempt, enum gavea_status status, const struct buf *why)
{
	buf_printf(&attempt->text, "%s%s", attempt->text.size ? "; " : "", buf_str(why));
	if (attempt->status != GAVEA_CRITICAL)
		attempt->status = status;
}

static void judge_list(const struct run *run, struct attempt *attempt, struct condition *const *list,
	size_t count, enum gavea_status status)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_buf_ struct buf why = BUF_INIT;

		if (!condition_judge(list[i], &attempt->response, &run->variables, run->deadline, &why))
			add_fault(attempt, status, &why);
	}
}

static bool judges_status(const struct step *step)
{
	for (size_t i = 0; i < step->expect_count; i++)
		if (step->expect[i]->subject.type == SUBJECT_STATUS)
			return true;
	return false;
}

/* Nobody who asks for something in the body means that of an error page. */
static void judge_status(struct attempt *attempt)
{
	const struct response *response = &attempt->response;
	const char *location = response_header(response, "location");
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (response->status / 100 == 2)
		return;
	buf_printf(&why, "status == 2xx: is %d", response->status);
	if (response->status / 100 == 3 && location)
		buf_add_str(&why, " (redirects are followed when redirects is set)");
	add_fault(attempt, GAVEA_CRITICAL, &why);
}

static void extract(struct run *run, const struct step *step, struct attempt *attempt)
{
	for (size_t i = 0; i < step->extract_count; i++) {
		const struct extraction *extraction = step->extract[i];
		_cleanup_error_ struct error error = ERROR_INIT;
		_cleanup_(wipe) struct buf value = BUF_INIT;
		_cleanup_buf_ struct buf why = BUF_INIT;
		int r = extraction_take(extraction, &attempt->response, run->deadline, &value, &error);

		if (r == 0)
			r = variables_set(
				&run->variables, extraction->name, buf_str(&value), value.size, HIDE_LONG);
		if (r == 0)
			continue;
		buf_printf(&why, "extract %s = %s: ", extraction->name, extraction->subject.text);
		variables_show(
			&run->variables, error_text(&error, r), strlen(error_text(&error, r)), 200, &why);
		add_fault(attempt, GAVEA_CRITICAL, &why);
	}
}

static void judge(struct run *run, const struct step *step, struct attempt *attempt)
{
	/* First, so that what was extracted is hidden in what is said about conditions. */
	extract(run, step, attempt);
	if (!judges_status(step))
		judge_status(attempt);
	judge_list(run, attempt, step->expect, step->expect_count, GAVEA_CRITICAL);
	judge_list(run, attempt, step->warn, step->warn_count, GAVEA_WARNING);
	if (attempt->status == GAVEA_OK)
		buf_printf(&attempt->text, "HTTP %d in %.0f ms", attempt->response.status,
			(double)attempt->response.total / 1e6);
	else
		buf_printf(&attempt->text, " (HTTP %d, %zu bytes)", attempt->response.status,
			attempt->response.body.size);
}

/* ---- One step ---- */

/* Whether earlier steps had left too little time for this one to be blamed. */
static bool was_short(const struct run *run, const struct client_request *request)
{
	int64_t given = request->deadline - request->began;

	return given < run->sequence->step_timeout && given < (run->deadline - run->began) / 2;
}

static int try_once(struct run *run, const struct step *step, struct attempt *attempt)
{
	_cleanup_(prepared_done) struct prepared prepared = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = prepare(run, step, &prepared, &error);

	attempt->status = GAVEA_OK;
	if (r < 0) {
		attempt->not_run = true;
		attempt->status = r == -ENODATA ? GAVEA_UNKNOWN : GAVEA_CRITICAL;
		buf_printf(&attempt->text, "not run: %s", error_text(&error, r));
		return 0;
	}
	r = client_perform(run->sequence->client, &prepared.request, &attempt->response, &error);
	if (r == -ECANCELED || r == -ENOMEM)
		return r;
	if (r == 0) {
		judge(run, step, attempt);
		return 0;
	}
	attempt->status =
		r == -ETIMEDOUT && was_short(run, &prepared.request) ? GAVEA_UNKNOWN : GAVEA_CRITICAL;
	variables_show(
		&run->variables, error_text(&error, r), strlen(error_text(&error, r)), 400, &attempt->text);
	if (attempt->status == GAVEA_UNKNOWN)
		buf_add_str(&attempt->text, " (earlier steps left too little: raise timeout)");
	return 0;
}

/* Whether there is time for another try after the pause; waits, and looks whether the check is cancelled. */
static bool pause_before_retry(const struct run *run)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + run->sequence->retry_pause;

	if (end >= run->deadline)
		return false;
	for (;;) {
		int64_t left = MIN(end - clock_ns(CLOCK_MONOTONIC), NSEC_PER_SEC / 4);
		struct timespec pause = {.tv_nsec = left};

		if (gavea_cancelled(run->sequence->check))
			return false;
		if (left <= 0)
			return true;
		nanosleep(&pause, NULL);
	}
}

static int try_step(struct run *run, const struct step *step, struct attempt *attempt)
{
	unsigned tries = 0;
	int r;

	for (;;) {
		r = try_once(run, step, attempt);
		attempt->response.attempts = ++tries;
		if (r < 0 || attempt->status != GAVEA_CRITICAL || attempt->not_run ||
			tries > (unsigned)run->sequence->retries || !pause_before_retry(run))
			return r;
		attempt_done(attempt);
		*attempt = (struct attempt){0};
	}
}

static void tell(const struct run *run, struct step *step, struct attempt *attempt)
{
	struct outcome outcome = {.step = step,
		.address = run->address ? run->address : "",
		.status = attempt->status,
		.text = buf_str(&attempt->text),
		.response = attempt->not_run ? NULL : &attempt->response};

	report_add(run->sequence->report, step, &outcome);
}

static int run_step(struct run *run, struct step *step)
{
	_cleanup_(attempt_done) struct attempt attempt = {0};
	int r = 0;

	if (run->stopped || clock_ns(CLOCK_MONOTONIC) + LEAST_TIME >= run->deadline) {
		attempt.not_run = true;
		attempt.status = GAVEA_UNKNOWN;
		buf_add_str(&attempt.text,
			run->stopped ? "not run: an earlier step failed"
				     : "not run: the check's time was used up before");
	} else {
		r = try_step(run, step, &attempt);
	}
	if (r < 0)
		return r;
	if (buf_error(&attempt.text))
		return -ENOMEM;
	tell(run, step, &attempt);
	if (attempt.status == GAVEA_CRITICAL && run->sequence->stop_on_failure)
		run->stopped = true;
	return 0;
}

int sequence_run(const struct sequence *sequence, const char *address, int64_t deadline)
{
	_cleanup_free_ struct run *run = calloc(1, sizeof *run);
	int r;

	if (!run)
		return -ENOMEM;
	*run = (struct run){.sequence = sequence,
		.address = address,
		.began = clock_ns(CLOCK_MONOTONIC),
		.deadline = deadline};
	r = copy_variables(sequence->given, &run->variables);
	if (r == 0)
		r = client_begin(sequence->client);
	for (size_t i = 0; r == 0 && i < sequence->plan->step_count; i++)
		r = run_step(run, &sequence->plan->steps[i]);
	client_end(sequence->client);
	variables_done(&run->variables);
	return r;
}
