/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/program.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE (60 * NSEC_PER_SEC)

static int64_t in(int64_t ns)
{
	return clock_ns(CLOCK_MONOTONIC) + ns;
}

/* Runs a script of sh; what is not set in program gets a generous value. */
static int shell(const char *script, struct program program, struct program_result *result)
{
	const char *const arguments[] = {"/bin/sh", "-c", script, "sh", "a b", "", NULL};

	program.arguments = arguments;
	program.deadline = program.deadline ? program.deadline : in(PATIENCE);
	program.grace = program.grace ? program.grace : 100 * NSEC_PER_MSEC;
	program.output_max = program.output_max ? program.output_max : 4096;
	program.errors_max = program.errors_max ? program.errors_max : 4096;
	return program_run(&program, result, NULL);
}

#define SHELL(script, result, ...) assert_int_equal(shell(script, (struct program){__VA_ARGS__}, result), 0)

static void assert_end(const struct program_result *result, const char *text)
{
	char buffer[64];

	assert_string_equal(program_end_text(buffer, result), text);
}

static void output_errors_and_exit_status_are_told_apart(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("printf 'out %s|' \"$@\"; echo err >&2; exit 3", &result, .directory = NULL);
	assert_string_equal(buf_str(&result.output), "out a b|out |");
	assert_string_equal(buf_str(&result.errors), "err\n");
	assert_end(&result, "exited with status 3");
	assert_false(result.held || result.killed || result.output_cut || result.errors_cut || result.stuck);
	assert_true(result.elapsed > 0);
}

static void a_result_can_be_used_again(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("echo one; kill -SEGV $$", &result, .output_max = 2);
	assert_true(result.output_cut);
	assert_end(&result, "killed by SIGSEGV");
	SHELL("echo two", &result, .directory = NULL);
	assert_string_equal(buf_str(&result.output), "two\n");
	assert_false(result.output_cut);
	assert_end(&result, "exited with status 0");
}

static void the_environment_holds_what_is_given_and_little_else(void **state)
{
	static const char *const environment[] = {"A=1", "LANG=C", "B=x=y z", NULL};
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	setenv("GAVEA_TEST_LEAK", "1", 1);
	SHELL("env | grep -v '^[_P][A-Z]*=' | sort; pwd", &result, .environment = environment,
		.directory = "/usr");
	assert_string_equal(buf_str(&result.output), "A=1\nB=x=y z\nLANG=C\n/usr\n");
	SHELL("env | grep -v '^_=\\|^PWD=' | sort", &result, .directory = NULL);
	assert_string_equal(buf_str(&result.output),
		"LANG=C.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
}

static void it_gets_its_three_descriptors_and_no_other(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	int leak = open("/dev/null", O_RDONLY);

	(void)state;
	SHELL("ls /proc/$$/fd; cat; exit 0", &result, .directory = NULL);
	assert_string_equal(buf_str(&result.output), "0\n1\n2\n");
	close(leak);
}

static void ignored_signals_are_not_ignored_by_the_program(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	SHELL("kill -PIPE $$; echo ignored", &result, .directory = NULL);
	assert_end(&result, "killed by SIGPIPE");
	(void)signal(SIGPIPE, before);
}

static void input_reaches_it_whether_it_reads_or_not(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	static char bytes[300000];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	SHELL("wc -c", &result, .input = bytes, .input_size = sizeof bytes);
	assert_string_equal(buf_str(&result.output), "300000\n");
	SHELL("exit 1", &result, .input = bytes, .input_size = sizeof bytes);
	assert_end(&result, "exited with status 1");
}

static void more_output_than_is_kept_is_read_and_dropped(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("head -c 10000000 /dev/zero >&2; echo done", &result, .errors_max = 1000);
	assert_string_equal(buf_str(&result.output), "done\n");
	assert_int_equal(result.errors.size, 1000);
	assert_true(result.errors_cut);
	assert_false(result.output_cut);
}

static void one_that_writes_for_ever_is_ended_at_the_deadline(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("cat /dev/zero", &result, .deadline = in(200 * NSEC_PER_MSEC));
	assert_end(&result, "timed out");
	assert_int_equal(result.output.size, 4096);
	assert_true(result.output_cut);
}

/* A file that a script makes when it is ready to be ended: it is cancelled then. */
struct mark {
	char path[64];
	const char *environment[2];
	char variable[80];
};

static void mark_init(struct mark *mark)
{
	snprintf(mark->path, sizeof mark->path, "/tmp/gavea-test-program.%d", (int)getpid());
	snprintf(mark->variable, sizeof mark->variable, "MARK=%s", mark->path);
	mark->environment[0] = mark->variable;
	mark->environment[1] = NULL;
	unlink(mark->path);
}

static bool is_marked(void *mark)
{
	return access(((struct mark *)mark)->path, F_OK) == 0;
}

static void one_that_ignores_sigterm_is_killed(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	struct mark mark;

	(void)state;
	mark_init(&mark);
	SHELL("trap '' TERM; : >$MARK; while :; do sleep 100; done", &result, .cancelled = is_marked,
		.userdata = &mark, .environment = mark.environment);
	assert_end(&result, "was cancelled");
	assert_true(result.killed);
	assert_int_equal(result.code, SIGKILL);
	result.end = PROGRAM_TIMED_OUT;
	assert_end(&result, "timed out, and ignored SIGTERM");
	unlink(mark.path);
}

static void one_that_tidies_up_on_sigterm_is_heard(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	struct mark mark;

	(void)state;
	mark_init(&mark);
	SHELL("trap 'echo tidied; exit 7' TERM; : >$MARK; while :; do sleep 0.05; done", &result,
		.cancelled = is_marked, .userdata = &mark, .environment = mark.environment,
		.grace = PATIENCE);
	assert_false(result.killed);
	assert_string_equal(buf_str(&result.output), "tidied\n");
	assert_int_equal(result.code, 7);
	unlink(mark.path);
}

/* Whether a process is there, and no zombie. */
static bool lives(pid_t pid)
{
	char path[64], text[256] = "", *end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
	fclose(file);
	return end && end[2] != 'Z' && end[2] != 'X';
}

static void wait_for_end(pid_t pid)
{
	for (int i = 0; i < 6000 && lives(pid); i++)
		usleep(10000);
	assert_false(lives(pid));
}

static void a_child_that_holds_the_pipes_is_not_waited_for_but_killed(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("sleep 1000 & echo $!; exit 2", &result, .directory = NULL);
	assert_end(&result, "exited with status 2");
	assert_true(result.held);
	wait_for_end(atoi(buf_str(&result.output)));
}

static void a_child_that_is_left_without_the_pipes_is_killed_too(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("sleep 1000 >/dev/null 2>&1 & echo $!", &result, .directory = NULL);
	assert_false(result.held);
	wait_for_end(atoi(buf_str(&result.output)));
}

static void a_descendant_with_a_session_of_its_own_is_left_alone(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	struct mark mark;
	pid_t pid;

	(void)state;
	mark_init(&mark);
	SHELL("setsid sh -c 'echo $$; : >$MARK; exec sleep 1000' & while [ ! -e $MARK ]; do sleep 0.01; done",
		&result, .environment = mark.environment);
	unlink(mark.path);
	assert_end(&result, "exited with status 0");
	assert_true(result.held);
	pid = atoi(buf_str(&result.output));
	assert_true(pid > 1 && lives(pid));
	(void)kill(pid, SIGKILL);
}

static void one_that_closes_its_output_and_goes_on_meets_the_deadline(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};

	(void)state;
	SHELL("exec >&- 2>&-; sleep 1000", &result, .deadline = in(200 * NSEC_PER_MSEC));
	assert_end(&result, "timed out");
}

static bool yes(void *userdata)
{
	++*(int *)userdata;
	return true;
}

static void it_is_ended_when_it_is_cancelled(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	int asked = 0;

	(void)state;
	SHELL("sleep 1000", &result, .deadline = INT64_MAX, .cancelled = yes, .userdata = &asked);
	assert_end(&result, "was cancelled");
	assert_int_equal(asked, 1);
}

static void assert_refused(struct program program, const char *path, int expected, const char *message)
{
	const char *const arguments[] = {path, NULL};
	_cleanup_program_result_ struct program_result result = {0};
	_cleanup_error_ struct error error = ERROR_INIT;

	program.arguments = arguments;
	program.deadline = INT64_MAX;
	assert_int_equal(program_run(&program, &result, &error), expected);
	assert_string_equal(error_text(&error, 0), message);
}

static void what_cannot_be_started_is_said_why(void **state)
{
	char path[] = "/tmp/gavea-test-program.XXXXXX", message[256];
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_refused((struct program){0}, "/nonexistent", -ENOENT,
		"cannot start /nonexistent: No such file or directory");
	assert_refused(
		(struct program){0}, "/etc/passwd", -EACCES, "cannot start /etc/passwd: Permission denied");
	assert_refused((struct program){.directory = "/nonexistent"}, "/bin/true", -ENOENT,
		"cannot start /bin/true in /nonexistent: No such file or directory");
	assert_int_equal(write(fd, "#!/nonexistent/sh\n", 18), 18);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	snprintf(message, sizeof message,
		"cannot start %s: the interpreter that its first line names is not there", path);
	assert_refused((struct program){0}, path, -ENOENT, message);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "echo\n", 5), 5);
	close(fd);
	snprintf(message, sizeof message,
		"cannot start %s: it is no program of this machine, and has no \"#!\" line", path);
	assert_refused((struct program){0}, path, -ENOEXEC, message);
	unlink(path);
}

static void another_user_has_its_groups_and_no_way_back(void **state)
{
	_cleanup_program_result_ struct program_result result = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct program_user user, same;

	(void)state;
	assert_int_equal(program_find_user("no-such-user-here", &user, &error), -ENOENT);
	assert_string_equal(error_text(&error, 0), "there is no user no-such-user-here");
	assert_int_equal(program_find_user("nobody", &user, NULL), 0);
	assert_int_equal(program_find_user("65534", &same, NULL), 0);
	assert_int_equal(user.uid, same.uid);
	if (geteuid() != 0 || !program_can_change_user())
		skip();
	SHELL("id -u; id -g; grep -h 'Cap[IPEA]' /proc/$$/status | cut -f2 | sort -u", &result,
		.user = &user);
	assert_string_equal(buf_str(&result.output), "65534\n65534\n0000000000000000\n");
	assert_string_equal(buf_str(&result.errors), "");
}

static void *many(void *failed)
{
	for (int i = 0; i < 20; i++) {
		_cleanup_program_result_ struct program_result result = {0};

		if (shell("echo x; echo y >&2", (struct program){0}, &result) < 0 ||
			result.end != PROGRAM_EXITED || strcmp(buf_str(&result.output), "x\n") != 0 ||
			strcmp(buf_str(&result.errors), "y\n") != 0)
			*(bool *)failed = true;
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	pthread_t threads[4];
	bool failed[4] = {false};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, &failed[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_false(failed[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_errors_and_exit_status_are_told_apart),
		cmocka_unit_test(a_result_can_be_used_again),
		cmocka_unit_test(the_environment_holds_what_is_given_and_little_else),
		cmocka_unit_test(it_gets_its_three_descriptors_and_no_other),
		cmocka_unit_test(ignored_signals_are_not_ignored_by_the_program),
		cmocka_unit_test(input_reaches_it_whether_it_reads_or_not),
		cmocka_unit_test(more_output_than_is_kept_is_read_and_dropped),
		cmocka_unit_test(one_that_writes_for_ever_is_ended_at_the_deadline),
		cmocka_unit_test(one_that_ignores_sigterm_is_killed),
		cmocka_unit_test(one_that_tidies_up_on_sigterm_is_heard),
		cmocka_unit_test(a_child_that_holds_the_pipes_is_not_waited_for_but_killed),
		cmocka_unit_test(a_child_that_is_left_without_the_pipes_is_killed_too),
		cmocka_unit_test(a_descendant_with_a_session_of_its_own_is_left_alone),
		cmocka_unit_test(one_that_closes_its_output_and_goes_on_meets_the_deadline),
		cmocka_unit_test(it_is_ended_when_it_is_cancelled),
		cmocka_unit_test(what_cannot_be_started_is_said_why),
		cmocka_unit_test(another_user_has_its_groups_and_no_way_back),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
