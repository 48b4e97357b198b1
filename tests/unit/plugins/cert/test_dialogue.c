/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/cert/dialogue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BYTES(literal) literal, sizeof(literal) - 1

struct talk {
	struct dialogue dialogue;
	struct buf in;
	struct buf out;
	struct error error;
};

static int begin(struct talk *talk, enum starttls starttls)
{
	*talk = (struct talk){0};
	return dialogue_begin(&talk->dialogue, starttls, "host.test", &talk->out);
}

static int say(struct talk *talk, const char *bytes, size_t size)
{
	buf_reset(&talk->out);
	buf_add(&talk->in, bytes, size);
	return dialogue_feed(&talk->dialogue, &talk->in, &talk->out, &talk->error);
}

static void done(struct talk *talk)
{
	buf_done(&talk->in);
	buf_done(&talk->out);
	error_done(&talk->error);
}

/* The server says one thing at once, and that is the end. */
static void assert_refused(enum starttls starttls, const char *bytes, size_t size, const char *message)
{
	struct talk talk;

	begin(&talk, starttls);
	assert_int_equal(say(&talk, bytes, size), -EPROTO);
	assert_string_equal(error_text(&talk.error, 0), message);
	done(&talk);
}

static void answers_may_come_byte_by_byte(void **state)
{
	static const char greeting[] = "220-a\r\n220 b\r\n", offer[] = "250-x\r\n250-starttls\r\n250 y\r\n";
	struct talk talk;

	(void)state;
	assert_int_equal(begin(&talk, STARTTLS_SMTP), DIALOGUE_MORE);
	for (size_t i = 0; i < sizeof(greeting) - 1; i++)
		assert_int_equal(say(&talk, greeting + i, 1), DIALOGUE_MORE);
	assert_string_equal(buf_str(&talk.out), "EHLO gavea.invalid\r\n");
	for (size_t i = 0; i < sizeof(offer) - 1; i++)
		assert_int_equal(say(&talk, offer + i, 1), DIALOGUE_MORE);
	assert_string_equal(buf_str(&talk.out), "STARTTLS\r\n");
	assert_int_equal(say(&talk, BYTES("220 go\r\n")), DIALOGUE_READY);
	done(&talk);
}

static void a_server_that_speaks_otherwise_is_told_apart(void **state)
{
	(void)state;
	assert_refused(STARTTLS_SMTP, BYTES("554 go away\r\n"),
		"the server does not greet as SMTP does: \"554 go away\"");
	assert_refused(
		STARTTLS_SMTP, BYTES("220 x\r\n502 what\r\n"), "the server refuses EHLO: \"502 what\"");
	assert_refused(STARTTLS_SMTP, BYTES("220 x\r\n250 HELP\r\n"), "the server offers no STARTTLS");
	assert_refused(STARTTLS_SMTP, BYTES("220 x\r\n250 STARTTLS\r\n454 no\r\n"),
		"the server refuses STARTTLS: \"454 no\"");
	assert_refused(
		STARTTLS_IMAP, BYTES("* BYE\r\n"), "the server does not greet as IMAP does: \"* BYE\"");
	assert_refused(
		STARTTLS_IMAP, BYTES("* OK\r\na BAD\x1b\r\n"), "the server refuses STARTTLS: \"a BAD?\"");
	assert_refused(STARTTLS_POP3, BYTES("-ERR\r\n"), "the server does not greet as POP3 does: \"-ERR\"");
	assert_refused(STARTTLS_POP3, BYTES("+OK\r\n-ERR no\r\n"), "the server refuses STLS: \"-ERR no\"");
	assert_refused(
		STARTTLS_FTP, BYTES("421 no\r\n"), "the server does not greet as FTP does: \"421 no\"");
	assert_refused(STARTTLS_FTP, BYTES("220 x\r\n530 no\r\n"), "the server refuses AUTH TLS: \"530 no\"");
	assert_refused(
		STARTTLS_SIEVE, BYTES("BYE\r\n"), "the server does not greet as ManageSieve does: \"BYE\"");
	assert_refused(STARTTLS_SIEVE, BYTES("OK\r\n"), "the server offers no STARTTLS");
	assert_refused(
		STARTTLS_SIEVE, BYTES("\"STARTTLS\"\r\nOK\r\nNO\r\n"), "the server refuses STARTTLS: \"NO\"");
	assert_refused(STARTTLS_LDAP, BYTES("HTTP/1.1"), "the server does not answer as LDAP does");
	assert_refused(
		STARTTLS_LDAP, BYTES("\x30\x84\xff\xff\xff\xff"), "the server does not answer as LDAP does");
	assert_refused(STARTTLS_LDAP, BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"),
		"the server refuses STARTTLS (LDAP result 52)");
	assert_refused(STARTTLS_POSTGRES, BYTES("N"), "the server offers no TLS (ssl = off?)");
	assert_refused(STARTTLS_POSTGRES, BYTES("E"), "the server does not answer as PostgreSQL does");
	assert_refused(STARTTLS_MYSQL, BYTES("\x05\0\0\0\xff\x6a\x04Ho"), "the server refuses us: \"Ho\"");
	assert_refused(
		STARTTLS_MYSQL, BYTES("\x02\0\0\0\x0a\x38"), "the server does not greet as MySQL does");
	assert_refused(STARTTLS_XMPP, BYTES("<stream:error><host-unknown/>"),
		"the server ends the stream with an error: is the name right?");
	assert_refused(STARTTLS_XMPP, BYTES("<stream:features><x/></stream:features>"),
		"the server offers no STARTTLS");
}

static void plain_text_behind_the_consent_is_an_attack(void **state)
{
	(void)state;
	assert_refused(STARTTLS_POP3, BYTES("+OK\r\n+OK\r\nUSER x\r\n"),
		"the server sent 8 bytes in the clear behind its consent to TLS");
	assert_refused(STARTTLS_POSTGRES, BYTES("Sx"),
		"the server sent 1 bytes in the clear behind its consent to TLS");
}

static void a_line_without_end_is_bounded(void **state)
{
	char long_line[8200];

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	assert_refused(STARTTLS_IMAP, long_line, sizeof(long_line),
		"the server sent a line of more than 8192 bytes");
}

static void mysql_is_left_by_a_login_that_is_refused(void **state)
{
	/* protocol 10, version "8", capabilities with TLS, the 4.1 protocol and ways of logging in */
	static const char greeting[] = "\x1b\0\0\0\x0a"
				       "8\0"
				       "\1\0\0\0"
				       "12345678\0"
				       "\x00\xaa\x2d\2\0\x08\0\0\0\0\0";
	static const char switched[] = "\x03\0\0\x03\xfex\0", denied[] = "\x03\0\0\x05\xff\x15\x04";
	struct talk talk;

	(void)state;
	begin(&talk, STARTTLS_MYSQL);
	assert_int_equal(say(&talk, greeting, sizeof(greeting) - 1), DIALOGUE_READY);
	assert_int_equal(talk.out.size, 36);
	assert_memory_equal(talk.out.data, "\x20\0\0\x01\x00\x8a\x08\0", 8);
	buf_reset(&talk.out);
	assert_int_equal(dialogue_farewell(&talk.dialogue, &talk.out), DIALOGUE_MORE);
	assert_int_equal(talk.out.data[3], 2);
	assert_string_equal(talk.out.data + 36, "gavea-cert");
	buf_reset(&talk.out);
	buf_add(&talk.in, switched, sizeof(switched) - 1);
	assert_int_equal(dialogue_farewell_feed(&talk.dialogue, &talk.in, &talk.out), DIALOGUE_MORE);
	assert_int_equal(talk.out.size, 4);
	assert_memory_equal(talk.out.data, "\0\0\0\4", 4);
	buf_add(&talk.in, denied, sizeof(denied) - 1);
	assert_int_equal(dialogue_farewell_feed(&talk.dialogue, &talk.in, &talk.out), DIALOGUE_READY);
	done(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_may_come_byte_by_byte),
		cmocka_unit_test(a_server_that_speaks_otherwise_is_told_apart),
		cmocka_unit_test(plain_text_behind_the_consent_is_an_attack),
		cmocka_unit_test(a_line_without_end_is_bounded),
		cmocka_unit_test(mysql_is_left_by_a_login_that_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
