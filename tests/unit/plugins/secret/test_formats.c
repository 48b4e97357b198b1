/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are known by their form: what is found in each, on which line, and what is passed over. */
#include "plugins/secret/formats.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* What looks like a secret, in pieces so that no scanner finds any in this file. */
#define V \
	"k9Vw3" \
	"xQz7" \
	"mTrA"

struct told {
	size_t count;
	char lines[64];
	const char *rule;
};

static int take(void *userdata, const struct sighting *sighting)
{
	struct told *told = userdata;
	size_t used = strlen(told->lines);

	assert_int_equal(strlen(sighting->fingerprint), FINGERPRINT_SIZE - 1);
	assert_true(sighting->end >= sighting->offset);
	snprintf(told->lines + used, sizeof(told->lines) - used, "%s%u", used ? "," : "",
		(unsigned)sighting->line);
	told->count++;
	told->rule = sighting->rule;
	return 0;
}

/* The lines on which something is found: "1,3". */
static struct told look(const char *path, const char *text)
{
	static const struct fingerprint_key key = {.lasting = true};
	const struct format *format = path ? format_of(path) : format_environment();
	struct told told = {.count = 0};

	if (!format)
		fail_msg("%s has no format", path);
	assert_int_equal(format_scan(format, &key, text, strlen(text), 0, 1, take, &told), 0);
	return told;
}

static void each_form_tells_its_secrets_by_line(void **state)
{
	static const char *const cases[][3] = {
		{"/h/.netrc", "machine x login a password " V "\n", "1"},
		{"/h/.netrc", "# password " V "\nmachine x\n\tpassword " V "\n", "3"},
		{"/h/.pgpass", "# c\nh:5432:d:u:" V "\nh\\:x:1:d:u:" V "\n", "2,3"},
		{"/h/.git-credentials", "https://a:" V "@x\nhttps://a@x\n", "1"},
		{"/h/.npmrc", "registry=https://x\n//x/:_authToken=" V "\n_auth = ${TOKEN}\n", "2"},
		{"/h/.pypirc", "[pypi]\nusername: a\npassword: " V "\n", "3"},
		{"/srv/.htpasswd", "a:$apr1$" V "$x\nb:$2y$05$" V "\nc:{SHA}" V "\nd:" V "\n", "1,3,4"},
		{"/etc/shadow", "root:$6$x$y:1::::::\na:::::::\nb:!:1\nc:$1$x$y:1\nd:*:1\n", "2,4"},
		{"/w/wp-config.php",
			"<?php\ndefine( 'DB_PASSWORD', '" V "' );\ndefine('DB_NAME', 'x1y2z3w4');\n", "2"},
		{"/h/.docker/config.json", "{\"auths\": {\"x\": {\"auth\": \"" V "\"}}}\n", "1"},
		{"/h/.kube/config", "users:\n- user:\n    token: " V "\n    tokenFile: /x\n", "3"},
		{"/h/.my.cnf", "[client]\nuser=a\npassword=" V "\n#password=" V "\n", "3"},
		{"/h/.s3cfg", "access_key = a\nsecret_key = " V "\n", "2"},
		{"/h/.aws/credentials", "[a]\naws_access_key_id = x\naws_secret_access_key = " V "\n", "3"},
		{"/h/.azure/accessTokens.json", "[{\"accessToken\": \"" V "\"}]\n", "1"},
		{"/h/.msmtprc", "account a\npassword " V "\npasswordeval \"pass x\"\n", "2"},
		{"/app/.env", "A=1\nexport API_TOKEN=" V "\nAPI_TOKEN_FILE=/x\nPUBLIC_KEY_TOKEN=" V "\n",
			"2"},
		{"/app/settings.py", "SECRET_KEY = '" V "'\nSECRET_KEY = os.environ['X']\n", "1"},
		{"/app/config/database.yml", "production:\n  password: " V "\n  password: <%= ENV['X'] %>\n",
			"2"},
		{"/t/terraform.tfstate", "{\"password\": \"" V "\", \"x\": 1}\n", "1"},
		{"/etc/redis/redis.conf", "# requirepass foobared\nrequirepass " V "\n", "2"},
		{"/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = " V "=\n", "2"},
		{"/var/lib/cloud/user-data", "#cloud-config\npassword: " V "\n", "2"},
		{"/r/.git/config", "[remote \"o\"]\n\turl = https://a:" V "@x/y\n\turl = https://git@x/y\n",
			"2"},
		{"/r/.git/config", "\turl = https://q7Lw8zKx3mTrV2nBh4JdP9@x/y\n\turl = git@x:y@z\n", "1"},
		{"/h/.bash_history", "ls\nexport DB_PASSWORD=" V "\ngit commit -m 'fix token handling'\n",
			"2"},
		{"/h/.zsh_history", ": 1690000000:0;PGPASSWORD=" V " psql\n", "1"},
		{"/h/.local/share/fish/fish_history", "- cmd: set -x API_TOKEN=" V "\n  when: 1\n", "1"},
		{"/h/.mysql_history",
			"_HiStOrY_V2_\ncreate\\040user\\040a\\040identified\\040by\\040'" V "';\n", "2"},
		{"/h/.psql_history", "alter role a password '" V "';\nselect password from t;\n", "1"},
		{"/h/.rediscli_history", "config set requirepass " V "\n", "1"},
		{NULL, "HOME=/root\nDB_PASSWORD=" V "\nDB_PASSWORD=changeme\nTOKEN_TTL=36000000\n", "2"},
		{NULL, "A=\"DB_PASSWORD\"\n\"B_SECRET=" V "\"\n", "2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct told told = look(cases[i][0], cases[i][1]);

		if (!streq(told.lines, cases[i][2]))
			print_error("%s: told lines %s, not %s\n", cases[i][0] ? cases[i][0] : "environment",
				told.lines, cases[i][2]);
		assert_string_equal(told.lines, cases[i][2]);
	}
}

static void names_tell_which_variables_are_secret(void **state)
{
	(void)state;
	assert_true(format_name_tells("DB_PASSWORD", 11));
	assert_true(format_name_tells("api_key", 7));
	assert_true(format_name_tells("clientSecret", 12));
	assert_false(format_name_tells("DB_PASSWORD_FILE", 16));
	assert_false(format_name_tells("PUBLIC_KEY", 10));
	assert_false(format_name_tells("HOME", 4));
	assert_false(format_name_tells("", 0));
}

static void files_of_no_form_have_none(void **state)
{
	(void)state;
	assert_null(format_of("/etc/hosts"));
	assert_null(format_of("/a/my.cnf/file"));
	assert_non_null(format_of(".NETRC"));
	assert_false(format_is_store(format_environment()));
	assert_true(format_is_store(format_of("/h/.pgpass")));
	assert_false(format_is_store(format_of("/h/.bash_history")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_tells_its_secrets_by_line),
		cmocka_unit_test(names_tell_which_variables_are_secret),
		cmocka_unit_test(files_of_no_form_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
