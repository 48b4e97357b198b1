/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of HAProxy's log that one core counts a second, by the processor time of the reading process: a loop of
 * recvmmsg() that drops them, the swap plugin's thread, and the plugin without a socket. The sender is another process.
 *
 *	swap_counts SOCKET ROUNDS LINES
 *
 * prints for each the lines a second of each round, one line a subject: "NAME RATE RATE ..."
 */
#include "base/clock.h"
#include "base/fd.h"
#include "plugins/swap/counts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 1000
#define BATCH 64
#define LINE_ROOM 8192

static const char *const lines[] = {
	"{\"b\":\"shop_blue\",\"s\":\"blue1\",\"st\":200,\"ts\":\"----\",\"tw\":0,\"tc\":0,\"tr\":12,\"rc\":"
	"\"0\"}\n",
	"{\"b\":\"shop_blue\",\"s\":\"blue2\",\"st\":304,\"ts\":\"----\",\"tw\":0,\"tc\":1,\"tr\":3,\"rc\":"
	"\"0\"}\n",
	"{\"b\":\"shop_green\",\"s\":\"green1\",\"st\":200,\"ts\":\"----\",\"tw\":2,\"tc\":0,\"tr\":1250,"
	"\"rc\":\"0\"}\n",
	"{\"b\":\"shop_green\",\"s\":\"green1\",\"st\":504,\"ts\":\"sH--\",\"tw\":0,\"tc\":0,\"tr\":-1,"
	"\"rc\":\"0\"}\n",
};
static const int64_t limits[] = {100 * NSEC_PER_MSEC, NSEC_PER_SEC};

static int send_lines(const char *path, long count)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return 1;
	for (long i = 0; i < count; i++) {
		const char *line = lines[(size_t)i % ARRAY_SIZE(lines)];

		if (send(fd, line, strlen(line), 0) < 0)
			return 1;
	}
	return 0;
}

static pid_t start_sender(const char *path, long count)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(send_lines(path, count));
	return pid;
}

static double rate(int64_t begun, long count)
{
	return (double)count * 1e9 / (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begun);
}

static double run_floor(const char *path, long count)
{
	static char text[BATCH][LINE_ROOM];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct mmsghdr messages[BATCH] = {0};
	struct iovec pieces[BATCH];
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t begun;
	pid_t sender;
	long seen = 0;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (int i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){text[i], LINE_ROOM};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	begun = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	sender = start_sender(path, count);
	while (seen < count) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0)
			return -1;
		seen += n;
	}
	waitpid(sender, NULL, 0);
	unlink(path);
	return rate(begun, count);
}

static struct counts *open_counts(const char *path)
{
	const struct counts_settings settings = {
		.socket = path,
		.backend = {"shop_blue", "shop_green"},
		.limits = limits,
		.limit_count = ARRAY_SIZE(limits),
	};
	struct counts *counts = NULL;

	return counts_open(&settings, &counts, NULL) < 0 ? NULL : counts;
}

static uint64_t seen_by(struct counts *counts)
{
	struct counts_view view;

	counts_view(counts, &view);
	return view.side[COLOUR_BLUE].requests + view.side[COLOUR_GREEN].requests;
}

static double run_counts(const char *path, long count)
{
	struct counts *counts = open_counts(path);
	int64_t begun = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	double result;
	pid_t sender;

	if (!counts)
		return -1;
	sender = start_sender(path, count);
	waitpid(sender, NULL, 0);
	while (seen_by(counts) < (uint64_t)count)
		usleep(1000);
	result = rate(begun, count);
	counts_close(counts);
	return result;
}

static double run_alone(const char *path, long count)
{
	struct counts *counts = open_counts(path);
	int64_t begun = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	double result;

	if (!counts)
		return -1;
	for (long i = 0; i < count; i++) {
		const char *line = lines[(size_t)i % ARRAY_SIZE(lines)];

		counts_line(counts, line, strlen(line));
	}
	result = rate(begun, count);
	counts_close(counts);
	return result;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		double (*run)(const char *path, long count);
	} subjects[] = {{"floor", run_floor}, {"counts", run_counts}, {"alone", run_alone}};
	static double rates[ARRAY_SIZE(subjects)][ROUNDS_MAX];
	long rounds = argc == 4 ? strtol(argv[2], NULL, 10) : 0,
	     count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX || count < 1)
		return 2;
	for (long round = 0; round < rounds; round++)
		for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
			rates[i][round] = subjects[i].run(argv[1], count);
			if (rates[i][round] < 0)
				return 1;
		}
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		printf("%s", subjects[i].name);
		for (long round = 0; round < rounds; round++)
			printf(" %.0f", rates[i][round]);
		printf("\n");
	}
	return 0;
}
