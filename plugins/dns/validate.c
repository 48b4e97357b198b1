/* SPDX-License-Identifier: Apache-2.0 */
#include "validate.h"
#include "endpoint.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unbound.h>

enum {
	PATIENCE_MS = 100,
	REASON_MAX = 400,
};

/* An answer on its way; lives on the stack of who waits, so it is cancelled before that returns. */
struct pending {
	bool done;
	int error;
	struct ub_result *result;
};

static void on_result(void *userdata, int error, struct ub_result *result)
{
	struct pending *pending = userdata;

	pending->done = true;
	pending->error = error;
	pending->result = result;
}

static int fail(struct error *error, int code, const char *what)
{
	return error_set(error, code == UB_NOMEM ? -ENOMEM : -EINVAL, "%s: %s", what, ub_strerror(code));
}

/* libunbound's own form: "192.0.2.1@53". */
static void at_form(const struct server_setting *server, char out[static RESOLVE_TEXT_SIZE + 16])
{
	snprintf(out, RESOLVE_TEXT_SIZE + 16, "%s@%u", server->host, server->port);
}

static int set_servers(struct ub_ctx *context, const struct settings *settings, struct error *error)
{
	const struct server_list *through = &settings->validators;
	const struct server_list *list = through->count ? through : &settings->parents;
	char address[RESOLVE_TEXT_SIZE + 16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		at_form(&list->list[i], address);
		r = through->count ? ub_ctx_set_fwd(context, address)
				   : ub_ctx_set_stub(context, ".", address, 0);
	}
	return r ? fail(error, r, through->count ? "validate_through" : "parent_servers") : 0;
}

static int set_up(struct ub_ctx *context, const struct settings *settings, struct error *error)
{
	/* What is being tested may be on the loopback. Signatures get no grace: by default libunbound takes them up to a day
	 * after their end. Small caches: they live for one question. */
	static const char *const options[][2] = {{"do-not-query-localhost:", "no"}, {"msg-cache-size:", "1m"},
		{"rrset-cache-size:", "2m"}, {"key-cache-size:", "256k"}, {"neg-cache-size:", "128k"},
		{"unblock-lan-zones:", "yes"}, {"val-sig-skew-min:", "0"}, {"val-sig-skew-max:", "0"},
		{"outgoing-range:", "64"}, {"num-queries-per-thread:", "64"}};
	int r = ub_ctx_async(context, 1);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		r = ub_ctx_set_option(context, options[i][0], options[i][1]);
	if (r == 0 && settings->family != AF_UNSPEC)
		r = ub_ctx_set_option(context, settings->family == AF_INET ? "do-ip6:" : "do-ip4:", "no");
	for (size_t i = 0; r == 0 && i < settings->anchor_count; i++)
		r = ub_ctx_add_ta(context, settings->anchors[i]);
	if (r)
		return fail(error, r, "libunbound");
	return set_servers(context, settings, error);
}

/* It answers for some zones by itself, which the servers under test may well serve. After this no setting can change. */
static int drop_own_zones(struct ub_ctx *context, struct error *error)
{
	static const char *const zones[] = {"test.", "invalid.", "onion.", "localhost.", "home.arpa."};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(zones); i++)
		r = ub_ctx_zone_remove(context, zones[i]);
	return r ? fail(error, r, "libunbound") : 0;
}

static int wait_for(struct ub_ctx *context, const struct pending *pending, int64_t deadline,
	bool (*cancelled)(void *userdata), void *userdata)
{
	struct pollfd pollfd = {.fd = ub_fd(context), .events = POLLIN};

	while (!pending->done) {
		int64_t left = (deadline - clock_ns(CLOCK_MONOTONIC)) / NSEC_PER_MSEC;

		if (left <= 0)
			return -ETIMEDOUT;
		if (cancelled && cancelled(userdata))
			return -ECANCELED;
		if (poll(&pollfd, 1, (int)MIN(left, PATIENCE_MS)) > 0 && ub_process(context) != 0)
			return -EIO;
	}
	return 0;
}

/* Printable, and cut: it holds names that the server chose. */
static char *clean(const char *text)
{
	char *copy = text ? strndup(text, REASON_MAX) : NULL;

	for (char *p = copy; p && *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return copy;
}

static void take(const struct ub_result *result, struct validation *validation)
{
	validation->rcode = (unsigned)result->rcode;
	if (result->bogus)
		validation->state = VALIDATION_BOGUS;
	else if (result->secure)
		validation->state = VALIDATION_SECURE;
	else if (result->rcode == LDNS_RCODE_NOERROR || result->rcode == LDNS_RCODE_NXDOMAIN)
		validation->state = VALIDATION_INSECURE;
	else
		validation->state = VALIDATION_FAILED;
	validation->has_records = result->havedata;
	validation->no_name = result->nxdomain;
	validation->reason = clean(result->why_bogus);
}

static int resolve_one(struct ub_ctx *context, const struct settings *settings, int64_t deadline,
	bool (*cancelled)(void *userdata), void *userdata, struct validation *ret, struct error *error)
{
	struct pending pending = {0};
	int id, r;

	r = ub_resolve_async(context, settings->name_text, (int)settings->type, 1, &pending, on_result, &id);
	if (r)
		return fail(error, r, "libunbound");
	r = wait_for(context, &pending, deadline, cancelled, userdata);
	if (r < 0 && !pending.done) {
		ub_cancel(context, id);
		return error_set(error, r, "the validation %s",
			r == -ETIMEDOUT
				? "did not end in time: are the zone's and its parents' servers reachable?"
				: r == -ECANCELED ? "was cancelled"
						  : "broke down");
	}
	if (pending.error || !pending.result)
		r = fail(error, pending.error, "libunbound");
	else
		take(pending.result, ret);
	ub_resolve_free(pending.result);
	return r;
}

int validate(const struct settings *settings, int64_t deadline, bool (*cancelled)(void *userdata),
	void *userdata, struct validation *ret, struct error *error)
{
	struct ub_ctx *context = ub_ctx_create();
	int r;

	*ret = (struct validation){.state = VALIDATION_FAILED};
	if (!context)
		return error_set(error, -ENOMEM, "libunbound did not start");
	r = set_up(context, settings, error);
	if (r == 0)
		r = drop_own_zones(context, error);
	if (r == 0)
		r = resolve_one(context, settings, deadline, cancelled, userdata, ret, error);
	ub_ctx_delete(context);
	return r;
}

void validation_done(struct validation *validation)
{
	free(validation->reason);
	validation->reason = NULL;
}
