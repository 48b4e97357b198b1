/* SPDX-License-Identifier: Apache-2.0 */
#include "dialogue_binary.h"

#include "base/bytes.h"

#include <ctype.h>
#include <errno.h>

static void drop(struct buf *in, size_t size)
{
	in->size -= size;
	memmove(in->data, in->data + size, in->size + 1);
}

/* ---- LDAP (RFC 4511) ---- */

void ldap_begin(struct buf *out)
{
	/* SEQUENCE { messageID 1, [APPLICATION 23] { [0] "1.3.6.1.4.1.1466.20037" } } */
	buf_add(out, "\x30\x1d\x02\x01\x01\x77\x18\x80\x16", 9);
	buf_add_str(out, "1.3.6.1.4.1.1466.20037");
}

void ldap_farewell(struct buf *out)
{
	/* unbind: SEQUENCE { messageID 2, [APPLICATION 2] NULL } */
	buf_add(out, "\x30\x05\x02\x01\x02\x42\x00", 7);
}

/* A BER header: its tag, and where its content lies in bytes. 1, 0 (more is needed) or -EPROTO. */
static int ber(
	const unsigned char *bytes, size_t size, unsigned *ret_tag, size_t *ret_begin, size_t *ret_length)
{
	size_t count, length = 0;

	if (size < 2)
		return 0;
	*ret_tag = bytes[0];
	if (bytes[1] < 0x80) {
		*ret_begin = 2;
		*ret_length = bytes[1];
		return 1;
	}
	count = bytes[1] & 0x7f;
	if (count == 0 || count > 4)
		return -EPROTO;
	if (size < 2 + count)
		return 0;
	for (size_t i = 0; i < count; i++)
		length = length << 8 | bytes[2 + i];
	*ret_begin = 2 + count;
	*ret_length = length;
	return length > DIALOGUE_INPUT_MAX ? -EPROTO : 1;
}

/* The next element of [at, end): skips into it. False: it is not of that tag, or damaged. */
static bool enter(const unsigned char **at, const unsigned char *end, unsigned tag,
	const unsigned char **ret_content, size_t *ret_length)
{
	unsigned found;
	size_t begin;

	if (ber(*at, (size_t)(end - *at), &found, &begin, ret_length) <= 0 || found != tag ||
		*ret_length > (size_t)(end - *at) - begin)
		return false;
	*ret_content = *at + begin;
	*at += begin + *ret_length;
	return true;
}

int ldap_feed(struct buf *in, struct error *error)
{
	const unsigned char *bytes = (const unsigned char *)in->data, *content, *at, *end;
	size_t begin, length;
	unsigned tag;
	int r = ber(bytes, in->size, &tag, &begin, &length), code = -1;

	if (r < 0 || (r > 0 && tag != 0x30))
		return error_set(error, -EPROTO, "the server does not answer as LDAP does");
	if (r == 0 || in->size < begin + length)
		return DIALOGUE_MORE;
	at = bytes + begin;
	end = at + length;
	/* messageID, then [APPLICATION 24] { resultCode … } */
	if (enter(&at, end, 0x02, &content, &length) && enter(&at, end, 0x78, &content, &length)) {
		at = content;
		if (enter(&at, content + length, 0x0a, &content, &length) && length == 1)
			code = content[0];
	}
	drop(in, (size_t)(end - bytes));
	if (code < 0)
		return error_set(error, -EPROTO, "the server does not answer as LDAP does");
	if (code != 0)
		return error_set(error, -EPROTO, "the server refuses STARTTLS (LDAP result %d)", code);
	return DIALOGUE_READY;
}

/* ---- PostgreSQL ---- */

void postgres_begin(struct buf *out)
{
	/* SSLRequest: its length, and 80877103 */
	buf_add(out, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 8);
}

int postgres_feed(struct buf *in, struct error *error)
{
	char answer;

	if (!in->size)
		return DIALOGUE_MORE;
	answer = in->data[0];
	drop(in, 1);
	if (answer == 'S')
		return DIALOGUE_READY;
	if (answer == 'N')
		return error_set(error, -EPROTO, "the server offers no TLS (ssl = off?)");
	return error_set(error, -EPROTO, "the server does not answer as PostgreSQL does");
}

/* ---- MySQL, MariaDB ---- */

#define MYSQL_SSL 0x00000800u
#define MYSQL_PROTOCOL_41 0x00000200u
#define MYSQL_SECURE_CONNECTION 0x00008000u
#define MYSQL_PLUGIN_AUTH 0x00080000u
#define MYSQL_PACKET_MAX (1u << 20)
#define MYSQL_CHARSET 45 /* utf8mb4 */
#define MYSQL_FAREWELLS_MAX 4

/* Whether a whole packet lies at the front; its content begins at 4. */
static bool has_packet(const struct buf *in, size_t *ret_length)
{
	const unsigned char *bytes = (const unsigned char *)in->data;

	if (in->size < 4)
		return false;
	*ret_length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
	return in->size - 4 >= *ret_length;
}

static void add_header(struct dialogue *dialogue, size_t length, struct buf *out)
{
	buf_add_char(out, (char)(length & 0xff));
	buf_add_char(out, (char)(length >> 8 & 0xff));
	buf_add_char(out, (char)(length >> 16 & 0xff));
	buf_add_char(out, (char)dialogue->sequence++);
}

/* Capabilities, largest packet, character set: the same in the request for TLS and in the login. */
static void add_client(const struct dialogue *dialogue, uint32_t flags, struct buf *out)
{
	char fixed[32] = {0};
	uint32_t known = get_le32(dialogue->capabilities);

	put_le32(fixed, (MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION | MYSQL_PLUGIN_AUTH | flags) & known);
	put_le32(fixed + 4, MYSQL_PACKET_MAX);
	fixed[8] = MYSQL_CHARSET;
	buf_add(out, fixed, sizeof(fixed));
}

/* The user's name, an answer of no bytes, the way of logging in. */
static void add_login(struct dialogue *dialogue, uint32_t flags, struct buf *out)
{
	static const char user[] = "gavea-cert", plugin[] = "mysql_native_password";
	bool names_plugin = get_le32(dialogue->capabilities) & MYSQL_PLUGIN_AUTH;

	add_header(dialogue, 32 + sizeof(user) + 1 + (names_plugin ? sizeof(plugin) : 0), out);
	add_client(dialogue, flags, out);
	buf_add(out, user, sizeof(user));
	buf_add_char(out, '\0');
	if (names_plugin)
		buf_add(out, plugin, sizeof(plugin));
}

/* The capabilities of a greeting of protocol 10. */
static bool read_greeting(struct dialogue *dialogue, const unsigned char *bytes, size_t size)
{
	const unsigned char *end = size > 1 && bytes[0] == 10 ? memchr(bytes + 1, '\0', size - 1) : NULL;
	size_t at = end ? (size_t)(end - bytes) + 1 + 4 + 8 + 1 : 0;

	if (!end || size < at + 2)
		return false;
	dialogue->capabilities[0] = bytes[at];
	dialogue->capabilities[1] = bytes[at + 1];
	if (size >= at + 7) {
		dialogue->capabilities[2] = bytes[at + 5];
		dialogue->capabilities[3] = bytes[at + 6];
	}
	return get_le32(dialogue->capabilities) & MYSQL_PROTOCOL_41;
}

static int mysql_error(const unsigned char *bytes, size_t size, struct error *error)
{
	char text[128];
	size_t length = size > 3 ? MIN(size - 3, sizeof(text) - 1) : 0;

	if (length)
		memcpy(text, bytes + 3, length);
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)text[i]))
			text[i] = '?';
	text[length] = '\0';
	return error_set(error, -EPROTO, "the server refuses us: \"%s\"", text);
}

int mysql_feed(struct dialogue *dialogue, struct buf *in, struct buf *out, struct error *error)
{
	const unsigned char *bytes;
	size_t length;
	bool good;

	if (!has_packet(in, &length))
		return DIALOGUE_MORE;
	bytes = (const unsigned char *)in->data + 4;
	if (length > 0 && bytes[0] == 0xff)
		return mysql_error(bytes, length, error);
	dialogue->sequence = (uint8_t)((unsigned char)in->data[3] + 1);
	good = read_greeting(dialogue, bytes, length);
	drop(in, 4 + length);
	if (!good)
		return error_set(error, -EPROTO, "the server does not greet as MySQL does");
	if (!(get_le32(dialogue->capabilities) & MYSQL_SSL)) {
		add_login(dialogue, 0, out);
		return error_set(error, -EPROTO, "the server offers no TLS");
	}
	add_header(dialogue, 32, out);
	add_client(dialogue, MYSQL_SSL, out);
	return DIALOGUE_READY;
}

void mysql_farewell(struct dialogue *dialogue, struct buf *out)
{
	dialogue->step = 0;
	add_login(dialogue, MYSQL_SSL, out);
}

int mysql_farewell_feed(struct dialogue *dialogue, struct buf *in, struct buf *out)
{
	size_t length;

	while (has_packet(in, &length)) {
		unsigned char kind = length ? (unsigned char)in->data[4] : 0;

		dialogue->sequence = (uint8_t)((unsigned char)in->data[3] + 1);
		drop(in, 4 + length);
		if (++dialogue->step > MYSQL_FAREWELLS_MAX || kind == 0xff)
			return DIALOGUE_READY;
		if (kind == 0x00) { /* we are in: COM_QUIT */
			dialogue->sequence = 0;
			add_header(dialogue, 1, out);
			buf_add_char(out, '\x01');
			return DIALOGUE_READY;
		}
		if (kind == 0xfe) /* "log in in another way": with nothing again */
			add_header(dialogue, 0, out);
	}
	return in->size >= DIALOGUE_INPUT_MAX ? DIALOGUE_READY : DIALOGUE_MORE;
}
