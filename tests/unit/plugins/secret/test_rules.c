/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule on what it must find and must pass over (rules.cases), and the messages of the parsers. */
#include "plugins/secret/builtin.h"
#include "plugins/secret/engine.h"
#include "plugins/secret/findings.h"

#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

#define CASES "tests/unit/plugins/secret/rules.cases"

struct hunt {
	const char *rule;
	bool found;
	bool doubtful;
};

static const char *class_of(const char *name)
{
	static const char *const classes[][2] = {{"hex", "0123456789abcdef"},
		{"hexi", "0123456789abcdefABCDEF"}, {"HEX", "0123456789ABCDEF"},
		{"b62", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
		{"low", "0123456789abcdefghijklmnopqrstuvwxyz"},
		{"up", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{"url", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
		{"b64", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
		{"dig", "0123456789"}, {"b32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
		{"dot", "0123456789abcdefghijklmnopqrstuvwxyzABCDEF"},
		{"alpha", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}, {"same", "a"},
		{"BECH", "023456789ACDEFGHJKLMNPQRSTUVWXYZ"}};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (streq(classes[i][0], name))
			return classes[i][1];
	fail_msg("no class %s", name);
	return NULL;
}

static void add_crc(struct buf *out)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned long crc = crc32(0, (const unsigned char *)out->data + out->size - 30, 30);
	char text[6];

	for (int i = 5; i >= 0; i--, crc /= 62)
		text[i] = digits[crc % 62];
	buf_add(out, text, sizeof(text));
}

/* "{hex:32}" and the like become characters that look random and are the same in each run. */
static void expand(const char *template, struct buf *out)
{
	uint64_t seed = 88172645463325252u;

	for (const char *p = template; *p; p++) {
		char name[16];
		unsigned count = 0;
		int used = 0;

		if (p[0] == '\\' && p[1] == 'n') {
			buf_add_char(out, '\n');
			p++;
		} else if (strncmp(p, "{crc62}", 7) == 0) {
			add_crc(out);
			p += 6;
		} else if (strncmp(p, "{pemkey}", 8) == 0) {
			buf_add_str(out, "KEY");
			p += 7;
		} else if (strncmp(p, "{pem}", 5) == 0) {
			buf_add_str(out, "RSA");
			p += 4;
		} else if (sscanf(p, "{%15[A-Za-z0-9]:%u}%n", name, &count, &used) == 2 && used > 0) {
			const char *characters = class_of(name);

			for (unsigned i = 0; i < count; i++) {
				seed ^= seed << 13;
				seed ^= seed >> 7;
				seed ^= seed << 17;
				buf_add_char(out, characters[(seed >> 20) % strlen(characters)]);
			}
			p += used - 1;
		} else {
			buf_add_char(out, *p);
		}
	}
}

static int on_sighting(void *userdata, const struct sighting *sighting)
{
	struct hunt *hunt = userdata;

	hunt->found |= streq(sighting->rule, hunt->rule);
	hunt->doubtful |= sighting->doubtful;
	return 0;
}

static struct matcher *matcher_of(struct engine *engine)
{
	static const struct fingerprint_key key = {.lasting = false};
	struct matcher *matcher;

	assert_int_equal(matcher_new(engine, &key, &matcher), 0);
	return matcher;
}

static void test_every_rule_finds_what_it_must_and_nothing_else(void **state)
{
	struct buf cases = BUF_INIT;
	struct ruleset set = {.list = NULL};
	struct error error = ERROR_INIT;
	struct engine *engine;
	struct matcher *matcher;
	char *rest, *line, rule[80] = "";
	unsigned rules = 0, positive = 1, negative = 1, bad = 0;

	(void)state;
	assert_int_equal(ruleset_parse(&set, builtin_rules, "provider.rules", &error), 0);
	assert_int_equal(engine_new(&set, NULL, &engine, &error), 0);
	matcher = matcher_of(engine);
	assert_int_equal(file_read(AT_FDCWD, CASES, 1 << 20, &cases), 0);
	rest = cases.data;
	while ((line = strsep(&rest, "\n"))) {
		struct buf text = BUF_INIT;
		struct hunt hunt = {.rule = rule};

		if (!*line || *line == '#')
			continue;
		if (line[1] != ' ') {
			if (!positive || !negative)
				print_error("%s has no + or no -\n", rule);
			bad += !positive || !negative;
			snprintf(rule, sizeof(rule), "%s", line);
			rules++;
			positive = negative = 0;
			continue;
		}
		expand(line + 2, &text);
		matcher_reset(matcher);
		assert_int_equal(matcher_scan(matcher, text.data, text.size, 0, 0, 1, on_sighting, &hunt), 0);
		*(*line == '+' ? &positive : &negative) += 1;
		if (hunt.found != (*line == '+') || hunt.doubtful) {
			/* age's check sum is that of a real key alone. */
			if (!streq(rule, "age-secret-key") || hunt.found != (*line == '+')) {
				print_error("%s: wrong on: %s\n", rule, line);
				bad++;
			}
		}
		buf_done(&text);
	}
	assert_int_equal(bad, 0);
	assert_int_equal(rules, engine_rule_count(engine));
	matcher_free(matcher);
	engine_free(engine);
	buf_done(&cases);
}

/* As the plugin says it: where, and what. */
static void assert_error(const struct error *error, const char *wanted)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", error->where ? error->where : "", error->where ? ": " : "",
		error_text(error, -1));
	assert_string_equal(text, wanted);
}

static void expect_error(const char *text, const char *message)
{
	struct ruleset set = {.list = NULL};
	struct error error = ERROR_INIT;
	struct engine *engine;
	int r = ruleset_parse(&set, text, "my.rules", &error);

	if (r == 0)
		r = engine_new(&set, NULL, &engine, &error);
	assert_true(r < 0);
	assert_error(&error, message);
	error_done(&error);
	ruleset_done(&set);
}

static void test_errors_in_rules_name_the_file_and_the_line(void **state)
{
	(void)state;
	expect_error("pattern = x\n", "my.rules:1: \"pattern\" stands before the first [name]");
	expect_error(
		"[x]\npatern = x\n", "my.rules:2: there is no key \"patern\"; did you mean \"pattern\"?");
	expect_error("[X y]\n", "my.rules:1: [X y]: a name has only a-z, 0-9 and \"-\"");
	expect_error("[x]\ndescription = d\npattern = a(b\n",
		"my.rules:1: [x] pattern: missing closing parenthesis, at character 3");
	expect_error("[x]\ndescription = d\npattern = ab+\n",
		"my.rules:1: [x] pattern: a match could be longer than 4096 bytes; bound its repeats, as in "
		"{20,200}");
	expect_error("[x]\ndescription = d\nentropy = 9\n",
		"my.rules:3: entropy: \"9\" is not a number from 0 to 8");
	expect_error("", "there are no rules");
}

static void test_a_baseline_needs_a_day_and_a_reason(void **state)
{
	struct baseline baseline = {.list = NULL};
	struct error error = ERROR_INIT;

	(void)state;
	assert_true(baseline_parse(&baseline, "abc 2030-12-31 x\n", "b", &error) < 0);
	assert_error(&error, "b:1: does not begin with a fingerprint of 32 hex digits");
	error_done(&error);
	assert_true(baseline_parse(
			    &baseline, "0123456789abcdef0123456789abcdef 2030-06-31 x\n", "b", &error) < 0);
	assert_error(&error, "b:1: has no day such as 2030-12-31 until which it is accepted");
	error_done(&error);
	assert_true(
		baseline_parse(&baseline, "0123456789abcdef0123456789abcdef 2030-12-31\n", "b", &error) < 0);
	assert_error(&error, "b:1: has no reason");
	error_done(&error);
	baseline_done(&baseline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_rule_finds_what_it_must_and_nothing_else),
		cmocka_unit_test(test_errors_in_rules_name_the_file_and_the_line),
		cmocka_unit_test(test_a_baseline_needs_a_day_and_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
