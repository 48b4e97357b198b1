/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>

#define REPORT_PATH "/v1/report"

static bool is_loopback(const char *host)
{
	struct in_addr v4;

	if (streq(host, "localhost") || streq(host, "[::1]"))
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* NULL: the part is not there. Freed with curl_free(). */
static char *part(CURLU *url, CURLUPart what)
{
	char *text = NULL;

	return curl_url_get(url, what, &text, 0) == CURLUE_OK ? text : NULL;
}

static void curl_freep(char **text)
{
	curl_free(*text);
}
#define _cleanup_curl_ _cleanup_(curl_freep)

static int judge(CURLU *url, bool allow_plain, struct error *error)
{
	_cleanup_curl_ char *scheme = part(url, CURLUPART_SCHEME);
	_cleanup_curl_ char *host = part(url, CURLUPART_HOST);
	_cleanup_curl_ char *user = part(url, CURLUPART_USER);
	_cleanup_curl_ char *password = part(url, CURLUPART_PASSWORD);
	_cleanup_curl_ char *fragment = part(url, CURLUPART_FRAGMENT);

	if (!scheme || !host)
		return error_set(error, -EINVAL, "url: not a valid URL");
	if (user || password)
		return error_set(error, -EINVAL, "url: must not hold a user or password: use token");
	if (fragment)
		return error_set(error, -EINVAL, "url: must not have a fragment (#...)");
	if (streq(scheme, "https"))
		return 0;
	if (!streq(scheme, "http"))
		return error_set(error, -EINVAL, "url: must begin with https://");
	if (allow_plain || is_loopback(host))
		return 0;
	return error_set(error, -EINVAL,
		"url: plain http is for this host only; use https:// (or, for a test, insecure = true)");
}

static int complete(CURLU *url, char **ret_url, struct error *error)
{
	_cleanup_curl_ char *path = part(url, CURLUPART_PATH);
	_cleanup_curl_ char *query = part(url, CURLUPART_QUERY);
	_cleanup_curl_ char *whole = NULL;

	if (!query && (!path || streq(path, "/")))
		curl_url_set(url, CURLUPART_PATH, REPORT_PATH, 0);
	whole = part(url, CURLUPART_URL);
	*ret_url = whole ? strdup(whole) : NULL;
	return *ret_url ? 0 : error_set(error, -ENOMEM, "out of memory");
}

int target_url(const char *text, bool allow_plain, char **ret_url, struct error *error)
{
	CURLU *url;
	int r;

	for (const char *c = text; c && *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f)
			return error_set(error, -EINVAL, "url: has a space or a control character");
	url = curl_url();
	if (!url)
		return error_set(error, -ENOMEM, "out of memory");
	if (!text || curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		r = error_set(error, -EINVAL, "url: not a valid URL, such as https://fleet.example.com:8470");
	else
		r = judge(url, allow_plain, error);
	if (r == 0)
		r = complete(url, ret_url, error);
	curl_url_cleanup(url);
	return r;
}
