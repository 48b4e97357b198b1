/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"
#include "base/fd.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define REDIRECTS_MAX 5
#define CONNECT_SECONDS 15
#define SLOW_BYTES 1 /* a second, for so many seconds: it hangs */
#define SLOW_SECONDS 30
#define CHUNK ((size_t)128 << 10)

bool fetch_is_url(const char *source)
{
	return startswith(source, "https://") || startswith(source, "http://");
}

static int too_large(const char *shown, uint64_t size_max, struct error *error)
{
	return error_set(error, -EFBIG, "%s has more than the %" PRIu64 " bytes that size_max allows", shown,
		size_max);
}

/* ---- Files ---- */

static int copy_rest(int from, int to, uint64_t have, const char *source, uint64_t size_max,
	const struct patience *patience, struct error *error)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	while ((n = fd_pread_full(from, chunk, CHUNK, (off_t)have)) > 0) {
		int r;

		if (have + (uint64_t)n > size_max)
			return too_large(source, size_max, error);
		r = fd_pwrite_full(to, chunk, (size_t)n, (off_t)have);
		if (r < 0)
			return error_set(error, r, "writing what was read of %s: %s", source, strerror(-r));
		have += (uint64_t)n;
		if (patience_over(patience))
			return error_set(
				error, -EAGAIN, "%s: time is up after %" PRIu64 " bytes", source, have);
	}
	return n < 0 ? error_set(error, (int)n, "reading %s: %s", source, strerror((int)-n)) : 0;
}

static int fetch_file(const char *source, int fd, uint64_t have, uint64_t size_max,
	const struct patience *patience, struct error *error)
{
	/* Never waits for whoever should open the other end of a pipe. */
	_cleanup_fd_ int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return error_set(error, -errno, "%s: %s", source, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EINVAL, "%s is not a regular file", source);
	return copy_rest(from, fd, have, source, size_max, patience, error);
}

/* ---- HTTP ---- */

struct transfer {
	CURL *handle;
	int fd;
	uint64_t have; /* bytes in the file */
	uint64_t size_max;
	const struct patience *patience;
	bool started;
	bool over; /* time is up */
	int error; /* of ours, for which the transfer was ended */
};

/* A server that does not know ranges sends everything again. */
static void begin_body(struct transfer *transfer)
{
	long status = 0;

	transfer->started = true;
	curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
	if (status != 206)
		transfer->have = 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *userdata)
{
	struct transfer *transfer = userdata;

	size *= count;
	if (!transfer->started)
		begin_body(transfer);
	if (transfer->have + size > transfer->size_max)
		transfer->error = -EFBIG;
	else
		transfer->error = fd_pwrite_full(transfer->fd, bytes, size, (off_t)transfer->have);
	if (transfer->error < 0)
		return 0;
	transfer->have += size;
	return size;
}

static int ask_patience(
	void *userdata, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct transfer *transfer = userdata;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	transfer->over = patience_over(transfer->patience);
	return transfer->over;
}

static void set_options(struct transfer *transfer, const char *source)
{
	CURL *h = transfer->handle;

	curl_easy_setopt(h, CURLOPT_URL, source);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_USERAGENT, "gavea");
	curl_easy_setopt(h, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(
		h, CURLOPT_REDIR_PROTOCOLS_STR, startswith(source, "https:") ? "https" : "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(h, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, ask_patience);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	if (transfer->have)
		curl_easy_setopt(h, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)transfer->have);
}

/* The URL without what may be secret in it. */
static char *shown_url(const char *url)
{
	const char *host = strstr(url, "://") + 3, *path = host + strcspn(host, "/?#"), *at = host;
	char *shown;

	for (const char *c = host; c < path; c++)
		if (*c == '@')
			at = c + 1;
	if (asprintf(&shown, "%.*s%.*s", (int)(host - url), url, (int)strcspn(at, "?#"), at) < 0)
		return NULL;
	return shown;
}

static int judge_transfer(const struct transfer *transfer, CURLcode code, const char *shown,
	const char *detail, struct error *error)
{
	long status = 0;

	if (transfer->error == -EFBIG)
		return too_large(shown, transfer->size_max, error);
	if (transfer->error < 0)
		return error_set(error, transfer->error, "writing what came from %s: %s", shown,
			strerror(-transfer->error));
	if (transfer->over)
		return error_set(
			error, -EAGAIN, "%s: time is up after %" PRIu64 " bytes", shown, transfer->have);
	if (code == CURLE_OK)
		return 0;
	curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return error_set(error, status == 404 ? -ENOENT : -EIO, "%s: the server answered with %ld",
			shown, status);
	return error_set(error, -EIO, "%s: %s", shown, *detail ? detail : curl_easy_strerror(code));
}

static int fetch_url(const char *source, int fd, uint64_t have, uint64_t size_max,
	const struct patience *patience, struct error *error)
{
	struct transfer transfer = {.handle = curl_easy_init(),
		.fd = fd,
		.have = have,
		.size_max = size_max,
		.patience = patience};
	_cleanup_free_ char *shown = shown_url(source);
	char detail[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	int r;

	if (!transfer.handle || !shown) {
		curl_easy_cleanup(transfer.handle);
		return -ENOMEM;
	}
	set_options(&transfer, source);
	curl_easy_setopt(transfer.handle, CURLOPT_ERRORBUFFER, detail);
	code = curl_easy_perform(transfer.handle);
	curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
	/* Nothing is left of what was asked for: the file is whole, or it is another one now. */
	if (code == CURLE_HTTP_RETURNED_ERROR && status == 416 && have > 0)
		r = 0;
	else
		r = judge_transfer(&transfer, code, shown, detail, error);
	curl_easy_cleanup(transfer.handle);
	if (r == 0 && transfer.started && ftruncate(fd, (off_t)transfer.have) < 0)
		r = error_set(error, -errno, "writing what came from %s: %s", shown, strerror(errno));
	return r;
}

int fetch(const char *source, int fd, uint64_t size_max, const struct patience *patience, struct error *error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (fetch_is_url(source))
		return fetch_url(source, fd, (uint64_t)st.st_size, size_max, patience, error);
	return fetch_file(source, fd, (uint64_t)st.st_size, size_max, patience, error);
}
