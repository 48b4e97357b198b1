/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/agent/config_fixture.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

static void without_any_file_the_host_plugin_runs_with_defaults(void **state)
{
	struct fixture *fixture = *state;
	char name[256];
	size_t count;

	assert_int_equal(config_read(fixture->folder, &fixture->files, &fixture->errors), 0);
	assert_string_equal(config_files_plugins(fixture->files, &count)[0], "host");
	assert_int_equal(count, 1);
	assert_null(config_files_plugin_directory(fixture->files));
	assert_int_equal(fixture_resolve(fixture), 0);
	assert_int_equal(gethostname(name, sizeof name), 0);
	assert_string_equal(fixture->config->name, name);
	assert_int_equal(fixture->config->spool_max_bytes, 256 << 20);
	assert_int_equal(fixture->config->flush_every, 5 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->worker_idle, 60 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(fixture->config->plugin_count, 1);
	assert_int_equal(fixture->config->plugins[0].check_count, 1);
	assert_string_equal(fixture->config->plugins[0].checks[0].name, "host/default");
	assert_string_equal(fixture->config->plugins[0].checks[0].where, "built in");
	assert_int_equal(fixture->config->plugins[0].checks[0].every, 15 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->plugins[0].checks[0].timeout, 10 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->plugins[0].checks[0].attempts, 1);
	assert_int_equal(fixture->config->plugins[0].rights->memory, 64 << 20);
	assert_int_equal(fixture->config->plugins[0].rights->open_files, 256);
	assert_int_equal(fixture->config->plugins[0].rights->concurrency, 1);
}

static void host_runs_when_only_the_agent_is_configured_and_can_be_turned_off(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture, "agent: { name = \"x\"; };"), 0);
	assert_int_equal(fixture->config->plugin_count, 1);
	assert_int_equal(fixture_judge(fixture, "host: { enabled = false; anything = 1; };"), 0);
	assert_int_equal(fixture->config->plugin_count, 0);
}

static void a_host_plugin_that_is_not_there_is_not_missed(void **state)
{
	struct fixture *fixture = *state;
	char path[64];

	snprintf(path, sizeof path, "%s/plugins/host.so", fixture->folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fixture_judge(fixture, ""), 0);
	assert_int_equal(fixture->config->plugin_count, 0);
}

static void the_main_file_and_the_folder_are_merged(void **state)
{
	struct fixture *fixture = *state;
	const struct config_check *check;
	char text[256];

	fixture_put(fixture, "gavea.conf", "agent: { name = \"app-01\"; log_level = \"debug\"; };\n");
	fixture_put(fixture, "conf.d/probe.conf",
		"probe: {\n every = \"1h\"; port = 80;\n checks = (\n"
		"{ name = \"www\"; endpoint = \"www:443\"; port = 443; },\n"
		"{ name = \"b\"; endpoint = \"b:80\"; every = \"5min\"; attempts = 3; } ); };");
	fixture_put(fixture, "conf.d/output.conf", "output: { };");
	assert_int_equal(config_read(fixture->folder, &fixture->files, &fixture->errors), 0);
	assert_int_equal(fixture_resolve(fixture), 0);
	assert_string_equal(fixture->config->name, "app-01");
	assert_int_equal(fixture->config->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(fixture->config->plugin_count, 2);
	assert_string_equal(fixture->config->plugins[0].name, "output");
	assert_int_equal(fixture->config->plugins[0].checks[0].every, 10 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->plugins[0].checks[0].timeout, 30 * NSEC_PER_SEC);
	assert_int_equal(fixture->config->plugins[1].check_count, 2);
	check = &fixture->config->plugins[1].checks[0];
	assert_string_equal(check->name, "probe/www");
	assert_string_equal(strrchr(check->where, '/'), "/probe.conf:4");
	assert_int_equal(check->every, 3600 * NSEC_PER_SEC);
	assert_string_equal(option_text(check, "port", text), "443");
	check = &fixture->config->plugins[1].checks[1];
	assert_int_equal(check->every, 300 * NSEC_PER_SEC);
	assert_int_equal(check->attempts, 3);
	assert_string_equal(option_text(check, "port", text), "80");
	assert_string_equal(option_text(check, "endpoint", text), "b:80");
}

static void all_types_of_options_get_their_canonical_form(void **state)
{
	struct fixture *fixture = *state;
	const struct config_check *check;
	char text[256];

	assert_int_equal(setenv("GAVEA_PORT", "8080", 1), 0);
	assert_int_equal(
		fixture_judge(fixture,
			"probe: { endpoint = \"a\"; strict = true; port = \"${env:GAVEA_PORT}\"; low = "
			"3000000000; "
			"high = -9223372036854775808; ratio = 1; pause = \"1h\"; buffer = \"64KiB\"; "
			"warning = \"12.5%\"; mode = \"blue\"; files = [ \"/x/*.pem\", \"y\" ]; "
			"password = \"p\"; };"),
		0);
	check = &fixture->config->plugins[0].checks[0];
	assert_string_equal(check->name, "probe/default");
	assert_string_equal(option_text(check, "strict", text), "true");
	assert_string_equal(option_text(check, "port", text), "8080");
	assert_string_equal(option_text(check, "low", text), "3000000000");
	assert_string_equal(option_text(check, "high", text), "-9223372036854775808");
	assert_string_equal(option_text(check, "ratio", text), "1");
	assert_string_equal(option_text(check, "pause", text), "3600000000000");
	assert_string_equal(option_text(check, "buffer", text), "65536");
	assert_string_equal(option_text(check, "warning", text), "12.5");
	assert_string_equal(option_text(check, "mode", text), "blue");
	assert_string_equal(option_text(check, "files", text), "/x/*.pem|y");
	assert_string_equal(option_text(check, "password", text), "p");
}

static void defaults_are_filled_in_and_never_followed(void **state)
{
	struct fixture *fixture = *state;
	const struct config_check *check;
	char text[256];

	assert_int_equal(fixture_judge(fixture, "probe: { endpoint = \"a\"; };"), 0);
	check = &fixture->config->plugins[0].checks[0];
	assert_string_equal(option_text(check, "strict", text), "false");
	assert_string_equal(option_text(check, "port", text), "(unset)");
	assert_string_equal(option_text(check, "ratio", text), "0.10000000000000001");
	assert_string_equal(option_text(check, "pause", text), "60000000000");
	assert_string_equal(option_text(check, "mode", text), "auto");
	assert_string_equal(option_text(check, "files", text), "/a|/b");
	assert_string_equal(option_text(check, "sly", text), "${file:/etc/shadow}");
}

static void the_shipped_main_file_is_valid_as_it_stands_and_with_its_comments_taken_away(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf text = BUF_INIT, bare = BUF_INIT;
	const char *p;

	/* Tests run in the root of the source tree. */
	if (file_read(AT_FDCWD, "packaging/gavea.conf", 65536, &text) == -ENOENT)
		skip();
	assert_int_equal(fixture_judge(fixture, buf_str(&text)), 0);
	assert_int_equal(fixture->config->plugin_count, 1);
	/* A comment that ends with ";" is a setting; all others are prose. */
	for (p = buf_str(&text); *p; p += strcspn(p, "\n") + 1) {
		size_t blank = strspn(p, "\t"), length = strcspn(p, "\n");

		if (startswith(p + blank, "// ") && p[length - 1] == ';')
			blank += 3;
		buf_add(&bare, p + blank, length - blank);
		buf_add_char(&bare, '\n');
	}
	assert_int_equal(fixture_judge(fixture, buf_str(&bare)), 0);
	assert_string_equal(fixture->config->name, "app-01");
	assert_int_equal(fixture->config->label_count, 2);
	assert_int_equal(fixture->config->flush_every, 5 * NSEC_PER_SEC);
}

static void wrong_values_of_the_agent_are_reported(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
		fixture_judge(fixture, "agent: {\n name = \"\";\n labels = { \"x\" };\n};"), -EINVAL);
	assert_errors(fixture, "f:3: a string where a key should stand\n");
	assert_int_equal(fixture_judge(fixture,
				 "agent: {\n name = \"a\\x07\";\n labels: {\n a-b = \"x\";\n b = 5; };\n"
				 " plugin_directory = \"x\";\n spool_size = \"1KiB\";\n flush = 5;\n"
				 " worker_idle = \"30d\";\n log_level = \"inof\";\n"
				 " nmae = \"x\";\n};"),
		-EINVAL);
	assert_errors(fixture,
		"f:2: name: must be 1 to 253 bytes, without control characters\n"
		"f:4: labels.a-b: a label's name has letters, digits and _ only, and begins with no digit\n"
		"f:5: labels.b: must be a string in quotes\n"
		"f:6: plugin_directory: must be a path that begins with a slash\n"
		"f:7: spool_size: must be 4 MiB to 1 TiB\n"
		"f:8: flush: 5 has no unit; write \"5s\"\n"
		"f:9: worker_idle: must be 1s to 1d\n"
		"f:10: log_level: is none of error, warning, notice, info, debug; did you mean \"info\"?\n"
		"f:11: nmae: unknown key; did you mean \"name\"?\n");
}

static void wrong_options_are_reported(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture,
				 "probe: {\n endpoint = 5;\n strict = \"yes\";\n port = 70000;\n low = 9;\n "
				 "high = 11;\n"
				 " ratio = 1.5;\n pause = \"2h\";\n buffer = 4096;\n warning = \"101%\";\n"
				 " mode = \"bleu\";\n files = \"/x\";\n password = 12345;\n every = 10;\n"
				 " prot = 1;\n};"),
		-EINVAL);
	assert_errors(fixture,
		"f:2: endpoint: must be a string in quotes\n"
		"f:3: strict: must be true or false, without quotes\n"
		"f:4: port: must be 1 to 65535\n"
		"f:5: low: must be at least 10\n"
		"f:6: high: must be at most 10\n"
		"f:7: ratio: must be 0 to 1\n"
		"f:8: pause: must be 0 to 1h\n"
		"f:9: buffer: 4096 has no unit; write \"4096B\", \"4096KiB\" or \"4096MiB\"\n"
		"f:10: warning: must be 0% to 100%\n"
		"f:11: mode: \"bleu\" is none of auto, blue, green; did you mean \"blue\"?\n"
		"f:12: files: must be a list of strings, [ \"…\" ]\n"
		"f:13: password: must be a string in quotes\n"
		"f:14: every: 10 has no unit; write \"10s\"\n"
		"f:15: prot: unknown key; did you mean \"port\"?\n");
}

static void wrong_elements_and_contents_are_reported(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(setenv("GAVEA_SECRET", "hunter2", 1), 0);
	assert_int_equal(fixture_judge(fixture,
				 "probe: {\n endpoint = \"a\";\n files = ( \"/x\",\n 5 );\n mode = "
				 "\"${env:GAVEA_SECRET}\";\n"
				 " password = \"${env:GAVEA_UNSET}\";\n};"),
		-EINVAL);
	assert_errors(fixture,
		"f:4: files[1]: must be a string in quotes\n"
		"f:5: mode: the value of \"${env:GAVEA_SECRET}\" is none of auto, blue, green\n"
		"f:6: password: ${env:GAVEA_UNSET}: this variable is not set\n");
}

static void wrong_checks_are_reported(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
		fixture_judge(fixture,
			"probe: {\n checks = (\n 5,\n { endpoint = \"a\"; },\n { name = \"A\"; endpoint = "
			"\"a\"; },\n"
			" { name = \"a\"; endpoint = \"a\"; },\n { name = \"a\"; endpoint = \"a\"; },\n"
			" { name = \"b\"; },\n { name = \"c\"; endpoint = \"c\"; limits: { }; tmeout = "
			"\"1s\"; },\n"
			" { name = \"d\"; endpoint = \"\"; timeout = \"2h\"; attempts = 0; every = \"1ms\"; "
			"} ); };"),
		-EINVAL);
	assert_errors(fixture,
		"f:3: checks[0]: must be a group, { name = \"…\"; … }\n"
		"f:4: checks[1]: has no name\n"
		"f:5: name: must be 1 to 64 letters, digits, \".\", \"_\" or \"-\", with a small letter or a "
		"digit "
		"first\n"
		"f:7: name: \"a\" is taken by the check at f:6\n"
		"f:8: probe/b: endpoint is missing, it has no default (host and port)\n"
		"f:9: limits: belongs into the group of the plugin: its checks share one worker\n"
		"f:9: tmeout: unknown key; did you mean \"timeout\"?\n"
		"f:10: every: must be 100ms to 400d\n"
		"f:10: timeout: must be 10ms to 1h\n"
		"f:10: attempts: must be 1 to 100\n");
	assert_int_equal(
		fixture_judge(fixture, "host: {\n checks = (); };\noutput: { checks = 5; };"), -EINVAL);
	assert_errors(fixture,
		"f:2: checks: has no checks; without this list there is one, host/default\n"
		"f:3: checks: must be a list, ( … )\n");
}

static void a_wrong_default_of_the_group_is_reported_once(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture,
				 "probe: {\n endpoint = 1;\n checks = ( { name = \"a\"; }, "
				 "{ name = \"b\"; } ); };"),
		-EINVAL);
	assert_errors(fixture, "f:2: endpoint: must be a string in quotes\n");
}

static void a_check_that_is_not_enabled_is_judged_and_left_out(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture,
				 "host: { checks = ( { name = \"a\"; enabled = false; }, "
				 "{ name = \"b\"; } ); };"),
		0);
	assert_int_equal(fixture->config->plugins[0].check_count, 1);
	assert_string_equal(fixture->config->plugins[0].checks[0].name, "host/b");
	assert_int_equal(
		fixture_judge(fixture, "host: { checks = ( { name = \"a\"; enabled = false; x = 1; } ); };"),
		-EINVAL);
	assert_errors(fixture, "f:1: x: unknown key\n");
}

static void unknown_and_broken_plugins_are_reported_where_they_are_wanted(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture,
				 "\nprob: { };\nwhatever: { };\nbroken: { };\nevery = 5;\nHost: { };\n"),
		-EINVAL);
	assert_errors(fixture,
		"f:2: there is no plugin \"prob\"; did you mean \"probe\"?\n"
		"f:3: there is no plugin \"whatever\"\n"
		"f:4: plugin broken: no magic\n"
		"f:5: every: only groups stand here: \"agent\", or one with the name of a plugin\n"
		"f:6: there is no plugin \"Host\"; did you mean \"host\"?\n");
}

static void a_plugin_whose_table_is_wrong_or_too_new_is_reported(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_judge(fixture, "future: {\n colour = 1;\n odd = 2;\n};"), -EINVAL);
	assert_errors(fixture,
		"f:1: wrong: the plugin's own default is wrong: \"many\" is not a whole number\n"
		"f:2: colour: of a type that is not known here; the plugin is newer than the agent\n"
		"f:3: odd: the plugin's range \"few\" is malformed\n");
}

static void limits_take_away_and_never_add(void **state)
{
	struct fixture *fixture = *state;
	const rights_t *rights;

	assert_int_equal(fixture_judge(fixture,
				 "probe: { endpoint = \"a\"; limits: { memory = \"32MiB\"; open_files = 64; "
				 "concurrency = 2; network = \"none\"; exec = false; }; };"),
		0);
	rights = fixture->config->plugins[0].rights;
	assert_int_equal(rights->memory, 32 << 20);
	assert_int_equal(rights->open_files, 64);
	assert_int_equal(rights->concurrency, 2);
	assert_int_equal(rights->network, GAVEA_NETWORK_NONE);
	assert_false(rights->exec);
	assert_int_equal(
		fixture_judge(fixture,
			"probe: { endpoint = \"a\"; limits: {\n memory = \"129MiB\";\n open_files = 257;\n"
			" concurrency = 5;\n network = \"server\";\n exec = true;\n memroy = 1; }; };\n"
			"host: { limits: {\n memory = \"1MiB\";\n network = \"all\"; }; };"),
		-EINVAL);
	assert_errors(fixture,
		"f:2: limits.memory: more than the plugin asks for, 128 MiB; limits only take away\n"
		"f:3: limits.open_files: more than the plugin asks for, 256; limits only take away\n"
		"f:4: limits.concurrency: more than the plugin asks for, 4; limits only take away\n"
		"f:5: limits.network: more than the plugin asks for, client; limits only take away\n"
		"f:6: limits.exec: more than the plugin asks for, false; limits only take away\n"
		"f:7: limits.memroy: unknown key; did you mean \"memory\"?\n"
		"f:9: limits.memory: must be 4 MiB to 8 EiB\n"
		"f:10: limits.network: is none of none, client, server\n");
}

static void paths_are_filled_in_from_the_options_of_all_checks(void **state)
{
	struct fixture *fixture = *state;
	const rights_t *rights;

	assert_int_equal(
		fixture_judge(fixture,
			"probe: { password = \"/secret\"; checks = (\n"
			"{ name = \"a\"; endpoint = \"a:80\"; files = [ \"/etc/ssl/*.pem\", \"/x\", \"rel\" "
			"]; mode = \"blue\"; },\n"
			"{ name = \"b\"; endpoint = \"/run/b.sock\"; files = [ \"//x\", \"/[a]\" ]; },\n"
			"{ name = \"c\"; enabled = false; endpoint = \"c\"; files = [ \"/c\" ]; } ); };"),
		0);
	rights = fixture->config->plugins[0].rights;
	assert_int_equal(rights->n_read_paths, 5);
	assert_string_equal(rights->read_paths[0], "/var/lib/probe");
	assert_string_equal(rights->read_paths[1], "/etc/ssl");
	assert_string_equal(rights->read_paths[2], "/x");
	assert_string_equal(rights->read_paths[3], "/");
	assert_string_equal(rights->read_paths[4], "/run/b.sock");
	assert_int_equal(rights->n_write_paths, 2);
	assert_string_equal(rights->write_paths[0], "/srv/blue/x");
	assert_string_equal(rights->write_paths[1], "/srv/auto/x");
}

static void more_paths_than_a_worker_can_be_told_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, "\nprobe: { endpoint = \"a\"; files = [ \"/x\"");
	for (int i = 0; i < CONFIG_PATHS_MAX; i++)
		buf_printf(&text, ", \"/%d\"", i);
	buf_add_str(&text, " ]; };");
	assert_int_equal(fixture_judge(fixture, buf_str(&text)), -EINVAL);
	assert_errors(fixture,
		"f:2: probe: its checks name more than 1000 paths, or 64 KiB of them; name folders\n");
}

static void labels_of_a_check_are_laid_over_those_of_its_plugin(void **state)
{
	struct fixture *fixture = *state;
	const struct config_check *check;

	assert_int_equal(fixture_judge(fixture,
				 "agent: { labels: { site = \"gru\"; }; };\n"
				 "host: { labels: { b = \"1\"; a = \"1\"; }; checks = (\n"
				 "{ name = \"x\"; labels: { b = \"2\"; c = \"3\"; }; } ); };"),
		0);
	assert_int_equal(fixture->config->label_count, 1);
	assert_string_equal(fixture->config->labels[0].value, "gru");
	check = &fixture->config->plugins[0].checks[0];
	assert_int_equal(check->label_count, 3);
	assert_string_equal(check->labels[0].name, "a");
	assert_string_equal(check->labels[1].name, "b");
	assert_string_equal(check->labels[1].value, "2");
	assert_string_equal(check->labels[2].value, "3");
}

static uint64_t fingerprint_of(struct fixture *fixture, const char *text)
{
	assert_int_equal(fixture_judge(fixture, text), 0);
	return fixture->config->plugins[0].checks[0].fingerprint;
}

static void the_fingerprint_changes_with_the_content_and_not_with_its_form(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first = fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"1min\"; };");

	assert_true(
		first == fingerprint_of(fixture, "# x\nprobe: {\n every = \"60s\"; endpoint = \"a\"; };"));
	assert_true(first ==
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"1min\"; mode = \"auto\"; };"));
	assert_true(first != fingerprint_of(fixture, "probe: { endpoint = \"b\"; every = \"1min\"; };"));
	assert_true(first != fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"2min\"; };"));
	assert_true(first !=
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"1min\"; timeout = \"9s\"; };"));
	assert_true(first !=
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"1min\"; attempts = 2; };"));
	assert_true(first !=
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; every = \"1min\"; password = \"x\"; };"));
	assert_true(fingerprint_of(fixture, "probe: { endpoint = \"a\"; password = \"x\"; };") !=
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; password = \"y\"; };"));
	assert_true(fingerprint_of(fixture, "probe: { endpoint = \"a\"; labels: { a = \"bc\"; }; };") !=
		fingerprint_of(fixture, "probe: { endpoint = \"a\"; labels: { ab = \"c\"; }; };"));
}

static void options_that_no_worker_could_be_told_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, "probe: { checks = (\n{ name = \"a\"; endpoint = \"a\"; files = [ \"x\"");
	for (int i = 0; i < 40; i++)
		buf_printf(&text, ", \"%04000d\"", i);
	buf_add_str(&text, " ]; } ); };");
	assert_int_equal(fixture_judge(fixture, buf_str(&text)), -EINVAL);
	assert_errors(fixture, "f:2: probe/a: its options are too large; all together may have 127 KiB\n");
	buf_reset(&text);
	buf_add_str(&text, "probe: { endpoint = \"a\"; files = [ \"x\"");
	for (int i = 0; i < 10000; i++)
		buf_add_str(&text, ",\"\"");
	buf_printf(&text, " ]; };\nprobe: { };");
	text.size -= strlen("\nprobe: { };");
	text.data[text.size] = 0;
	assert_int_equal(fixture_judge(fixture, buf_str(&text)), -EINVAL);
	assert_errors(fixture, "f:1: files: more than 10000 elements\n");
	buf_reset(&text);
	buf_printf(&text, "probe: { endpoint = \"a\"; files = [ \"%05000d\" ]; };", 0);
	assert_int_equal(fixture_judge(fixture, buf_str(&text)), -EINVAL);
	assert_errors(fixture, "f:1: files[0]: longer than 4096 bytes\n");
}

static void errors_of_several_files_come_in_order_and_none_hides_another(void **state)
{
	struct fixture *fixture = *state;

	fixture_put(fixture, "gavea.conf", "agent: { flush = 1; };");
	fixture_put(fixture, "conf.d/b.conf",
		"host: {\n\n\n\n\n\n\n\n\n evry = \"1s\"; every = \"5s\";\n timeout = 1; };");
	fixture_put(fixture, "conf.d/a.conf", "x = ;");
	fixture_put(fixture, "conf.d/c.conf", "host: { every = \"5s\"; };");
	assert_int_equal(config_read(fixture->folder, &fixture->files, &fixture->errors), 0);
	assert_int_equal(fixture_resolve(fixture), -EINVAL);
	assert_errors(fixture,
		"@/conf.d/a.conf:1: syntax error; look for a missing \"=\", value, comma or bracket here "
		"and on the line before\n"
		"@/conf.d/b.conf:10: evry: unknown key; did you mean \"every\"?\n"
		"@/conf.d/b.conf:11: timeout: 1 has no unit; write \"1s\"\n"
		"@/conf.d/c.conf:1: every: defined twice; the first definition is at @/conf.d/b.conf:10\n"
		"@/gavea.conf:1: flush: 1 has no unit; write \"1s\"\n");
}

static void errors_of_reading_are_not_forgotten_by_resolving(void **state)
{
	struct fixture *fixture = *state;

	fixture_put(fixture, "gavea.conf", "agent: { flush = 1; };");
	assert_int_equal(config_read(fixture->folder, &fixture->files, &fixture->errors), 0);
	config_errors_done(&fixture->errors);
	assert_int_equal(fixture_resolve(fixture), -EINVAL);
	assert_errors(fixture, "the files have errors that were reported before\n");
}

static void the_first_two_hundred_errors_are_kept_and_the_rest_counted(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 250; i++)
		config_error(&fixture->errors, "f", 250 - i, "x %d", i);
	config_error(&fixture->errors, NULL, 0, "nowhere");
	assert_int_equal(fixture->errors.count, 200);
	assert_int_equal(fixture->errors.left_out, 51);
	assert_null(fixture->errors.errors[0].where);
	assert_string_equal(fixture->errors.errors[1].where, "f:1");
	assert_string_equal(fixture->errors.errors[199].where, "f:199");
}

static void descriptions_of_plugins_that_nobody_wants_are_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(config_read(fixture->folder, &fixture->files, &fixture->errors), 0);
	assert_int_equal(config_files_describe(fixture->files, "x", "/x.so", fixture_hello("x")), -ENOENT);
	assert_int_equal(config_files_describe_failed(fixture->files, "x", "y"), -ENOENT);
	assert_int_equal(config_files_describe(fixture->files, "host", "/x.so", fixture_hello("host")), 0);
	assert_int_equal(
		config_files_describe(fixture->files, "host", "/x.so", fixture_hello("host")), -EEXIST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(without_any_file_the_host_plugin_runs_with_defaults),
		TEST(host_runs_when_only_the_agent_is_configured_and_can_be_turned_off),
		TEST(a_host_plugin_that_is_not_there_is_not_missed),
		TEST(the_main_file_and_the_folder_are_merged),
		TEST(all_types_of_options_get_their_canonical_form),
		TEST(defaults_are_filled_in_and_never_followed),
		TEST(the_shipped_main_file_is_valid_as_it_stands_and_with_its_comments_taken_away),
		TEST(wrong_values_of_the_agent_are_reported),
		TEST(wrong_options_are_reported),
		TEST(wrong_elements_and_contents_are_reported),
		TEST(wrong_checks_are_reported),
		TEST(a_wrong_default_of_the_group_is_reported_once),
		TEST(a_check_that_is_not_enabled_is_judged_and_left_out),
		TEST(unknown_and_broken_plugins_are_reported_where_they_are_wanted),
		TEST(a_plugin_whose_table_is_wrong_or_too_new_is_reported),
		TEST(limits_take_away_and_never_add),
		TEST(paths_are_filled_in_from_the_options_of_all_checks),
		TEST(more_paths_than_a_worker_can_be_told_are_refused),
		TEST(labels_of_a_check_are_laid_over_those_of_its_plugin),
		TEST(the_fingerprint_changes_with_the_content_and_not_with_its_form),
		TEST(options_that_no_worker_could_be_told_are_refused),
		TEST(errors_of_several_files_come_in_order_and_none_hides_another),
		TEST(errors_of_reading_are_not_forgotten_by_resolving),
		TEST(the_first_two_hundred_errors_are_kept_and_the_rest_counted),
		TEST(descriptions_of_plugins_that_nobody_wants_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
