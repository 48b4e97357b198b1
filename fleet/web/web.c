/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/web.h"

#include "base/parse.h"
#include "base/random.h"
#include "fleet/web/events.h"
#include "fleet/web/host.h"
#include "fleet/web/overview.h"
#include "fleet/web/stream.h"

#include <stdio.h>

#define PAGE_MAX ((size_t)32 << 20)

struct web {
	struct model *model;
	struct store *store;
	struct streams *streams;
	struct asset assets[ASSET_COUNT];
	char instance[33];
};

static const char policy[] =
	"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

struct web *web_new(struct model *model, struct store *store)
{
	struct web *web = calloc(1, sizeof *web);

	if (!web)
		return NULL;
	web->model = model;
	web->store = store;
	assets_init(web->assets);
	random_id(web->instance);
	web->streams = streams_new(model, web->instance);
	if (!web->streams) {
		free(web);
		return NULL;
	}
	return web;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	streams_free(web->streams);
	free(web);
}

static void set_security_headers(struct httpd_request *request)
{
	httpd_set_header(request, "Content-Security-Policy", policy);
	httpd_set_header(request, "Referrer-Policy", "no-referrer");
	httpd_set_header(request, "Cross-Origin-Opener-Policy", "same-origin");
	httpd_set_header(request, "Cross-Origin-Resource-Policy", "same-origin");
}

static void answer(struct httpd_request *request, int status, const struct buf *body)
{
	httpd_set_header(request, "Cache-Control", "no-store");
	httpd_answer(request, status, "text/html; charset=utf-8", buf_str(body), body->size);
}

static struct page page_of(struct web *web, struct buf *out)
{
	return (struct page){{out}, web->assets, model_time_now(), web->instance, 0};
}

static void answer_error(
	struct web *web, struct httpd_request *request, int status, const char *what, const char *advice)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct page page = page_of(web, &body);

	page_error(&page, status, what, advice);
	answer(request, status, &body);
}

static int answer_page(struct web *web, struct httpd_request *request, const struct buf *body)
{
	if (buf_error(body) < 0)
		answer_error(web, request, 500, "This page could not be made",
			"It is too large, or the server has no memory left. Try a filter.");
	else
		answer(request, 200, body);
	return 1;
}

/* ---- Each address ---- */

static uint64_t query_number(struct httpd_request *request, const char *name)
{
	const char *text = httpd_query(request, name);
	uint64_t number;

	return text && parse_uint64(text, &number) == 0 ? number : 0;
}

static int answer_overview(struct web *web, struct httpd_request *request)
{
	_cleanup_buf_ struct buf body = {.limit = PAGE_MAX};
	struct page page = page_of(web, &body);
	const char *text = httpd_query(request, "q"), *status = httpd_query(request, "status");
	uint64_t number = query_number(request, "page");
	struct overview_query query = {
		.text = text && strlen(text) <= OVERVIEW_TEXT_MAX ? text : "",
		.status = overview_status(status ? status : ""),
		.number = number > 0 ? number - 1 : 0,
		.all = query_number(request, "all") == 1,
	};

	overview_page(&page, web->model, &query);
	return answer_page(web, request, &body);
}

static int answer_host(struct web *web, struct httpd_request *request, const char *id_or_name)
{
	_cleanup_buf_ struct buf body = {.limit = PAGE_MAX}, advice = BUF_INIT;
	struct page page = page_of(web, &body);

	if (host_page(&page, web->model, web->store, id_or_name))
		return answer_page(web, request, &body);
	buf_printf(&advice, "Nobody has reported as “%.200s”.", id_or_name);
	answer_error(web, request, 404, "No such host", buf_str(&advice));
	return 1;
}

static int answer_events(struct web *web, struct httpd_request *request)
{
	_cleanup_buf_ struct buf body = {.limit = PAGE_MAX};
	struct page page = page_of(web, &body);

	page.generation = model_generation(web->model);
	events_page(&page, web->store, query_number(request, "before"));
	return answer_page(web, request, &body);
}

/* Whoever asks with the tag of the content may keep it for ever: a new content has a new address. */
static int answer_asset(struct httpd_request *request, const struct asset *asset)
{
	const char *version = httpd_query(request, "v"), *known = httpd_header(request, "If-None-Match");
	char tag[sizeof asset->tag + 2];

	snprintf(tag, sizeof tag, "\"%s\"", asset->tag);
	httpd_set_header(request, "ETag", tag);
	httpd_set_header(request, "Cache-Control",
		version && streq(version, asset->tag) ? "private, max-age=31536000, immutable"
						      : "private, no-cache");
	if (known && strstr(known, tag))
		httpd_answer(request, 304, NULL, "", 0);
	else
		httpd_answer(request, 200, asset->type, asset->data, (size_t)(asset->end - asset->data));
	return 1;
}

static int route(struct web *web, struct httpd_request *request)
{
	const char *path = httpd_path(request), *name = startswith(path, "/hosts/");

	if (streq(path, "/"))
		return answer_overview(web, request);
	if (name && *name)
		return answer_host(web, request, name);
	if (streq(path, "/events"))
		return answer_events(web, request);
	if (streq(path, "/events/stream")) {
		streams_answer(web->streams, request);
		return 1;
	}
	for (size_t i = 0; i < ASSET_COUNT; i++)
		if (streq(path, web->assets[i].path))
			return answer_asset(request, &web->assets[i]);
	answer_error(web, request, 404, "There is no such page", "The address may be mistyped.");
	return 1;
}

int web_handle(struct web *web, struct httpd_request *request)
{
	const char *method = httpd_method(request);

	set_security_headers(request);
	if (streq(method, "GET") || streq(method, "HEAD"))
		return route(web, request);
	httpd_set_header(request, "Allow", "GET, HEAD");
	answer_error(web, request, 405, "Pages can only be read", "This method is not allowed here.");
	return 1;
}
