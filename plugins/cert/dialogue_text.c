/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogue_text.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define LINE_MAX_BYTES 8192
#define SHOWN 120

static const char no_offer[] = "the server offers no STARTTLS";

/* ---- Lines ---- */

/* A whole line from the front of in, without its end: 1, 0 (not there yet) or -EPROTO. */
static int take_line(struct buf *in, struct buf *line, struct error *error)
{
	char *end = in->size ? memchr(in->data, '\n', in->size) : NULL;
	size_t size = end ? (size_t)(end - in->data) : in->size;

	if (size > LINE_MAX_BYTES)
		return error_set(
			error, -EPROTO, "the server sent a line of more than %d bytes", LINE_MAX_BYTES);
	if (!end)
		return 0;
	buf_reset(line);
	buf_add(line, in->data, size);
	if (line->size && line->data[line->size - 1] == '\r')
		line->data[--line->size] = '\0';
	/* It goes into errors. */
	for (size_t i = 0; i < line->size; i++)
		if (!isprint((unsigned char)line->data[i]))
			line->data[i] = line->data[i] == '\t' ? ' ' : '?';
	in->size -= size + 1;
	memmove(in->data, end + 1, in->size + 1);
	return buf_error(line) ? error_set(error, -EPROTO, "out of memory") : 1;
}

static int refused(const struct buf *line, const char *what, struct error *error)
{
	return error_set(error, -EPROTO, "%s: \"%.*s\"", what, SHOWN, buf_str(line));
}

static bool begins(const struct buf *line, const char *word)
{
	return strncasecmp(buf_str(line), word, strlen(word)) == 0;
}

/* The code of an answer of SMTP or FTP: "250-more", "250 last". -1: neither. */
static int code_of(const struct buf *line, bool *ret_last)
{
	const char *text = buf_str(line);

	for (int i = 0; i < 3; i++)
		if (!isdigit((unsigned char)text[i]))
			return -1;
	*ret_last = text[3] != '-';
	return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

static int smtp(struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	static const int wanted[] = {220, 250, 220};
	bool last = false;
	int code = code_of(line, &last);

	if (code != wanted[dialogue->step]) {
		buf_add_str(out, "QUIT\r\n");
		return refused(line,
			dialogue->step == 0           ? "the server does not greet as SMTP does"
				: dialogue->step == 1 ? "the server refuses EHLO"
						      : "the server refuses STARTTLS",
			error);
	}
	if (dialogue->step == 1 && strcasecmp(buf_str(line) + 4, "STARTTLS") == 0)
		dialogue->offered = true;
	if (!last)
		return DIALOGUE_MORE;
	if (dialogue->step == 1 && !dialogue->offered) {
		buf_add_str(out, "QUIT\r\n");
		return error_set(error, -EPROTO, no_offer);
	}
	if (dialogue->step == 2)
		return DIALOGUE_READY;
	buf_add_str(out, dialogue->step == 0 ? "EHLO gavea.invalid\r\n" : "STARTTLS\r\n");
	dialogue->step++;
	return DIALOGUE_MORE;
}

/* In FTP, lines within an answer of several may begin with anything. */
static int ftp(struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	bool last = false;
	int code = code_of(line, &last);

	if (dialogue->offered && (code < 0 || !last))
		return DIALOGUE_MORE;
	if (code == 120 && dialogue->step == 0) /* "ready in a while" */
		return DIALOGUE_MORE;
	if (code != (dialogue->step == 0 ? 220 : 234)) {
		buf_add_str(out, "QUIT\r\n");
		return refused(line,
			dialogue->step == 0 ? "the server does not greet as FTP does"
					    : "the server refuses AUTH TLS",
			error);
	}
	dialogue->offered = !last; /* within an answer */
	if (!last)
		return DIALOGUE_MORE;
	if (dialogue->step == 1)
		return DIALOGUE_READY;
	buf_add_str(out, "AUTH TLS\r\n");
	dialogue->step++;
	return DIALOGUE_MORE;
}

static int imap(struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	if (dialogue->step == 0) {
		if (!begins(line, "* OK") && !begins(line, "* PREAUTH"))
			return refused(line, "the server does not greet as IMAP does", error);
		buf_add_str(out, "a STARTTLS\r\n");
		dialogue->step++;
		return DIALOGUE_MORE;
	}
	if (begins(line, "* ")) {
		if (!begins(line, "* BYE"))
			return DIALOGUE_MORE;
	} else if (begins(line, "a OK")) {
		return DIALOGUE_READY;
	}
	buf_add_str(out, "b LOGOUT\r\n");
	return refused(line, "the server refuses STARTTLS", error);
}

static int pop3(struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	if (!begins(line, "+OK")) {
		buf_add_str(out, "QUIT\r\n");
		return refused(line,
			dialogue->step == 0 ? "the server does not greet as POP3 does"
					    : "the server refuses STLS",
			error);
	}
	if (dialogue->step == 1)
		return DIALOGUE_READY;
	buf_add_str(out, "STLS\r\n");
	dialogue->step++;
	return DIALOGUE_MORE;
}

static int sieve(struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	if (begins(line, "\"STARTTLS\""))
		dialogue->offered = true;
	if (begins(line, "\"") && dialogue->step == 0)
		return DIALOGUE_MORE;
	if (!begins(line, "OK")) {
		buf_add_str(out, "LOGOUT\r\n");
		return refused(line,
			dialogue->step == 0 ? "the server does not greet as ManageSieve does"
					    : "the server refuses STARTTLS",
			error);
	}
	if (dialogue->step == 1)
		return DIALOGUE_READY;
	if (!dialogue->offered) {
		buf_add_str(out, "LOGOUT\r\n");
		return error_set(error, -EPROTO, no_offer);
	}
	buf_add_str(out, "STARTTLS\r\n");
	dialogue->step++;
	return DIALOGUE_MORE;
}

static int take_answer(
	struct dialogue *dialogue, const struct buf *line, struct buf *out, struct error *error)
{
	switch (dialogue->starttls) {
	case STARTTLS_SMTP:
		return smtp(dialogue, line, out, error);
	case STARTTLS_FTP:
		return ftp(dialogue, line, out, error);
	case STARTTLS_IMAP:
		return imap(dialogue, line, out, error);
	case STARTTLS_POP3:
		return pop3(dialogue, line, out, error);
	default:
		return sieve(dialogue, line, out, error);
	}
}

int lines_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	int r;

	while ((r = take_line(in, &line, error)) > 0) {
		r = take_answer(dialogue, &line, out, error);
		if (r != DIALOGUE_MORE)
			return r;
	}
	return r;
}

/* ---- XMPP (RFC 6120) ---- */

void xmpp_begin(const struct dialogue *dialogue, struct buf *out)
{
	buf_printf(out,
		"<?xml version='1.0'?><stream:stream xmlns='%s' "
		"xmlns:stream='http://etherx.jabber.org/streams' "
		"to='%s' version='1.0'>",
		dialogue->starttls == STARTTLS_XMPP ? "jabber:client" : "jabber:server", dialogue->host);
}

static char *find(const struct buf *in, const char *text)
{
	return in->size ? memmem(in->data, in->size, text, strlen(text)) : NULL;
}

/* Drops what stands before and including the next ">" from at. False: it is not there yet. */
static bool drop_element(struct buf *in, const char *at)
{
	const char *end = memchr(at, '>', in->size - (size_t)(at - in->data));

	if (!end)
		return false;
	in->size -= (size_t)(end + 1 - in->data);
	memmove(in->data, end + 1, in->size + 1);
	return true;
}

int xmpp_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error)
{
	char *at;

	if (find(in, "<stream:error") || find(in, "<failure"))
		return error_set(
			error, -EPROTO, "the server ends the stream with an error: is the name right?");
	if (dialogue->step == 1) {
		at = find(in, "<proceed");
		return at && drop_element(in, at) ? DIALOGUE_READY : DIALOGUE_MORE;
	}
	at = find(in, "</stream:features>");
	if (!at)
		return find(in, "<stream:features/>") ? error_set(error, -EPROTO, no_offer) : DIALOGUE_MORE;
	if (!find(in, "<starttls") && !find(in, "urn:ietf:params:xml:ns:xmpp-tls")) {
		buf_add_str(out, "</stream:stream>");
		return error_set(error, -EPROTO, no_offer);
	}
	drop_element(in, at);
	buf_add_str(out, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	dialogue->step = 1;
	return DIALOGUE_MORE;
}
