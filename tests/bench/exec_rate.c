/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs a second: a bare loop of posix_spawn() and waitpid(), the same with the two pipes that output needs, the
 * kit's runner, and the exec plugin. They take turns, so that what else the machine does hits all alike.
 *
 *	exec_rate PLUGIN.so ROUNDS COUNT
 *
 * prints for each the programs a second of each round, one line a subject: "NAME RATE RATE ..."
 */
#include "base/clock.h"
#include "base/fd.h"
#include "kit/program.h"
#include "tests/support/fake_host.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/bin/true"
#define ROUNDS_MAX 1000

static const char *const arguments[] = {PROGRAM, NULL};
static const char *const environment[] = {"PATH=/bin", "LANG=C.UTF-8", NULL};

struct bench {
	struct fake_host fake;
	void *state;
	struct program_result result;
};

static int run_bare(struct bench *bench)
{
	pid_t pid;
	int status;

	(void)bench;
	if (posix_spawn(&pid, PROGRAM, NULL, NULL, (char *const *)arguments, (char *const *)environment) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* The least that takes a program's output. */
static int run_piped(struct bench *bench)
{
	posix_spawn_file_actions_t actions;
	int out[2], err[2], status, r;
	char chunk[64];
	pid_t pid;

	(void)bench;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
	r = posix_spawn(&pid, PROGRAM, &actions, NULL, (char *const *)arguments, (char *const *)environment);
	posix_spawn_file_actions_destroy(&actions);
	close(out[1]);
	close(err[1]);
	while (r == 0 && (read(out[0], chunk, sizeof chunk) > 0 || read(err[0], chunk, sizeof chunk) > 0))
		;
	close(out[0]);
	close(err[0]);
	return r == 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int run_kit(struct bench *bench)
{
	struct program program = {
		.arguments = arguments,
		.deadline = clock_ns(CLOCK_MONOTONIC) + 60 * NSEC_PER_SEC,
		.output_max = 65536,
		.errors_max = 4096,
	};

	if (program_run(&program, &bench->result, NULL) < 0)
		return -1;
	return bench->result.end == PROGRAM_EXITED && bench->result.code == 0 ? 0 : -1;
}

static int run_plugin(struct bench *bench)
{
	return fake_run(&bench->fake, bench->state) == 0 && bench->fake.status == GAVEA_OK ? 0 : -1;
}

static const struct {
	const char *name;
	int (*run)(struct bench *bench);
} subjects[] = {{"bare", run_bare}, {"piped", run_piped}, {"kit", run_kit}, {"plugin", run_plugin}};

#define SUBJECTS ARRAY_SIZE(subjects)

static int open_plugin(struct bench *bench, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct gavea_plugin *(*describe)(void);

	*(void **)&describe = library ? dlsym(library, "gavea_plugin") : NULL;
	if (!describe)
		return -1;
	fake_init(&bench->fake, describe());
	fake_set(&bench->fake, "command", PROGRAM);
	fake_set(&bench->fake, "output_max", "65536");
	return fake_open(&bench->fake, &bench->state);
}

/* Programs a second; negative: one of them failed. */
static double rate(struct bench *bench, size_t subject, long count)
{
	int64_t begin = clock_ns(CLOCK_MONOTONIC);

	for (long i = 0; i < count; i++)
		if (subjects[subject].run(bench) < 0)
			return -1;
	return (double)count / ((double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e9);
}

int main(int argc, char **argv)
{
	static double rates[SUBJECTS][ROUNDS_MAX];
	static struct bench bench;
	long rounds = argc > 3 ? atol(argv[2]) : 0, count = argc > 3 ? atol(argv[3]) : 0;

	if (rounds <= 0 || rounds > ROUNDS_MAX || count <= 0 || open_plugin(&bench, argv[1]) < 0) {
		fprintf(stderr, "usage: exec_rate PLUGIN.so ROUNDS COUNT\n");
		return 2;
	}
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < SUBJECTS; i++) {
			rates[i][round] = rate(&bench, i, count);
			if (rates[i][round] < 0)
				return 1;
		}
	for (size_t i = 0; i < SUBJECTS; i++) {
		printf("%s", subjects[i].name);
		for (long round = 0; round < rounds; round++)
			printf(" %.1f", rates[i][round]);
		printf("\n");
	}
	return 0;
}
