/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/fd.h"
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct conf *conf;
	struct buf errors; /* "file:line: message\n" */
	char folder[32];
};

static void report(void *data, const char *file, int line, const char *message)
{
	struct buf *errors = data;

	if (file)
		buf_printf(errors, "%s:", file);
	if (line)
		buf_printf(errors, "%d:", line);
	buf_printf(errors, "%s%s\n", file || line ? " " : "", message);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	assert_int_equal(conf_new(report, &fixture->errors, &fixture->conf), 0);
	strcpy(fixture->folder, "/tmp/gavea-conf-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *command = NULL;

	conf_free(fixture->conf);
	buf_done(&fixture->errors);
	assert_true(asprintf(&command, "rm -r '%s'", fixture->folder) > 0);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

static int read_text(struct fixture *fixture, const char *name, const char *text)
{
	return conf_read_text(fixture->conf, name, text, strlen(text));
}

static char *put(struct fixture *fixture, const char *name, const char *text)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", fixture->folder, name) > 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600), 0);
	return path;
}

/* The errors so far, in which "@" stands for the fixture's folder; forgets them. */
static void assert_errors(struct fixture *fixture, const char *expected)
{
	_cleanup_buf_ struct buf filled = BUF_INIT;

	for (; *expected; expected++)
		if (*expected == '@' && expected[1] == '/')
			buf_add_str(&filled, fixture->folder);
		else
			buf_add_char(&filled, *expected);
	assert_string_equal(buf_str(&fixture->errors), buf_str(&filled));
	buf_reset(&fixture->errors);
}

static void values_of_all_kinds_are_read_with_their_lines(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *root = conf_root(fixture->conf), *group, *list;
	int64_t number = 0;
	char *text = NULL;
	bool truth = false;

	assert_int_equal(
		read_text(fixture, "a.conf",
			"\xef\xbb\xbf# comment\ng: {\n  i = 5; big = 3000000000;\n  hex = 0xFFFFFFFF\n"
			"  neg = -7;\n  s = \"a\" \"b\"; /* x\n y */ b = TRUE;\n"
			"  l = ( 1, \"two\", { three = 3; } ); d = \"1h 30min\"; z = \"64KiB\";\n}; // end"),
		0);
	assert_errors(fixture, "");
	assert_int_equal(conf_take_kind(root, "g", CONF_GROUP, &group), 1);
	assert_int_equal(conf_take_int(group, "i", 0, 10, &number), 1);
	assert_int_equal(number, 5);
	assert_int_equal(conf_take_int(group, "big", 0, INT64_MAX, &number), 1);
	assert_int_equal(number, INT64_C(3000000000));
	assert_int_equal(conf_take_int(group, "hex", 0, INT64_MAX, &number), 1);
	assert_int_equal(number, INT64_C(0xffffffff));
	assert_int_equal(conf_take_int(group, "neg", -10, 0, &number), 1);
	assert_int_equal(number, -7);
	assert_int_equal(conf_take_string(group, "s", &text), 1);
	assert_string_equal(text, "ab");
	free(text);
	assert_int_equal(conf_take_bool(group, "b", &truth), 1);
	assert_true(truth);
	assert_int_equal(conf_line(conf_take(group, "b")), 7);
	assert_string_equal(conf_file(conf_take(group, "b")), "a.conf");
	assert_int_equal(conf_take_duration(group, "d", 0, INT64_MAX, &number), 1);
	assert_int_equal(number, INT64_C(5400000000000));
	assert_int_equal(conf_take_size(group, "z", 0, INT64_MAX, &number), 1);
	assert_int_equal(number, 65536);
	assert_int_equal(conf_take_kind(group, "l", CONF_LIST, &list), 1);
	assert_int_equal(conf_size(list), 3);
	assert_int_equal(conf_kind(conf_at(list, 2)), CONF_GROUP);
	assert_int_equal(conf_take_int(group, "absent", 0, 1, &number), 0);
	assert_int_equal(conf_leftovers(group, NULL, 0), 0);
}

static void broken_text_is_reported_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *errors;
	} cases[] = {
		{"a = ;\n",
			"f:1: syntax error; look for a missing \"=\", value, comma or bracket here and on "
			"the "
			"line before\n"},
		{"a = 1;\n\nb c;\n",
			"f:3: syntax error; look for a missing \"=\", value, comma or bracket here and "
			"on the line before\n"},
		{"a = [ 1,\n \"x\" ];",
			"f:2: the elements of an array, [ ], must be of one type; a list, ( ), may "
			"mix them\n"},
		{"\n@include \"/etc/passwd\"\n",
			"f:2: @include is not supported; every file of conf.d is read by itself\n"},
		{"a = 1;\n  @include \"f\"\n",
			"f:2: @include is not supported; every file of conf.d is read by itself\n"},
		{"a = \"x\n\";", "f:1: the string that begins here does not end on this line\n"},
		{"a = \"x\\", "f:1: the string that begins here does not end on this line\n"},
		{"a = 1;\n/* x\n", "f:2: the comment that begins here never ends\n"},
		{"a: {\n b: {\n };\n", "f:1: the \"{\" of this line is never closed\n"},
		{"a: {\n b = (\n };\n", "f:3: \"}\" where \")\" should close the \"(\" of line 2\n"},
		{"a = 1;\n};\n", "f:2: \"}\" closes nothing\n"},
		{"a: { \"x\" };", "f:1: a string where a key should stand\n"},
		{"\"x\";", "f:1: a string where a key should stand\n"},
		{"a = ( \"x\" \"y\", { b = \"z\" } \"x\" );", "f:1: a string without a comma before it\n"},
		{"a = 99999999999999999999;", "f:1: 99999999999999999999 is beyond 64 bits\n"},
		{"a = 0xFFFFFFFFFFFFFFFF;", "f:1: 0xFFFFFFFFFFFFFFFF is beyond 64 bits\n"},
		{"a = 10s;",
			"f:1: syntax error; look for a missing \"=\", value, comma or bracket here and on "
			"the "
			"line before\n"},
		{"a = 5e;", "f:1: \"5e\" is no number; text stands in quotes\n"},
		{"a = 1e999;", "f:1: \"1e999\" is no number; text stands in quotes\n"},
		{"a = -0x5;", "f:1: \"-0x5\" is no number; text stands in quotes\n"},
		{"a = 5%;", "f:1: \"%\" stands where nothing of this kind can; text stands in quotes\n"},
		{"a = \xc3\xa9;", "f:1: a letter that is not ASCII outside of quotes\n"},
		{"a = \"\xff\";", "f:1: byte 0xff: not valid UTF-8\n"},
		{"a = 1;\nb = \"\\xff\";", "f:2: b: not valid UTF-8\n"},
		{"a = \"\\x00\";", "f:1: a string can't have a NUL byte in it\n"},
		{"\n\x7f"
		 "ELF\x02",
			"f:2: byte 0x7f: this is not a text file\n"},
		{"a=1;\nb=2;\na=3;\n c: { x=1; x=2; }; y = ( { x=1; }, { x=1; } );\n",
			"f:3: a: defined twice; the first definition is at f:1\n"
			"f:4: x: defined twice; the first definition is at f:4\n"},
		{"a: { x = 1; };\na: { y = 2; };", "f:2: a: defined twice; the first definition is at f:1\n"},
		{"((((((((((((((((((", "f:1: nested more than 16 deep; nothing here needs that\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture *fixture = *state;

		assert_int_equal(read_text(fixture, "f", cases[i].text), -EINVAL);
		assert_errors(fixture, cases[i].errors);
	}
}

static void nul_bytes_and_huge_files_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *big = malloc(CONF_FILE_MAX + 2), *path = NULL;

	assert_int_equal(conf_read_text(fixture->conf, "f", "a=1;\0b", 6), -EINVAL);
	assert_errors(fixture, "f:1: byte 0x00: this is not a text file\n");
	assert_non_null(big);
	memset(big, ' ', CONF_FILE_MAX + 1);
	big[CONF_FILE_MAX + 1] = 0;
	path = put(fixture, "big.conf", big);
	assert_int_equal(conf_read_file(fixture->conf, path), -EINVAL);
	assert_errors(fixture, "@/big.conf: is larger than 1 MiB\n");
	assert_int_equal(read_text(fixture, "f", big), -EINVAL);
	assert_errors(fixture, "f: is larger than 1 MiB\n");
}

static void too_many_keys_of_one_group_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (int i = 0; i <= CONF_KEYS_MAX; i++)
		buf_printf(&text, "k%d = 1;\n", i);
	assert_int_equal(conf_read_text(fixture->conf, "f", text.data, text.size), -EINVAL);
	assert_errors(fixture, "f:4097: more than 4096 keys in one group\n");
}

static void too_many_elements_of_one_list_are_refused(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, "a = (\n1");
	for (int i = 1; i < CONF_ELEMENTS_MAX; i++)
		buf_add_str(&text, ",1");
	buf_add_str(&text, ");");
	assert_int_equal(conf_read_text(fixture->conf, "f", text.data, text.size), 0);
	text.size -= 2;
	buf_add_str(&text, "\n,1);");
	assert_int_equal(conf_read_text(fixture->conf, "f", text.data, text.size), -EINVAL);
	assert_errors(fixture, "f:3: more than 20000 elements in one list\n");
}

static void groups_of_several_files_merge(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *group = NULL, *inner = NULL;
	int64_t number = 0;

	assert_int_equal(read_text(fixture, "a", "g: { x = 1; inner: { a = 1; }; };"), 0);
	assert_int_equal(read_text(fixture, "b", "g: { y = 2; inner: { b = 2; }; }; h = 1;"), 0);
	assert_errors(fixture, "");
	assert_int_equal(conf_take_kind(conf_root(fixture->conf), "g", CONF_GROUP, &group), 1);
	assert_int_equal(conf_size(group), 3);
	assert_int_equal(conf_take_int(group, "y", 0, 9, &number), 1);
	assert_int_equal(number, 2);
	assert_string_equal(conf_file(conf_take(group, "y")), "b");
	assert_int_equal(conf_take_kind(group, "inner", CONF_GROUP, &inner), 1);
	assert_int_equal(conf_size(inner), 2);
}

static void a_key_in_two_files_is_an_error_that_names_both(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "a", "g: {\n x = 1; l = (); };"), 0);
	assert_int_equal(read_text(fixture, "b", "\n\ng: { x = 1;\n l = (); };"), -EINVAL);
	assert_errors(fixture,
		"b:3: x: defined twice; the first definition is at a:2\n"
		"b:4: l: defined twice; the first definition is at a:2\n");
	assert_int_equal(read_text(fixture, "c", "g = 1;"), -EINVAL);
	assert_errors(fixture, "c:1: g: defined twice; the first definition is at a:1\n");
}

static void a_folder_is_read_in_order_and_past_what_is_broken(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *b = put(fixture, "b.conf", "b = ;"), *c = put(fixture, "c.conf", "c = 1;"),
			    *a = put(fixture, "a.conf", "a = 1;"), *hidden = put(fixture, ".h.conf", "h = ;"),
			    *backup = put(fixture, "a.conf~", "x = ;"), *link = NULL, *loop = NULL,
			    *fifo = NULL, *folder = NULL;
	struct conf_node *root = conf_root(fixture->conf);

	assert_true(asprintf(&link, "%s/d.conf", fixture->folder) > 0);
	assert_true(asprintf(&loop, "%s/e.conf", fixture->folder) > 0);
	assert_true(asprintf(&fifo, "%s/f.conf", fixture->folder) > 0);
	assert_true(asprintf(&folder, "%s/g.conf", fixture->folder) > 0);
	assert_int_equal(symlink("nowhere", link), 0);
	assert_int_equal(symlink("e.conf", loop), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(conf_read_folder(fixture->conf, fixture->folder), -EINVAL);
	assert_errors(fixture,
		"@/b.conf:1: syntax error; look for a missing \"=\", value, comma or bracket here and on the "
		"line before\n"
		"@/d.conf: No such file or directory\n"
		"@/e.conf: Too many levels of symbolic links\n"
		"@/f.conf: is not a regular file\n"
		"@/g.conf: Is a directory\n");
	assert_int_equal(conf_size(root), 2);
	assert_string_equal(conf_name(conf_at(root, 0)), "a");
	assert_string_equal(conf_name(conf_at(root, 1)), "c");
}

static void what_is_not_there_is_no_error(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(conf_read_file(fixture->conf, "/nonexistent/gavea.conf"), -ENOENT);
	assert_int_equal(conf_read_folder(fixture->conf, "/nonexistent/conf.d"), 0);
	assert_int_equal(conf_read_folder(fixture->conf, "/dev/null"), -EINVAL);
	assert_errors(fixture, "/dev/null: Not a directory\n");
}

static void an_unreadable_file_is_reported(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *path = put(fixture, "a.conf", "a = 1;");

	bool root = geteuid() == 0;

	assert_int_equal(chmod(fixture->folder, 0755), 0);
	assert_int_equal(chmod(path, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(conf_read_file(fixture->conf, path), -EINVAL);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_errors(fixture, "@/a.conf: Permission denied\n");
}

static void keys_that_nobody_took_are_reported_with_a_suggestion(void **state)
{
	static const char *const known[] = {"every", "timeout"};
	struct fixture *fixture = *state;
	struct conf_node *group = NULL;

	assert_int_equal(read_text(fixture, "a", "g: {\n evry = 1;\n zzz = 2;\n timeout = 1; };"), 0);
	assert_int_equal(conf_take_kind(conf_root(fixture->conf), "g", CONF_GROUP, &group), 1);
	assert_non_null(conf_take(group, "timeout"));
	assert_int_equal(conf_leftovers(group, known, ARRAY_SIZE(known)), 2);
	assert_errors(fixture, "a:2: evry: unknown key; did you mean \"every\"?\na:3: zzz: unknown key\n");
}

static void wrong_kinds_are_reported(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *root = conf_root(fixture->conf), *node = NULL;
	bool truth = false;
	char *text = NULL;
	int64_t number = 0;

	assert_int_equal(
		read_text(fixture, "f",
			"a = 1;\nb = \"true\";\nc = \"x\";\nd = 1.5;\ne: { };\ng = \"5\";\nh = \"9999999999"
			"9999999999\";\ni = true;\nj = 20;"),
		0);
	assert_int_equal(conf_take_kind(root, "a", CONF_GROUP, &node), -EINVAL);
	assert_int_equal(conf_take_kind(root, "a", CONF_LIST, &node), -EINVAL);
	assert_int_equal(conf_take_string(root, "a", &text), -EINVAL);
	assert_int_equal(conf_take_bool(root, "a", &truth), -EINVAL);
	assert_int_equal(conf_take_bool(root, "b", &truth), -EINVAL);
	assert_int_equal(conf_take_bool(root, "c", &truth), -EINVAL);
	assert_int_equal(conf_take_int(root, "d", 0, 1, &number), -EINVAL);
	assert_int_equal(conf_take_string(root, "e", &text), -EINVAL);
	assert_int_equal(conf_take_int(root, "g", 0, 1, &number), -EINVAL);
	assert_int_equal(conf_take_int(root, "h", 0, 1, &number), -EINVAL);
	assert_int_equal(conf_take_int(root, "i", 0, 1, &number), -EINVAL);
	assert_int_equal(conf_take_int(root, "j", 1, 10, &number), -EINVAL);
	assert_errors(fixture,
		"f:1: a: must be a group, { … }\nf:1: a: must be a list, ( … )\n"
		"f:1: a: must be a string in quotes\nf:1: a: must be true or false\n"
		"f:2: b: must be true or false, without quotes\nf:3: c: must be true or false\n"
		"f:4: d: must be a whole number\nf:5: e: must be a string in quotes\n"
		"f:6: g: must be a whole number, without quotes\nf:7: h: must be a whole number\n"
		"f:8: i: must be a whole number\nf:9: j: must be 1 to 10\n");
}

static void values_without_a_unit_are_reported(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *root = conf_root(fixture->conf);
	struct conf_value value;
	int64_t number = 0;

	assert_int_equal(
		read_text(fixture, "f",
			"a = 10;\nb = \"10\";\nc = \"ten\";\nd = -1;\ne = 1.5;\ng = true;\nh = \"2d\";"
			"\ni = \"999999999999w\";"),
		0);
	for (const char *key = "abcdeg"; *key; key++) {
		char name[2] = {*key, 0};

		assert_int_equal(conf_take_duration(root, name, 0, INT64_MAX, &number), -EINVAL);
	}
	assert_int_equal(
		conf_take_duration(root, "h", INT64_C(1000000000), INT64_C(3600000000000), &number), -EINVAL);
	assert_int_equal(conf_take_duration(root, "i", 0, INT64_MAX, &number), -EINVAL);
	assert_errors(fixture,
		"f:1: a: 10 has no unit; write \"10s\"\nf:2: b: 10 has no unit; write \"10s\"\n"
		"f:3: c: \"ten\" is not a duration, such as \"10s\" or \"5min\"\n"
		"f:4: d: must be a duration, such as \"10s\" or \"5min\"\n"
		"f:5: e: 1.5 has no unit; write \"1.5s\"\n"
		"f:6: g: must be a duration, such as \"10s\" or \"5min\"\n"
		"f:7: h: must be 1s to 1h\nf:8: i: \"999999999999w\" is too large\n");
	assert_int_equal(conf_take_size(root, "a", 0, INT64_MAX, &number), -EINVAL);
	assert_int_equal(conf_take_size(root, "c", 0, INT64_MAX, &number), -EINVAL);
	assert_int_equal(conf_value(conf_take(root, "a"), GAVEA_OPTION_PERCENT, &value), -EINVAL);
	assert_int_equal(conf_value(conf_take(root, "c"), GAVEA_OPTION_PERCENT, &value), -EINVAL);
	assert_int_equal(conf_value(conf_take(root, "c"), GAVEA_OPTION_FLOAT, &value), -EINVAL);
	assert_errors(fixture,
		"f:1: a: 10 has no unit; write \"10B\", \"10KiB\" or \"10MiB\"\n"
		"f:3: c: \"ten\" is not a size, such as \"64KiB\" or \"10MiB\"\n"
		"f:1: a: 10 has no unit; write \"10%\"\n"
		"f:3: c: \"ten\" is not a percentage, such as \"12.5%\"\n"
		"f:3: c: must be a number\n");
}

static void references_are_filled_in(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *root = conf_root(fixture->conf);
	_cleanup_free_ char *secret = put(fixture, "secret", "s3cret\n"), *text = NULL, *a = NULL, *b = NULL,
			    *c = NULL, *d = NULL;
	int64_t number = 0;
	bool truth = false;

	assert_int_equal(setenv("GAVEA_T", "hello", 1), 0);
	assert_int_equal(setenv("GAVEA_N", "42", 1), 0);
	assert_int_equal(setenv("GAVEA_B", "true", 1), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fixture->folder, 1), 0);
	assert_true(asprintf(&text,
			    "a = \"<${env:GAVEA_T}${env:GAVEA_N}>\"; b = \"${file:%s}\"; c = \"$${x} $ "
			    "${env:GAVEA_T} "
			    "{}$\"; d = \"${credential:secret}!\"; n = \"${env:GAVEA_N}\"; t = "
			    "\"${env:GAVEA_B}\";",
			    secret) > 0);
	assert_int_equal(read_text(fixture, "f", text), 0);
	assert_int_equal(conf_take_string(root, "a", &a), 1);
	assert_string_equal(a, "<hello42>");
	assert_int_equal(conf_take_string(root, "b", &b), 1);
	assert_string_equal(b, "s3cret");
	assert_int_equal(conf_take_string(root, "c", &c), 1);
	assert_string_equal(c, "${x} $ hello {}$");
	assert_int_equal(conf_take_string(root, "d", &d), 1);
	assert_string_equal(d, "s3cret!");
	assert_int_equal(conf_take_int(root, "n", 0, 100, &number), 1);
	assert_int_equal(number, 42);
	assert_int_equal(conf_take_bool(root, "t", &truth), 1);
	assert_true(truth);
	assert_errors(fixture, "");
}

static void a_wrong_reference_is_named_and_never_its_contents(void **state)
{
	static const struct {
		const char *value;
		const char *error;
	} cases[] = {
		{"${env:GAVEA_UNSET}", "${env:GAVEA_UNSET}: this variable is not set"},
		{"${env:}", "${env:}: this variable is not set"},
		{"${file:relative}", "${file:relative}: the path must begin with a slash"},
		{"${file:/nonexistent}", "${file:/nonexistent}: No such file or directory"},
		{"${file:/dev/zero}", "${file:/dev/zero}: is not a regular file"},
		{"${file:@/big}", "${file:@/big}: is larger than 64 KiB"},
		{"${file:@/nul}", "${file:@/nul}: has a NUL byte in it"},
		{"${file:@/latin1}", "${file:@/latin1}: is not valid UTF-8"},
		{"${credential:../x}", "${credential:../x}: is no name of a credential"},
		{"${credential:}", "${credential:}: is no name of a credential"},
		{"${credential:none}", "${credential:none}: No such file or directory"},
		{"${HOME}",
			"${HOME}: there are ${env:NAME}, ${file:PATH} and ${credential:NAME} only; a literal "
			"${ "
			"is written $${"},
		{"x ${env:A", "a ${ has no } after it; a literal ${ is written $${"},
	};
	struct fixture *fixture = *state;
	_cleanup_free_ char *big = calloc(1, CONF_REFERENCE_MAX + 2), *path = NULL, *nul = NULL,
			    *latin1 = NULL;

	assert_non_null(big);
	memset(big, 'x', CONF_REFERENCE_MAX + 1);
	path = put(fixture, "big", big);
	latin1 = put(fixture, "latin1", "\xe9");
	assert_true(asprintf(&nul, "%s/nul", fixture->folder) > 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, nul, "a\0b", 3, 0600), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fixture->folder, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		_cleanup_error_ struct error error = ERROR_INIT;
		struct conf_value parsed;

		for (const char *p = cases[i].value; *p; p++)
			if (*p == '@')
				buf_add_str(&value, fixture->folder);
			else
				buf_add_char(&value, *p);
		assert_int_equal(
			conf_value_from_text(buf_str(&value), GAVEA_OPTION_STRING, &parsed, &error), -EINVAL);
		buf_add_str(&fixture->errors, error.message);
		assert_errors(fixture, cases[i].error);
	}
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	{
		_cleanup_error_ struct error error = ERROR_INIT;
		struct conf_value parsed;

		assert_int_equal(
			conf_value_from_text("${credential:x}", GAVEA_OPTION_STRING, &parsed, &error),
			-EINVAL);
		assert_string_equal(error.message,
			"${credential:x}: there are no credentials: CREDENTIALS_DIRECTORY is not set "
			"(LoadCredential= in the unit does that)");
	}
}

static void what_a_reference_brought_is_not_shown_when_it_is_wrong(void **state)
{
	struct fixture *fixture = *state;
	struct conf_node *root = conf_root(fixture->conf);
	int64_t number = 0;
	bool truth = false;

	assert_int_equal(setenv("GAVEA_S", "hunter2", 1), 0);
	assert_int_equal(setenv("GAVEA_N", "42", 1), 0);
	assert_int_equal(read_text(fixture, "f", "a = \"${env:GAVEA_S}\";\nb = \"${env:GAVEA_N}\";"), 0);
	assert_int_equal(conf_take_duration(root, "a", 0, 9, &number), -EINVAL);
	assert_int_equal(conf_take_int(root, "a", 0, 9, &number), -EINVAL);
	assert_int_equal(conf_take_bool(root, "a", &truth), -EINVAL);
	assert_int_equal(conf_take_duration(root, "b", 0, 9, &number), -EINVAL);
	assert_errors(fixture,
		"f:1: a: the value of \"${env:GAVEA_S}\" is not a duration, such as \"10s\" or \"5min\"\n"
		"f:1: a: the value of \"${env:GAVEA_S}\" is not a whole number\n"
		"f:1: a: the value of \"${env:GAVEA_S}\" is not true or false\n"
		"f:2: b: the value of \"${env:GAVEA_N}\" has no unit\n");
}

static void a_secret_may_be_binary(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(conf_value_done) struct conf_value value = {0};
	_cleanup_free_ char *path = NULL, *reference = NULL;

	assert_true(asprintf(&path, "%s/key", fixture->folder) > 0);
	assert_true(asprintf(&reference, "${file:%s}", path) > 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "a\0\xff\r\n", 5, 0600), 0);
	assert_int_equal(conf_value_from_text(reference, GAVEA_OPTION_SECRET, &value, NULL), 0);
	assert_int_equal(value.size, 3);
	assert_memory_equal(value.text, "a\0\xff", 3);
}

static void literal_text_has_no_references(void **state)
{
	_cleanup_(conf_value_done) struct conf_value value = {0};

	(void)state;
	assert_int_equal(conf_value_literal("${file:/etc/passwd}", GAVEA_OPTION_STRING, &value, NULL), 0);
	assert_string_equal(value.text, "${file:/etc/passwd}");
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct conf_value value;

	if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "pt_BR.UTF-8"))
		skip();
	assert_int_equal(read_text(fixture, "f", "a = 1.5;"), 0);
	assert_int_equal(conf_value(conf_take(conf_root(fixture->conf), "a"), GAVEA_OPTION_FLOAT, &value), 0);
	assert_true(value.real == 1.5);
	setlocale(LC_ALL, "C");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(values_of_all_kinds_are_read_with_their_lines),
		TEST(broken_text_is_reported_with_its_line),
		TEST(nul_bytes_and_huge_files_are_refused),
		TEST(too_many_keys_of_one_group_are_refused),
		TEST(too_many_elements_of_one_list_are_refused),
		TEST(groups_of_several_files_merge),
		TEST(a_key_in_two_files_is_an_error_that_names_both),
		TEST(a_folder_is_read_in_order_and_past_what_is_broken),
		TEST(what_is_not_there_is_no_error),
		TEST(an_unreadable_file_is_reported),
		TEST(keys_that_nobody_took_are_reported_with_a_suggestion),
		TEST(wrong_kinds_are_reported),
		TEST(values_without_a_unit_are_reported),
		TEST(references_are_filled_in),
		TEST(a_wrong_reference_is_named_and_never_its_contents),
		TEST(what_a_reference_brought_is_not_shown_when_it_is_wrong),
		TEST(a_secret_may_be_binary),
		TEST(literal_text_has_no_references),
		TEST(a_locale_with_a_decimal_comma_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
