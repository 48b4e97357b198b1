/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/enroll.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "kit/enroll_answer.h"
#include "kit/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_FILE "pending.pem"
#define FILE_MAX ((size_t)65536)
#define ANSWER_MAX ((size_t)65536)
#define SKEW_MAX_MS 300000

DEFINE_CLEANUP(struct http_client *, http_client_free);

/* One request for a certificate, on its way. */
struct job {
	const struct enroll_request *request;
	int folder;
	char *present, *pending; /* paths */
	struct buf key; /* the pending one, with the authority behind it where one is pinned */
	bool pinned;
};

static void job_done(struct job *job)
{
	fd_close(job->folder);
	free(job->present);
	free(job->pending);
	credential_wipe(&job->key);
}

static int job_init(struct job *job, const struct enroll_request *request, struct error *error)
{
	*job = (struct job){.request = request, .folder = -EBADF};
	if (make_directories(request->folder, 0700) < 0 ||
		(job->folder = open(request->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_set(
			error, -errno, "can't use the folder %s: %s", request->folder, strerror(errno));
	if (asprintf(&job->present, "%s/" ENROLL_FILE, request->folder) < 0)
		job->present = NULL;
	if (asprintf(&job->pending, "%s/" PENDING_FILE, request->folder) < 0)
		job->pending = NULL;
	return job->present && job->pending ? 0 : error_set(error, -ENOMEM, "out of memory");
}

static int save(const struct job *job, const char *file, const struct buf *pem, struct error *error)
{
	int r = buf_error(pem);

	if (r == 0)
		r = file_write_atomic(job->folder, file, pem->data, pem->size, 0600);
	return r < 0 ? error_set(error, r, "can't write %s/%s: %s", job->request->folder, file, strerror(-r))
		     : 0;
}

/* Takes the key that an attempt before has left, or makes one. */
static int prepare_key(struct job *job, struct error *error)
{
	_cleanup_buf_ struct buf csr = BUF_INIT;
	const char *end;
	int r = file_read(job->folder, PENDING_FILE, FILE_MAX, &job->key);

	if (r == 0 && credential_make_request(buf_str(&job->key), "agent", &csr, NULL) == 0) {
		/* The authority behind it is looked at anew. */
		end = strstr(buf_str(&job->key), "-----BEGIN CERTIFICATE");
		if (end) {
			job->key.size = (size_t)(end - job->key.data);
			job->key.data[job->key.size] = 0;
		}
		return 0;
	}
	credential_wipe(&job->key);
	r = credential_make_key(&job->key);
	return r < 0 ? error_set(error, r, "can't make a key") : save(job, PENDING_FILE, &job->key, error);
}

/* ---- Asking ---- */

static int make_url(const char *server, const char *path, struct buf *out, struct error *error)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *whole = NULL;
	int r = -EINVAL;

	if (!url)
		return error_set(error, -ENOMEM, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, server, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		error_set(
			error, r, "the server's address is not a URL such as https://fleet.example.com:8470");
	else if (!streq(scheme, "https"))
		error_set(error, r,
			"the server's address must begin with https://: certificates go with TLS only");
	else if (curl_url_set(url, CURLUPART_PATH, path, 0) != CURLUE_OK ||
		curl_url_set(url, CURLUPART_QUERY, NULL, 0) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
		error_set(error, r, "the server's address cannot be completed");
	else
		r = 0;
	if (r == 0)
		buf_add_str(out, whole);
	curl_free(scheme);
	curl_free(whole);
	curl_url_cleanup(url);
	return r;
}

static int perform(const struct job *job, const struct http_settings *settings, struct http_request *http,
	struct http_answer *answer, struct error *error)
{
	_cleanup_(http_client_freep) struct http_client *client = NULL;
	int r = http_client_new(settings, &client, error);

	http->timeout = job->request->timeout;
	http->max_answer = ANSWER_MAX;
	http->cancelled = job->request->cancelled;
	http->userdata = job->request->userdata;
	return r < 0 ? r : http_perform(client, http, answer, error);
}

/* The digits of a fingerprint; NULL: none was given. */
static const char *wanted_fingerprint(const struct enroll_request *request)
{
	const char *text = request->fingerprint, *rest;

	if (!text && request->token) {
		text = strchr(request->token, '.');
		text = text ? text + 1 : NULL;
	}
	rest = text ? startswith(text, "sha256:") : NULL;
	return rest ? rest : text;
}

/* The authority is public: it may come from anybody, when it is the one that the fingerprint names. */
static int fetch_authority(struct job *job, const char *fingerprint, struct error *error)
{
	const struct http_settings settings = {.insecure = true};
	_cleanup_buf_ struct buf url = BUF_INIT;
	struct http_answer answer = {.body = BUF_INIT};
	struct http_request http = {.method = "GET"};
	char actual[CREDENTIAL_FINGERPRINT_SIZE];
	int r = make_url(job->request->url, "/v1/ca", &url, error);

	http.url = buf_str(&url);
	if (r == 0)
		r = perform(job, &settings, &http, &answer, error);
	if (r == 0 && (answer.status != 200 || credential_fingerprint(buf_str(&answer.body), actual) < 0))
		r = error_set(error, -EPROTO,
			"%s answers %d and no certificate: is that a gavea-fleetd with identity = true?",
			http.url, answer.status);
	if (r == 0 && !streq(actual, fingerprint))
		r = error_set(error, -EKEYREJECTED,
			"%s has another authority (sha256:%s) than the one to trust (sha256:%s): it is "
			"another server than "
			"the one that made the token, or somebody stands between",
			http.url, actual, fingerprint);
	if (r == 0) {
		buf_add(&job->key, answer.body.data, answer.body.size);
		job->pinned = true;
		r = save(job, PENDING_FILE, &job->key, error);
	}
	buf_done(&answer.body);
	return r;
}

static int make_body(const struct job *job, struct buf *body, struct error *error)
{
	const struct enroll_request *request = job->request;
	_cleanup_buf_ struct buf csr = BUF_INIT;
	struct json json;
	int r = credential_make_request(buf_str(&job->key), request->agent_id, &csr, error);

	if (r < 0)
		return r;
	json_init(&json, body);
	json_object_begin(&json);
	json_kv_string(&json, "agent_id", request->agent_id);
	json_kv_string(&json, "machine_id", request->machine_id);
	json_kv_string(&json, "name", request->name);
	json_kv_string(&json, "csr", buf_str(&csr));
	json_object_end(&json);
	return buf_error(body) < 0 ? error_set(error, -ENOMEM, "out of memory") : 0;
}

/* ---- The answer ---- */

static int judge_time(const struct enroll_result *result, struct error *error)
{
	const struct own_credential *credential = &result->credential;
	int64_t now_ms = clock_unix_ms();
	char date[32];

	if (now_ms >= credential->not_before_ms && now_ms < credential->not_after_ms)
		return 0;
	return error_set(error, -EINVAL,
		"the certificate is not valid by this host's clock, which says %s and is %lld s %s the "
		"server's: set the "
		"clock first",
		clock_format_utc(date, now_ms, 0), (long long)llabs(result->skew_ms) / 1000,
		result->skew_ms > 0 ? "ahead of" : "behind");
}

static int take_identity(struct job *job, const struct enroll_answer *answer, struct enroll_result *result,
	struct error *error)
{
	_cleanup_wipe_ struct buf pem = BUF_INIT;
	const char *key_end = strstr(buf_str(&job->key), "-----BEGIN CERTIFICATE");
	int r;

	buf_add(&pem, job->key.data, key_end ? (size_t)(key_end - job->key.data) : job->key.size);
	buf_printf(&pem, "%s%s", answer->certificate, job->pinned ? answer->ca : "");
	result->skew_ms = clock_unix_ms() - answer->server_time_ms;
	r = credential_read(buf_str(&pem), &result->credential, error);
	if (r < 0)
		error_prefix(error, "the server's answer cannot be used");
	else if (!streq(result->credential.agent_id, job->request->agent_id) ||
		!streq(result->credential.machine_id, job->request->machine_id))
		r = error_set(error, -EPROTO, "the server gave the certificate of another agent");
	if (r == 0)
		r = judge_time(result, error);
	if (r == 0)
		r = save(job, ENROLL_FILE, &pem, error);
	if (r == 0)
		(void)unlinkat(job->folder, PENDING_FILE, 0);
	return r;
}

static int judge(struct job *job, const char *url, const struct http_answer *http,
	struct enroll_result *result, struct error *error)
{
	_cleanup_(enroll_answer_done) struct enroll_answer answer = ENROLL_ANSWER_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (http->status != 200 && http->status != 201) {
		enroll_refusal_parse(
			http->body.data, http->body.size, &text, result->code, sizeof result->code);
		return error_set(error, http->status >= 500 ? -EREMOTEIO : -EACCES, "%s answers %d%s%s", url,
			http->status, text.size ? ": " : ": is that a gavea-fleetd?", buf_str(&text));
	}
	if (enroll_answer_parse(http->body.data, http->body.size, &answer) < 0)
		return error_set(
			error, -EPROTO, "%s answers %d, but not with a certificate", url, http->status);
	return take_identity(job, &answer, result, error);
}

static int ask(struct job *job, const char *path, const struct http_settings *settings, const char *bearer,
	struct enroll_result *ret_result, struct error *error)
{
	static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json"};
	_cleanup_buf_ struct buf url = BUF_INIT, body = BUF_INIT;
	struct http_answer answer = {.body = BUF_INIT};
	struct http_request http = {
		.method = "POST", .headers = headers, .header_count = 2, .bearer = bearer};
	int r = make_url(job->request->url, path, &url, error);

	*ret_result = (struct enroll_result){};
	if (r == 0)
		r = make_body(job, &body, error);
	http.url = buf_str(&url);
	http.body = body.data;
	http.body_size = body.size;
	if (r == 0)
		r = perform(job, settings, &http, &answer, error);
	if (r == 0)
		r = judge(job, http.url, &answer, ret_result, error);
	buf_done(&answer.body);
	return r;
}

int enroll_begin(const struct enroll_request *request, struct enroll_result *ret_result, struct error *error)
{
	const char *fingerprint = wanted_fingerprint(request);
	struct http_settings settings = {.ca_file = request->ca_file};
	_cleanup_(job_done) struct job job = {.folder = -EBADF};
	_cleanup_wipe_ struct buf token = BUF_INIT;
	int r;

	if (fingerprint &&
		(strlen(fingerprint) != CREDENTIAL_FINGERPRINT_SIZE - 1 ||
			strspn(fingerprint, "0123456789abcdef") != CREDENTIAL_FINGERPRINT_SIZE - 1))
		return error_set(error, -EINVAL,
			"the fingerprint of the authority is not sha256: with 64 hexadecimal digits");
	r = job_init(&job, request, error);
	if (r == 0)
		r = prepare_key(&job, error);
	if (r == 0 && fingerprint) {
		r = fetch_authority(&job, fingerprint, error);
		settings.ca_file = job.pending;
	}
	if (r < 0)
		return r;
	buf_add(&token, request->token, strcspn(request->token, "."));
	return ask(&job, "/v1/enroll", &settings, buf_str(&token), ret_result, error);
}

int enroll_renew(const struct enroll_request *request, struct enroll_result *ret_result, struct error *error)
{
	struct http_settings settings = {};
	_cleanup_(job_done) struct job job = {.folder = -EBADF};
	_cleanup_wipe_ struct buf present = BUF_INIT;
	struct own_credential credential;
	int r = job_init(&job, request, error);

	if (r == 0) {
		r = file_read(job.folder, ENROLL_FILE, FILE_MAX, &present);
		if (r < 0)
			error_set(error, r, "can't read %s: %s", job.present, strerror(-r));
	}
	if (r == 0)
		r = credential_read(buf_str(&present), &credential, error);
	if (r == 0)
		r = prepare_key(&job, error);
	if (r < 0)
		return r;
	job.pinned = credential.pinned;
	settings.certificate_file = settings.key_file = job.present;
	settings.ca_file = request->ca_file ? request->ca_file : credential.pinned ? job.present : NULL;
	return ask(&job, "/v1/renew", &settings, NULL, ret_result, error);
}
