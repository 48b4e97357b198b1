/* SPDX-License-Identifier: Apache-2.0 */
#include "client_internal.h"

#include "base/parse.h"

#include <errno.h>
#include <strings.h>

static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, what, &text, flags) != CURLUE_OK)
		return NULL;
	copy = strdup(text);
	curl_free(text);
	return copy;
}

void url_parts_done(struct url_parts *parts)
{
	free(parts->scheme);
	free(parts->host);
	*parts = (struct url_parts){0};
}

int url_split(const char *text, struct url_parts *ret_parts)
{
	struct url_parts parts = {0};
	CURLU *url = curl_url();
	_cleanup_free_ char *port = NULL;
	int64_t number = 0;
	int r = 0;

	if (!url)
		return -ENOMEM;
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		r = -EINVAL;
	if (r == 0) {
		parts.scheme = part(url, CURLUPART_SCHEME, 0);
		parts.host = part(url, CURLUPART_HOST, 0);
		port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
		if (!parts.scheme || !parts.host || !port || parse_int64(port, &number) < 0 ||
			(!streq(parts.scheme, "http") && !streq(parts.scheme, "https")))
			r = -EINVAL;
	}
	curl_url_cleanup(url);
	if (r < 0) {
		url_parts_done(&parts);
		return r;
	}
	parts.port = (uint16_t)number;
	*ret_parts = parts;
	return 0;
}

bool url_same_origin(const struct url_parts *a, const struct url_parts *b)
{
	return a->port == b->port && streq(a->scheme, b->scheme) && strcasecmp(a->host, b->host) == 0;
}

char *url_shown(const char *text)
{
	CURLU *url = curl_url();
	char *shown = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		curl_url_set(url, CURLUPART_USER, NULL, 0);
		curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(url, CURLUPART_QUERY, NULL, 0);
		curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
		shown = part(url, CURLUPART_URL, 0);
	}
	curl_url_cleanup(url);
	return shown;
}

int url_host(const char *text, char **ret_host, uint16_t *ret_port)
{
	struct url_parts parts;
	int r = url_split(text, &parts);

	if (r < 0)
		return r;
	*ret_host = TAKE_PTR(parts.host);
	*ret_port = parts.port;
	url_parts_done(&parts);
	return 0;
}
