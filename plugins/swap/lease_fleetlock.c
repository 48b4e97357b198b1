/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FleetLock protocol (https://coreos.github.io/zincati/development/fleetlock/protocol/): a semaphore over HTTP that
 * many servers speak. POST /v1/pre-reboot asks for a slot, again and again the same one; POST /v1/steady-state gives it back.
 */
#include "base/clock.h"
#include "base/json.h"
#include "kit/http.h"
#include "lease_provider.h"

#include <errno.h>
#include <stdio.h>

#define ANSWER_MAX_BYTES 16384
#define SHOWN_BYTES 200

static void client_done(struct http_client **client)
{
	http_client_free(*client);
}

static int fleetlock_judge(const struct lease_settings *settings, struct error *error)
{
	if (str_empty(settings->url))
		return error_set(error, -EINVAL,
			"lease = \"fleetlock\" needs lease_url, such as https://locks.example.com");
	if (!startswith(settings->url, "https://") && !startswith(settings->url, "http://"))
		return error_set(error, -EINVAL, "lease_url has to begin with https:// or http://");
	return 0;
}

static void make_body(struct buf *body, const char *holder, const char *group)
{
	struct json json;

	json_init(&json, body);
	json_object_begin(&json);
	json_key(&json, "client_params");
	json_object_begin(&json);
	json_kv_string(&json, "id", holder);
	json_kv_string(&json, "group", group);
	json_object_end(&json);
	json_object_end(&json);
}

/* What a server says goes on one line, without what a terminal would act on. */
static void shown(char text[static SHOWN_BYTES + 1], const struct buf *body)
{
	size_t size = MIN(body->size, (size_t)SHOWN_BYTES);

	for (size_t i = 0; i < size; i++)
		text[i] = body->data[i] >= ' ' && body->data[i] <= '~' ? body->data[i] : ' ';
	text[size] = '\0';
}

static int post(const struct lease_settings *settings, const char *path, const char *holder, int64_t deadline,
	struct http_answer *answer, struct error *error)
{
	static const char *const headers[] = {"fleet-lock-protocol: true", "Content-Type: application/json"};
	struct http_settings with = {.ca_file = settings->ca_file};
	_cleanup_(client_done) struct http_client *client = NULL;
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_free_ char *url = NULL;
	struct http_request request = {.method = "POST",
		.headers = headers,
		.header_count = 2,
		.timeout = deadline - clock_ns(CLOCK_MONOTONIC),
		.max_answer = ANSWER_MAX_BYTES};
	int r;

	make_body(&body, holder, settings->group ? settings->group : "default");
	if (buf_error(&body) < 0 || asprintf(&url, "%s%s", settings->url, path) < 0)
		return -ENOMEM;
	if (request.timeout <= 0)
		return error_set(error, -ETIMEDOUT, "no time is left to ask %s", settings->url);
	r = http_client_new(&with, &client, error);
	if (r < 0)
		return r;
	request.url = url;
	request.body = body.data;
	request.body_size = body.size;
	return http_perform(client, &request, answer, error);
}

static int ask(const struct lease_settings *settings, const char *path, const char *holder, int64_t deadline,
	struct error *error)
{
	struct http_answer answer = {.body = BUF_INIT};
	char text[SHOWN_BYTES + 1];
	int r = post(settings, path, holder, deadline, &answer, error);

	if (r == 0 && answer.status != 200) {
		shown(text, &answer.body);
		r = error_set(error, answer.status >= 400 && answer.status < 500 ? -EBUSY : -EIO,
			"%s%s answered with %d: %s", settings->url, path, answer.status, text);
	}
	buf_done(&answer.body);
	return r;
}

static int fleetlock_take(const struct lease_settings *settings, const char *holder, int64_t deadline,
	struct lease *ret_lease, struct error *error)
{
	int r = ask(settings, "/v1/pre-reboot", holder, deadline, error);

	if (r == 0)
		*ret_lease = (struct lease){.ttl = INT64_MAX};
	return r;
}

static int fleetlock_give(
	const struct lease_settings *settings, const char *holder, int64_t deadline, struct error *error)
{
	return ask(settings, "/v1/steady-state", holder, deadline, error);
}

const struct lease_provider lease_fleetlock = {"fleetlock", fleetlock_judge, fleetlock_take, fleetlock_give};
