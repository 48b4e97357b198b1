/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_include.h"

#include "traffic.h"

#include <ctype.h>
#include <errno.h>

#define WORD_MAX 128

bool nginx_word_valid(const char *word)
{
	size_t size = strlen(word);

	return size && size <= WORD_MAX &&
		strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static void add_variable(const char *app, struct buf *out)
{
	buf_add_str(out, "$gavea_");
	for (const char *c = app; *c; c++)
		buf_add_char(out, isalnum((unsigned char)*c) ? *c : '_');
}

void nginx_include_write(const struct nginx_include *include, uint32_t share, bool applied, struct buf *out)
{
	buf_printf(out,
		"# Written by gavea; changes by hand are lost. Requests of %s that go to green, share: %u\n",
		include->app, share);
	buf_printf(out, "# applied: %s\n", applied ? "yes" : "no");
	buf_add_str(out, "split_clients \"");
	add_variable(include->app, out);
	buf_add_str(out, "_key\" ");
	add_variable(include->app, out);
	buf_add_str(out, " {\n");
	/* 0 % is no valid percentage for nginx. */
	if (share && share < SHARE_ALL)
		buf_printf(
			out, "\t%u.%02u%% %s;\n", share / 100, share % 100, include->upstream[COLOUR_GREEN]);
	buf_printf(out, "\t* %s;\n}\n", include->upstream[share == SHARE_ALL ? COLOUR_GREEN : COLOUR_BLUE]);
}

static bool same(const struct nginx_include *include, uint32_t share, bool applied, const struct buf *text)
{
	_cleanup_buf_ struct buf again = BUF_INIT;

	nginx_include_write(include, share, applied, &again);
	return buf_error(&again) == 0 && again.size == text->size &&
		memcmp(again.data, text->data, text->size) == 0;
}

int nginx_include_read(
	const struct nginx_include *include, const struct buf *text, uint32_t *ret_share, bool *ret_applied)
{
	const char *at = strstr(buf_str(text), "share: ");
	uint32_t share = 0;

	if (!at)
		return -EBADMSG;
	for (at += strlen("share: "); isdigit((unsigned char)*at) && share <= SHARE_ALL; at++)
		share = share * 10 + (uint32_t)(*at - '0');
	if (share > SHARE_ALL)
		return -EBADMSG;
	*ret_applied = same(include, share, true, text);
	if (!*ret_applied && !same(include, share, false, text))
		return -EBADMSG;
	*ret_share = share;
	return 0;
}
