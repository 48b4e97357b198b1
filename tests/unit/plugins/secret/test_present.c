/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers behind secrets that must be there: ACLs, forms, unit files, placeholders, paths. */
#include "plugins/secret/acl.h"
#include "plugins/secret/content.h"
#include "plugins/secret/credential.h"
#include "plugins/secret/place.h"
#include "plugins/secret/unit.h"
#include "plugins/secret/validate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- ACLs ---- */

#define ENTRY(tag, permissions, id) (tag), 0, (permissions), 0, (id)&255, (id) >> 8 & 255, 0, 0

static void an_acl_names_whom_the_mask_leaves_something(void **state)
{
	static const unsigned char bytes[] = {2, 0, 0, 0, ENTRY(1, 6, 0), ENTRY(2, 7, 1000),
		ENTRY(2, 2, 1001), ENTRY(4, 5, 0), ENTRY(8, 4, 50), ENTRY(0x10, 4, 0), ENTRY(0x20, 0, 0)};
	struct acl acl;

	(void)state;
	assert_int_equal(acl_parse(bytes, sizeof(bytes), &acl), 0);
	assert_int_equal(acl.count, 2);
	assert_int_equal(acl.list[0].id, 1000);
	assert_int_equal(acl.list[0].permissions, ACL_MAY_READ);
	assert_true(acl.list[1].group);
	assert_int_equal(acl.group, ACL_MAY_READ);
	assert_int_equal(acl_parse(bytes, sizeof(bytes) - 1, &acl), -EBADMSG);
	assert_int_equal(acl_parse(bytes, 2, &acl), -EBADMSG);
	assert_int_equal(acl_parse("\3\0\0\0", 4, &acl), -EBADMSG);
	assert_int_equal(acl_parse("\2\0\0\0\7\0\7\0\0\0\0\0", 12, &acl), -EBADMSG);
}

/* ---- Forms ---- */

static void what_is_wrong_with_a_form_is_told_by_line(void **state)
{
	static const struct {
		enum content_form form;
		const char *text;
		const char *why;
	} cases[] = {
		{CONTENT_ANY, "\1\2", NULL},
		{CONTENT_PEM_KEY, "-----BEGIN", "there is no private key in PEM in it"},
		{CONTENT_PEM_KEY,
			"-----BEGIN OPENSSH "
			"PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n"
			"-----END OPENSSH "
			"PRIVATE KEY-----\n",
			NULL},
		{CONTENT_PEM_CERT, "x", "there is no certificate in PEM in it"},
		{CONTENT_JSON, "{\"a\": \"b\"}", NULL},
		{CONTENT_JSON, "[1]", NULL},
		{CONTENT_JSON, "1", "it is neither an object nor an array in JSON"},
		{CONTENT_JSON, "{\n\"a\": b}", "line 2 is no JSON"},
		{CONTENT_JSON, "{\"a\": 1, \"a\": 2}", "line 1 is no JSON"},
		{CONTENT_ENV, "A=b\n\n# c\nexport B = 'c d'\n", NULL},
		{CONTENT_ENV, "A=b\nB='c\n", "line 2 is no NAME=value"},
		{CONTENT_ENV, "1A=b\n", "line 1 is no NAME=value"},
		{CONTENT_ENV, "A\n", "line 1 is no NAME=value"},
		{CONTENT_ENV, "=b\n", "line 1 is no NAME=value"},
		{CONTENT_ENV, "\n# A=b\n", "no variable is set in it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[96] = "";
		int r = content_check(cases[i].form, cases[i].text, strlen(cases[i].text), why);

		assert_int_equal(r, cases[i].why ? -EBADMSG : 0);
		assert_string_equal(why, cases[i].why ? cases[i].why : "");
	}
}

static void collect(void *userdata, const char *name, const char *value, size_t size)
{
	char *text = userdata;

	snprintf(text + strlen(text), 256 - strlen(text), "%s=%.*s;", name ? name : "-", (int)size, value);
}

static void values_are_those_whose_names_tell(void **state)
{
	static const char json[] = "{\"user\": \"u\", \"db\": {\"password\": \"p\"}, \"tokens\": [\"s\"]}";
	char text[256] = "";

	(void)state;
	assert_int_equal(content_values(CONTENT_ANY, " \na b\r\n", 7, collect, text), 0);
	assert_string_equal(text, "-=a b;");
	text[0] = '\0';
	content_values(CONTENT_ENV, "A_TOKEN='x'\nB=c\nB_SECRET=", 25, collect, text);
	assert_string_equal(text, "A_TOKEN=x;B_SECRET=;");
	text[0] = '\0';
	content_values(CONTENT_JSON, json, strlen(json), collect, text);
	assert_string_equal(text, "password=p;tokens=s;");
}

/* ---- Placeholders ---- */

static void marks_within_a_secret_make_no_placeholder_of_it(void **state)
{
	static const char *const placeholders[] = {"changeme", "ChangeMe!", "change-me-please", "<password>",
		"<your token here>", "${DB_PASSWORD}", "{{ vault.password }}", "$(cat x)", "%(password)s",
		"xxxxxxxx", "XXXX-XXXX-XXXX", "********", "password", "Password123", "your_api_key_here",
		"your-secret", "insert-token-here", "example_password", "replace_me", "aaaa", "hunter2",
		"REDACTED", "todo", "dummy-token", "AKIAIOSFODNN7EXAMPLE", "example123", "changeme2024",
		"secret\n"};
	static const char *const secrets[] = {"q7changemeLw8zKx3", "k9Examplez7QmTr2LwX", "Lw8todo3mTrV2nB",
		"x9K2-your-Lw8zKx3mTr", "a${b}Lw8zKx3mTrV", "<q7Lw8zKx3mTr>", "correcthorsebatterystaple",
		"passwordLw8zKx3m", "Lw8xxxxKx3mTrV2n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (!is_placeholder(placeholders[i], strlen(placeholders[i])))
			fail_msg("%s is a placeholder", placeholders[i]);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (is_placeholder(secrets[i], strlen(secrets[i])))
			fail_msg("%s is none", secrets[i]);
	assert_false(is_placeholder("", 0));
}

/* ---- Units ---- */

static int on_setting(void *userdata, const char *key, const char *value, unsigned line)
{
	char *text = userdata;

	snprintf(text + strlen(text), 256 - strlen(text), "%u:%s=%s;", line, key, value);
	return 0;
}

static void lines_of_units_are_joined_and_counted(void **state)
{
	static const char unit[] =
		"[Service]\n# Environment=no\nA = b\nC=d \\\n# a comment within\n  e\\\nf\n\nG=\nH=\\";
	char text[256] = "";

	(void)state;
	assert_int_equal(unit_parse(unit, sizeof(unit) - 1, on_setting, text), 0);
	assert_string_equal(text, "3:A=b;4:C=d    e f;9:G=;10:H=;");
}

static void the_environment_keeps_its_lines(void **state)
{
	static const char unit[] = "[Service]\nEnvironment=A=1\nExecStart=/x\nEnvironment=\"B=2\" \\\n  C=3\n"
				   "EnvironmentFile=-/etc/x\nEnvironmentFile=/etc/y*\nSetCredential=a:b\n";
	struct unit_environment environment;

	(void)state;
	assert_int_equal(unit_environment(unit, sizeof(unit) - 1, &environment), 0);
	assert_string_equal(environment.text.data, "\nA=1\n\n\"B=2\"    C=3");
	assert_int_equal(environment.count, 2);
	assert_string_equal(environment.files[0], "/etc/x");
	assert_string_equal(environment.files[1], "/etc/y*");
	assert_true(environment.is_setting_credentials);
	assert_int_equal(environment.credential_line, 8);
	unit_environment_done(&environment);
}

static void names_of_credentials_are_checked(void **state)
{
	static const char *const good[] = {"db", "app.service", "app.service:db", "app@one.service:db-1"};
	static const char *const bad[] = {
		"", "../x", "app.service:", ":db", "app:db", "app.service:a/b", "a b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(credential_check_name(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		char wanted[160];

		snprintf(wanted, sizeof(wanted),
			"credentials: \"%s\" is not of the form app.service:NAME, app.service or NAME",
			bad[i]);
		assert_int_equal(credential_check_name(bad[i], &error), -EINVAL);
		assert_string_equal(error.message, wanted);
	}
}

/* ---- Paths ---- */

static void a_path_is_followed_link_by_link(void **state)
{
	char folder[] = "/tmp/gavea-test-XXXXXX", path[128], link[128], loop[128];
	struct place place;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(loop, sizeof(loop), "%s/loop", folder);
	fclose(fopen(path, "w"));
	assert_int_equal(symlink("../../tmp/../etc/../tmp/./x", loop), 0);
	assert_int_equal(unlink(loop), 0);
	assert_int_equal(symlink("loop", loop), 0);
	assert_int_equal(symlink(path, link), 0);

	assert_int_equal(place_find(link, &place), 0);
	assert_string_equal(place.target, path);
	assert_true(place.linked);
	assert_int_equal(place.count, 3); /* the root, /tmp and ours, each once */
	place_done(&place);
	assert_int_equal(place_find(loop, &place), -ELOOP);
	place_done(&place);
	assert_int_equal(place_find("/etc/../etc//passwd", &place), 0);
	assert_string_equal(place.target, "/etc/passwd");
	assert_false(place.linked);
	place_done(&place);
	assert_int_equal(place_find("/nonexistent/x", &place), -ENOENT);
	assert_string_equal(place.failed, "/nonexistent");
	place_done(&place);
	assert_int_equal(place_find("relative", &place), -EINVAL);
	place_done(&place);
	assert_int_equal(place_find("/etc/passwd/x", &place), -ENOTDIR);
	place_done(&place);
	unlink(path);
	unlink(link);
	unlink(loop);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_acl_names_whom_the_mask_leaves_something),
		cmocka_unit_test(what_is_wrong_with_a_form_is_told_by_line),
		cmocka_unit_test(values_are_those_whose_names_tell),
		cmocka_unit_test(marks_within_a_secret_make_no_placeholder_of_it),
		cmocka_unit_test(lines_of_units_are_joined_and_counted),
		cmocka_unit_test(the_environment_keeps_its_lines),
		cmocka_unit_test(names_of_credentials_are_checked),
		cmocka_unit_test(a_path_is_followed_link_by_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
