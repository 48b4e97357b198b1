/* SPDX-License-Identifier: Apache-2.0 */
#include "processes.h"

#include "scan.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
	PROCESSES_MAX = 32768,
	NAME_ROOM = 32,
	USER_HZ = 100,
	PAUSE_MS = 250,
	CANCEL_EACH = 256, /* processes between two looks at whether the run is cancelled */
};

#define KEEP (60 * NSEC_PER_SEC)

enum when { ALWAYS, WHEN_WRONG, NEVER };

struct process {
	uint64_t pid;
	uint64_t start; /* with the pid it is one process, and not its successor */
	uint64_t ticks;
	uint64_t pages;
	double cpu; /* per cent of one CPU since the snapshot before; negative: not known */
	char name[NAME_ROOM];
};

/* By pid, ascending. */
struct snapshot {
	struct process *list;
	size_t count;
	size_t room;
	int64_t time; /* nanoseconds; 0: none was taken */
};

struct processes {
	enum when when;
	size_t top;
	long page_size;
	struct snapshot now;
	struct snapshot before;
	struct buf by_cpu; /* as they are told */
	struct buf by_memory;
};

int processes_new(struct collection *collection, struct processes **ret_processes)
{
	const char *when = gavea_option_string(collection->check, "processes");
	struct processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return gavea_fail(collection->check, -ENOMEM, "out of memory");
	processes->when = streq(when, "always") ? ALWAYS : streq(when, "never") ? NEVER : WHEN_WRONG;
	processes->top = (size_t)gavea_option_int(collection->check, "top");
	processes->page_size = sysconf(_SC_PAGESIZE);
	*ret_processes = processes;
	return 0;
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	free(processes->now.list);
	free(processes->before.list);
	buf_done(&processes->by_cpu);
	buf_done(&processes->by_memory);
	free(processes);
}

/* "12 (a name) S …": the name may hold anything, so what counts is its last parenthesis. Whether it is of that form. */
static bool process_parse(char *text, struct process *ret_process)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t numbers[24] = {0};
	const char *p;
	size_t size, length;

	if (!open || !close || close < open || !scan_u64(text, &ret_process->pid))
		return false;
	length = MIN((size_t)(close - open - 1), (size_t)NAME_ROOM - 1);
	memcpy(ret_process->name, open + 1, length);
	ret_process->name[length] = '\0';
	utf8_repair(ret_process->name, length);
	for (char *c = ret_process->name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	/* The state is field 3, then come numbers, some of them negative. */
	p = close + 1;
	for (size_t field = 3; field <= 24; field++) {
		p = scan_word(p, &size);
		if (!p)
			return false;
		if (field > 3 && *p != '-' && !scan_u64(p, &numbers[field - 1]))
			return false;
		p += size;
	}
	ret_process->ticks = numbers[13] + numbers[14];
	ret_process->start = numbers[21];
	ret_process->pages = numbers[23];
	ret_process->cpu = -1;
	return true;
}

/* One that ended since the folder was read is passed over. */
static int process_read(struct snapshot *snapshot, int proc_fd, const char *pid)
{
	char path[64], text[1024];
	_cleanup_fd_ int fd = -EBADF;
	struct process process;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%.32s/stat", pid) >= (int)sizeof(path))
		return 0;
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (!process_parse(text, &process))
		return 0;
	if (GROW(snapshot->list, snapshot->count, snapshot->room) < 0)
		return -ENOMEM;
	snapshot->list[snapshot->count++] = process;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int snapshot_take(struct snapshot *snapshot, struct collection *collection)
{
	DIR *dir = opendir(collection->procfs);
	const struct dirent *entry;
	size_t seen = 0;
	int r = 0;

	snapshot->count = 0;
	snapshot->time = gavea_now(collection->check);
	if (!dir)
		return -errno;
	while (r == 0 && seen < PROCESSES_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		if (seen++ % CANCEL_EACH == 0 && gavea_cancelled(collection->check))
			r = -ECANCELED;
		else
			r = process_read(snapshot, dirfd(dir), entry->d_name);
	}
	closedir(dir);
	if (snapshot->count)
		qsort(snapshot->list, snapshot->count, sizeof(*snapshot->list), by_pid);
	return r;
}

/* Both are sorted by pid. */
static void compare(struct snapshot *now, const struct snapshot *before)
{
	double seconds = (double)(now->time - before->time) / NSEC_PER_SEC;
	size_t j = 0;

	for (size_t i = 0; i < now->count && seconds > 0; i++) {
		struct process *process = &now->list[i];

		while (j < before->count && before->list[j].pid < process->pid)
			j++;
		if (j < before->count && before->list[j].pid == process->pid &&
			before->list[j].start == process->start && process->ticks >= before->list[j].ticks)
			process->cpu =
				100 * (double)(process->ticks - before->list[j].ticks) / USER_HZ / seconds;
	}
}

static int by_cpu(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->cpu < y->cpu) - (x->cpu > y->cpu);
}

static int by_memory(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pages < y->pages) - (x->pages > y->pages);
}

/* Puts into words what the snapshot, which is sorted anew, says. */
static void put_into_words(struct processes *processes, struct process *list, size_t count)
{
	char size[32];

	buf_reset(&processes->by_cpu);
	buf_reset(&processes->by_memory);
	if (!count)
		return;
	qsort(list, count, sizeof(*list), by_cpu);
	for (size_t i = 0; i < count && i < processes->top && list[i].cpu > 0; i++)
		buf_printf(&processes->by_cpu, "%s%s[%llu] %.0f %%", i ? ", " : "", list[i].name,
			(unsigned long long)list[i].pid, list[i].cpu);
	qsort(list, count, sizeof(*list), by_memory);
	for (size_t i = 0; i < count && i < processes->top && list[i].pages; i++)
		buf_printf(&processes->by_memory, "%s%s[%llu] %s", i ? ", " : "", list[i].name,
			(unsigned long long)list[i].pid,
			format_size(size, list[i].pages * (uint64_t)processes->page_size));
}

static int look(struct processes *processes, struct collection *collection)
{
	const struct timespec pause = {0, PAUSE_MS * NSEC_PER_MSEC};
	_cleanup_free_ struct process *list = NULL;
	struct snapshot swap;
	int r;

	if (!processes->now.time) {
		r = snapshot_take(&processes->now, collection);
		if (r < 0)
			return r;
		nanosleep(&pause, NULL);
	}
	swap = processes->before;
	processes->before = processes->now;
	processes->now = swap;
	r = snapshot_take(&processes->now, collection);
	if (r < 0) {
		processes->now.time = 0;
		return r;
	}
	compare(&processes->now, &processes->before);
	list = calloc(processes->now.count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (processes->now.count)
		memcpy(list, processes->now.list, processes->now.count * sizeof(*list));
	put_into_words(processes, list, processes->now.count);
	return 0;
}

static const char *words(const struct buf *text)
{
	return text->size ? buf_str(text) : "none";
}

void processes_tell(struct processes *processes, struct collection *collection)
{
	bool wanted = processes->when == ALWAYS ||
		(processes->when == WHEN_WRONG && collection->verdicts.troubled_count > 0);
	int r = 0;

	if (!wanted || !processes->top)
		return;
	if (!processes->now.time || collection->now - processes->now.time >= KEEP)
		r = look(processes, collection);
	if (r < 0) {
		gavea_item(
			collection->check, "processes", GAVEA_OK, "could not be looked at: %s", strerror(-r));
		return;
	}
	for (size_t i = 0; i < collection->verdicts.troubled_count; i++) {
		gavea_item_attribute(collection->check, collection->verdicts.troubled[i], "top_cpu",
			words(&processes->by_cpu));
		gavea_item_attribute(collection->check, collection->verdicts.troubled[i], "top_memory",
			words(&processes->by_memory));
	}
	gavea_item(collection->check, "processes", GAVEA_OK, "CPU: %s; memory: %s", words(&processes->by_cpu),
		words(&processes->by_memory));
}
