/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/random.h"
#include "kit/enroll.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)65536)
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 3600000
#define TOLD_EVERY_MS (INT64_C(86400) * 1000)
#define HERE_REMEDY "run `gavea enroll` on this host with a token from the server"

struct identity {
	struct gavea_check *check;
	char *url, *folder, *file, *ca_file;
	const struct gavea_secret *enroll_token;
	int64_t request_timeout;
	struct stat seen; /* the file that was read */
	bool there;
	bool rejected; /* by the server */
	char *why; /* the last try to enrol failed */
	struct own_credential credential;
	int64_t renew_ms; /* when, by the wall clock */
	int64_t retry_ms; /* not before: after a failure */
	int64_t told_ms; /* that it ends soon */
};

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int identity_new(
	struct gavea_check *check, const struct identity_settings *settings, struct identity **ret_identity)
{
	const char *folder = settings->folder ? settings->folder : gavea_state_directory(check);
	struct identity *identity = calloc(1, sizeof *identity);

	if (!identity)
		return -ENOMEM;
	identity->check = check;
	identity->enroll_token = settings->enroll_token;
	identity->request_timeout = settings->request_timeout;
	identity->url = copy(settings->url);
	identity->folder = copy(folder);
	identity->ca_file = copy(settings->ca_file);
	if (folder && asprintf(&identity->file, "%s/" ENROLL_FILE, folder) < 0)
		identity->file = NULL;
	if (!identity->url || !identity->folder != !folder || !identity->file != !folder ||
		!identity->ca_file != !settings->ca_file) {
		identity_free(identity);
		return -ENOMEM;
	}
	*ret_identity = identity;
	return 0;
}

void identity_free(struct identity *identity)
{
	if (!identity)
		return;
	free(identity->url);
	free(identity->folder);
	free(identity->file);
	free(identity->ca_file);
	free(identity->why);
	free(identity);
}

const char *identity_file(const struct identity *identity)
{
	return identity->there ? identity->file : NULL;
}

bool identity_pinned(const struct identity *identity)
{
	return identity->there && identity->credential.pinned;
}

/* ---- The file ---- */

static int64_t life(const struct own_credential *credential)
{
	return credential->not_after_ms - credential->not_before_ms;
}

/* A fleet that enrolled on one day does not renew at one moment. */
static void plan_renewal(struct identity *identity)
{
	const struct own_credential *credential = &identity->credential;
	uint64_t spread = (uint64_t)(life(credential) / 20);

	identity->renew_ms =
		credential->not_before_ms + life(credential) / 3 * 2 + (int64_t)random_below(spread + 1);
	identity->retry_ms = 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Sees what `gavea enroll` has written meanwhile. */
static int look(struct identity *identity, bool *ret_changed, struct error *error)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	struct stat st;
	int r;

	if (!identity->file)
		return 0;
	if (stat(identity->file, &st) < 0) {
		*ret_changed |= identity->there;
		identity->there = false;
		if (errno == ENOENT)
			return 0;
		return error_set(
			error, -errno, "identity: can't read %s: %s", identity->file, strerror(errno));
	}
	if (identity->there && is_same(&st, &identity->seen))
		return 0;
	identity->there = false;
	r = file_read(AT_FDCWD, identity->file, FILE_MAX, &pem);
	if (r < 0)
		return error_set(error, r, "identity: can't read %s: %s", identity->file, strerror(-r));
	r = credential_read(buf_str(&pem), &identity->credential, error);
	if (r < 0) {
		error_prefix(error, "identity: %s", identity->file);
		return r;
	}
	identity->seen = st;
	identity->there = *ret_changed = true;
	identity->rejected = false;
	plan_renewal(identity);
	return 0;
}

/* ---- Enrolment and renewal ---- */

static bool is_cancelled(void *userdata)
{
	struct identity *identity = userdata;

	return gavea_cancelled(identity->check);
}

/* Leaves half of the time for the delivery itself. */
static int64_t time_for_request(const struct identity *identity)
{
	int64_t deadline = gavea_deadline(identity->check);

	if (deadline == INT64_MAX)
		return identity->request_timeout;
	return MAX(
		MIN(identity->request_timeout, (deadline - gavea_now(identity->check)) / 3), NSEC_PER_MSEC);
}

static const char *info(const struct identity *identity, struct gavea_batch *batch, const char *key)
{
	const char *text = gavea_batch_info(identity->check, batch, key);

	return text ? text : "";
}

static struct enroll_request make_request(struct identity *identity, struct gavea_batch *batch)
{
	return (struct enroll_request){
		.url = identity->url,
		.folder = identity->folder,
		.agent_id = info(identity, batch, "agent_id"),
		.machine_id = info(identity, batch, "machine_id"),
		.name = info(identity, batch, "name"),
		.ca_file = identity->ca_file,
		.timeout = time_for_request(identity),
		.cancelled = is_cancelled,
		.userdata = identity,
	};
}

static void retry_later(struct identity *identity, int64_t now_ms)
{
	int64_t pause = identity->there ? life(&identity->credential) / 100 : 30000;

	pause = MAX(RETRY_MIN_MS, MIN(pause, RETRY_MAX_MS));
	identity->retry_ms = now_ms + pause / 2 + (int64_t)random_below((uint64_t)pause);
}

static int enroll(struct identity *identity, struct gavea_batch *batch, int64_t now_ms, bool *ret_changed,
	struct error *error)
{
	struct enroll_request request = make_request(identity, batch);
	struct enroll_result result = {};
	int r;

	if (!identity->folder)
		return error_set(error, -EROFS, "identity: there is no state directory to keep one in");
	if (now_ms < identity->retry_ms)
		return error_set(error, -EAGAIN, "%s (next try in %lld s)",
			identity->why ? identity->why : "not enrolled yet",
			(long long)(identity->retry_ms - now_ms) / 1000 + 1);
	request.token = gavea_secret_bytes(identity->check, identity->enroll_token, NULL);
	r = enroll_begin(&request, &result, error);
	if (r < 0) {
		retry_later(identity, now_ms);
		error_prefix(error, "can't enrol");
		free(identity->why);
		identity->why = strdup(error_text(error, r));
		return r;
	}
	gavea_log(identity->check, GAVEA_LOG_NOTICE, "enrolled as agent %s", request.agent_id);
	return look(identity, ret_changed, error);
}

/* Once a day, from a sixth of its life on: the log is not always read. */
static void tell_that_it_ends(struct identity *identity, int64_t now_ms, const char *why)
{
	int64_t left = identity->credential.not_after_ms - now_ms;
	char rough[32], *summary = NULL;
	const struct gavea_pair attributes[] = {{"reason", why}};

	if (left > life(&identity->credential) / 6 ||
		(identity->told_ms && now_ms - identity->told_ms < TOLD_EVERY_MS))
		return;
	if (asprintf(&summary, "this agent's certificate ends in %s and cannot be renewed: %s",
		    format_duration_rough(rough, left * NSEC_PER_MSEC), why) < 0)
		return;
	gavea_event(
		identity->check, "identity-ends", GAVEA_WARNING, summary, attributes, ARRAY_SIZE(attributes));
	identity->told_ms = now_ms;
	free(summary);
}

/* That it fails is no reason not to deliver: the one that is there is still good. */
static void renew(struct identity *identity, struct gavea_batch *batch, int64_t now_ms, bool *ret_changed)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct enroll_request request = make_request(identity, batch);
	struct enroll_result result = {};
	int r = enroll_renew(&request, &result, &error);

	if (r == 0)
		r = look(identity, ret_changed, &error);
	if (r == 0) {
		gavea_log(identity->check, GAVEA_LOG_NOTICE, "the certificate was renewed");
		identity->told_ms = 0;
		return;
	}
	gavea_log(identity->check, GAVEA_LOG_WARNING, "the certificate can't be renewed: %s",
		error_text(&error, r));
	retry_later(identity, now_ms);
	tell_that_it_ends(identity, now_ms, error_text(&error, r));
}

/* ---- Before each delivery ---- */

/* NULL: it is good; else why it must not be used, appended to text. */
static bool is_bad(struct identity *identity, struct gavea_batch *batch, int64_t now_ms, struct buf *text)
{
	const struct own_credential *credential = &identity->credential;
	const char *agent_id = info(identity, batch, "agent_id");
	char date[32];

	if (!streq(credential->machine_id, info(identity, batch, "machine_id")))
		buf_printf(text, "identity: %s is that of agent %s on another machine: this one is a copy",
			identity->file, credential->agent_id);
	else if (!streq(credential->agent_id, agent_id))
		buf_printf(text,
			"identity: %s is that of agent %s, and this is %s (restart gavead if its id was "
			"changed)",
			identity->file, credential->agent_id, agent_id);
	else if (now_ms >= credential->not_after_ms)
		buf_printf(text, "identity: the certificate ended at %s",
			clock_format_utc(date, credential->not_after_ms, 0));
	else if (identity->rejected && identity->enroll_token)
		buf_add_str(text, "identity: the server does not take it");
	return text->size > 0;
}

void identity_reject(struct identity *identity)
{
	identity->rejected = true;
}

int identity_prepare(
	struct identity *identity, struct gavea_batch *batch, bool *ret_changed, struct error *error)
{
	_cleanup_buf_ struct buf reason = BUF_INIT;
	int64_t now_ms = clock_unix_ms();
	int r;

	*ret_changed = false;
	r = look(identity, ret_changed, error);
	if (r < 0 && !identity->enroll_token)
		return r;
	if (identity->there && !is_bad(identity, batch, now_ms, &reason)) {
		if (now_ms >= identity->renew_ms && now_ms >= identity->retry_ms)
			renew(identity, batch, now_ms, ret_changed);
		return 0;
	}
	if (identity->enroll_token)
		return enroll(identity, batch, now_ms, ret_changed, error);
	return identity->there ? error_set(error, -EACCES, "%s: " HERE_REMEDY, buf_str(&reason)) : 0;
}
