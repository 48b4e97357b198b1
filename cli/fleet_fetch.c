/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "cli/fleet.h"
#include "kit/http.h"

#include <fcntl.h>
#include <stdio.h>

#define TOKEN_MAX 4096
#define ANSWER_MAX ((size_t)64 << 20)
#define PAGE 1000
#define PAGES_MAX 10000
#define TIMEOUT (30 * NSEC_PER_SEC)

DEFINE_CLEANUP(struct http_client *, http_client_free);

static int read_token(const char *path, struct buf *token, struct error *error)
{
	int r = file_read(AT_FDCWD, path, TOKEN_MAX, token);

	if (r < 0)
		return error_set(error, r, "cannot read the token from %s: %s", path,
			r == -EFBIG ? "it is larger than 4 KiB, that is no token" : strerror(-r));
	while (token->size && strchr(" \t\r\n", token->data[token->size - 1]))
		token->data[--token->size] = 0;
	if (token->size == 0)
		return error_set(error, -EINVAL, "%s: there is no token in it", path);
	return 0;
}

static void add_encoded(const char *text, struct buf *out)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			strchr("-_.~", c))
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void add_parameter(const char *name, const char *value, struct buf *out)
{
	if (!value)
		return;
	buf_printf(out, "&%s=", name);
	add_encoded(value, out);
}

void fleet_parameters(const struct fleet_query *query, const char *cursor, struct buf *out)
{
	bool events = streq(query->list, "events");

	buf_printf(out, "?limit=%zu", query->most ? MIN(query->most, (size_t)PAGE) : (size_t)PAGE);
	add_parameter("status", query->status, out);
	add_parameter("host", query->host, out);
	/* Events come newest first: the next page is that of the older ones. */
	add_parameter(events ? "before" : "after", cursor, out);
}

/* What the server said of an error, where it did. */
static int refused(const char *url, const struct http_answer *answer, struct error *error)
{
	_cleanup_(json_decrefp) json_t *body =
		json_loadb(buf_str(&answer->body), answer->body.size, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(body, "error"));
	const char *advice = "";

	if (answer->status == 401)
		advice = "; is the token right? (--token-file or GAVEA_FLEET_TOKEN_FILE)";
	else if (answer->status == 403)
		advice = "; this token may not do that";
	else if (answer->status == 404)
		advice = "; is that the address of a gavea-fleetd?";
	return error_set(error, -EREMOTEIO, "%s answers %d%s%s%s", url, answer->status, text ? ": " : "",
		text ? text : "", advice);
}

/* A server with identity = true has an authority of its own, which nobody trusts by itself: says what to do about it. */
static int not_reached(const struct fleet_settings *settings, int r, struct error *error)
{
	_cleanup_free_ char *why = r < 0 ? strdup(error_text(error, r)) : NULL;

	if (!why || settings->ca_file || !strstr(why, "certificate is not trusted"))
		return r;
	return error_set(error, r,
		"%s; where the server has its own authority (identity = true): `gavea-fleetd ca >FILE` "
		"there, and "
		"here --ca FILE or GAVEA_FLEET_CA",
		why);
}

static int fetch_page(struct http_client *client, const char *url, const char *token, json_t **ret_page,
	struct error *error)
{
	struct http_request request = {
		.method = "GET", .url = url, .bearer = token, .timeout = TIMEOUT, .max_answer = ANSWER_MAX};
	struct http_answer answer = {.body = BUF_INIT};
	json_error_t why;
	int r = http_perform(client, &request, &answer, error);

	if (r == 0 && answer.status != 200) {
		r = refused(url, &answer, error);
	} else if (r == 0) {
		*ret_page = json_loadb(buf_str(&answer.body), answer.body.size, JSON_REJECT_DUPLICATES, &why);
		if (!*ret_page)
			r = error_set(error, -EBADMSG,
				"%s does not answer in JSON (%s, line %d); is that the address of a "
				"gavea-fleetd?",
				url, why.text, why.line);
	}
	buf_done(&answer.body);
	return r;
}

/* Adds the page's entries. 1: there is another page, whose place is in cursor. */
static int take_page(const struct fleet_query *query, const char *url, const json_t *page, json_t *entries,
	struct buf *cursor, struct error *error)
{
	const json_t *list = json_object_get(page, query->list);
	const json_t *next = json_object_get(page, "next");
	_cleanup_free_ char *before = strdup(buf_str(cursor));

	if (!json_is_array(list))
		return error_set(error, -EBADMSG,
			"%s: its answer has no list \"%s\"; is that a gavea-fleetd?", url, query->list);
	if (json_array_extend(entries, (json_t *)list) < 0 || !before)
		return error_set(error, -ENOMEM, "out of memory");
	if (query->most && json_array_size(entries) >= query->most)
		return 0;
	if (!json_is_string(next) || json_array_size(list) == 0)
		return 0;
	buf_reset(cursor);
	buf_add_str(cursor, json_string_value(next));
	/* A server that leads in a circle. */
	return !streq(before, buf_str(cursor));
}

static int length_of(const char *url)
{
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return (int)length;
}

static int begin(const struct fleet_settings *settings, struct http_client **ret_client, struct buf *token,
	struct error *error)
{
	struct http_settings http = {.ca_file = settings->ca_file, .connect_timeout = 10 * NSEC_PER_SEC};
	int r = settings->token_file ? read_token(settings->token_file, token, error) : 0;

	return r < 0 ? r : http_client_new(&http, ret_client, error);
}

static void wipe(struct buf *token)
{
	if (token->data)
		explicit_bzero(token->data, token->room);
}

int fleet_forget(const struct fleet_settings *settings, const char *host, struct error *error)
{
	_cleanup_(http_client_freep) struct http_client *client = NULL;
	_cleanup_buf_ struct buf token = BUF_INIT, url = BUF_INIT;
	struct http_answer answer = {.body = BUF_INIT};
	int r = begin(settings, &client, &token, error);

	buf_printf(&url, "%.*s/v1/hosts/", length_of(settings->url), settings->url);
	add_encoded(host, &url);
	if (r == 0) {
		struct http_request request = {.method = "DELETE",
			.url = buf_str(&url),
			.bearer = token.size ? buf_str(&token) : NULL,
			.timeout = TIMEOUT,
			.max_answer = ANSWER_MAX};

		r = not_reached(settings, http_perform(client, &request, &answer, error), error);
	}
	if (r == 0 && answer.status != 204)
		r = refused(buf_str(&url), &answer, error);
	buf_done(&answer.body);
	wipe(&token);
	return r;
}

int fleet_fetch(const struct fleet_settings *settings, const struct fleet_query *query, json_t **ret_entries,
	struct error *error)
{
	_cleanup_(http_client_freep) struct http_client *client = NULL;
	_cleanup_buf_ struct buf token = BUF_INIT, cursor = BUF_INIT;
	_cleanup_(json_decrefp) json_t *entries = json_array();
	int r = begin(settings, &client, &token, error);

	for (int page = 0; r == 0 && page < PAGES_MAX; page++) {
		_cleanup_buf_ struct buf url = BUF_INIT;
		_cleanup_(json_decrefp) json_t *answer = NULL;

		buf_printf(&url, "%.*s/v1/%s", length_of(settings->url), settings->url, query->list);
		fleet_parameters(query, cursor.size ? buf_str(&cursor) : NULL, &url);
		r = fetch_page(client, buf_str(&url), token.size ? buf_str(&token) : NULL, &answer, error);
		if (r == 0)
			r = take_page(query, buf_str(&url), answer, entries, &cursor, error);
		r = not_reached(settings, r, error);
		if (r <= 0)
			break;
		r = 0;
	}
	wipe(&token);
	if (r == 0)
		*ret_entries = TAKE_PTR(entries);
	return r;
}
