/* SPDX-License-Identifier: Apache-2.0 */
#include "barman_wal.h"
#include "ini.h"
#include "wal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define HISTORY_FILE_MAX 65536
#define FILES_MAX 4000000u

struct walk {
	struct context *context;
	struct wal_archive archive;
	uint32_t history; /* the newest timeline with a history file */
	unsigned files;
};

static bool is_over(struct walk *walk)
{
	return ++walk->files > FILES_MAX ||
		(walk->files % 1024 == 0 &&
			(gavea_cancelled(walk->context->check) ||
				clock_ns(CLOCK_MONOTONIC) >= walk->context->deadline));
}

/* Segments lie in folders that are named after the first 16 digits; history files beside these. */
static int walk_folder(
	struct walk *walk, int parent, const char *name, bool top) /* NOLINT(misc-no-recursion) */
{
	int r = 0, fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (top ? 0 : O_NOFOLLOW));
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);
		struct stat st;

		if (is_over(walk))
			r = -ETIME;
		else if (top && length == 16 && strspn(entry->d_name, "0123456789ABCDEF") == 16)
			r = walk_folder(walk, dirfd(dir), entry->d_name, false);
		else if (length == 24 && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			wal_add(&walk->archive, entry->d_name, st.st_mtim.tv_sec) == -ENOMEM)
			r = -ENOMEM;
		walk->history = MAX(walk->history, wal_history_name(entry->d_name));
	}
	closedir(dir);
	return r;
}

/* What a backup needs, and the size of segments, out of its backup.info. */
static bool read_need(const char *path, struct wal_need *need, uint64_t *segment_size)
{
	static const char *const sections[] = {"", NULL};
	char start[32], stop[32], text[32];
	uint64_t size;

	if (ini_find_in_file(path, sections, "xlog_segment_size", text, sizeof(text)) &&
		parse_uint64(text, &size) == 0 && size >= (1u << 20) && size <= (1u << 30) &&
		!(size & (size - 1)))
		*segment_size = size;
	return ini_find_in_file(path, sections, "begin_wal", start, sizeof(start)) &&
		ini_find_in_file(path, sections, "end_wal", stop, sizeof(stop)) &&
		wal_name_parse(start, *segment_size, &need->start) == 0 &&
		wal_name_parse(stop, *segment_size, &need->stop) == 0;
}

static struct wal_need *read_needs(
	const char *base, const struct facts *facts, uint64_t *segment_size, size_t *ret_count)
{
	struct wal_need *needs = calloc(facts->count + 1, sizeof(*needs));
	size_t count = 0;
	char path[8600];

	for (size_t i = 0; needs && i < facts->count; i++) {
		snprintf(path, sizeof(path), "%s/%.200s/backup.info", base, facts->list[i].name);
		needs[count].backup = facts->list[i].name;
		count += read_need(path, &needs[count], segment_size);
	}
	*ret_count = count;
	return needs;
}

static void take_history(struct walk *walk, const char *folder)
{
	uint32_t newest = MAX(walk->history, wal_newest_timeline(&walk->archive));
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[4500];
	int r;

	if (newest <= 1)
		return;
	if (newest > walk->history) {
		walk->archive.missing_history = newest;
		return;
	}
	snprintf(path, sizeof(path), "%s/%08X.history", folder, newest);
	r = file_read(AT_FDCWD, path, HISTORY_FILE_MAX, &text);
	if (r == 0)
		r = wal_take_history(&walk->archive, newest, buf_str(&text));
	if (r < 0)
		finding_add(&walk->context->findings, "wal history", GAVEA_UNKNOWN, "%s cannot be read: %s",
			path, r == -EBADMSG ? "it is no history file" : strerror(-r));
}

void barman_wal_look(struct context *context, const char *home, const char *server, const struct facts *facts)
{
	struct walk walk = {.context = context,
		.archive = {.segment_size = (uint64_t)context->settings->wal_segment_size}};
	_cleanup_free_ struct wal_need *needs = NULL;
	char base[4400], folder[4400];
	size_t count;
	int r;

	snprintf(base, sizeof(base), "%.4000s/%.200s/base", home, server);
	snprintf(folder, sizeof(folder), "%.4000s/%.200s/wals", home, server);
	needs = read_needs(base, facts, &walk.archive.segment_size, &count);
	r = needs ? walk_folder(&walk, AT_FDCWD, folder, true) : -ENOMEM;
	if (r == 0 && count < facts->count)
		finding_add(&context->findings, "wal", GAVEA_UNKNOWN,
			"which WAL %zu of the backups need cannot be read in %s/*/backup.info: name "
			"barman_home in "
			"read_paths, or set wal = false",
			facts->count - count, base);
	else if (r < 0)
		finding_add(&context->findings, "wal", GAVEA_UNKNOWN,
			"cannot list the archive %s: %s: name barman_home in read_paths, or set wal = false",
			folder, r == -ETIME ? "it takes too long" : strerror(-r));
	if (r == 0) {
		take_history(&walk, folder);
		if (count == facts->count)
			wal_judge_archive(&walk.archive, needs, count, context->settings, context->now,
				&context->findings);
	}
	wal_done(&walk.archive);
}
