/* SPDX-License-Identifier: Apache-2.0 */
#include "search.h"
#include "memory.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kept back of the time of a run for saying what was found. */
#define RESERVE (INT64_C(500) * 1000 * 1000)

static size_t list_size(struct gavea_check *check, const char *key)
{
	size_t count = 0;

	gavea_option_strings(check, key, &count);
	return count;
}

bool search_is_wanted(struct gavea_check *check)
{
	return list_size(check, "scan") || list_size(check, "world_readable") ||
		gavea_option_bool(check, "processes") || gavea_option_bool(check, "units") ||
		gavea_option_bool(check, "histories") || list_size(check, "logs") ||
		gavea_option_bool(check, "journal");
}

static bool is_cancelled(void *userdata)
{
	return gavea_cancelled(userdata);
}

static struct scan_settings settings_of(struct gavea_check *check)
{
	int64_t until = gavea_deadline(check), now = clock_ns(CLOCK_MONOTONIC);
	struct scan_settings settings = {.file_max = (uint64_t)gavea_option_int(check, "max_size"),
		.files_max = (uint64_t)gavea_option_int(check, "max_files"),
		.deadline = until == INT64_MAX ? until
					       : until - MIN(RESERVE, MAX((until - now) / 10, INT64_C(0))),
		.cross = gavea_option_bool(check, "cross_filesystems"),
		.cancelled = is_cancelled,
		.userdata = check};

	settings.skip = gavea_option_strings(check, "skip", &settings.skip_count);
	return settings;
}

static int search_paths(
	struct gavea_check *check, struct scan *scan, const char *key, struct report_counts *counts)
{
	size_t count = 0;
	const char *const *paths = gavea_option_strings(check, key, &count);

	scan->settings.world_readable = streq(key, "world_readable");
	for (size_t i = 0; i < count; i++) {
		int r = scan_path(scan, paths[i]);

		if (r == -ENOMEM)
			return r;
		if (r < 0)
			report_unjudged(check, counts, paths[i], r);
	}
	return 0;
}

/* In a one-shot run there is no memory, and they are searched whole. */
static int search_logs(struct gavea_check *check, struct scan *scan, struct report_counts *counts)
{
	struct memory memory;
	int r = memory_init(&memory, check, scan);

	scan->memory = &memory;
	if (r == 0)
		r = search_paths(check, scan, "logs", counts);
	scan->memory = NULL;
	if (r == 0)
		memory_commit(&memory, !scan_is_over(scan));
	memory_done(&memory);
	return r;
}

static int search_journal(struct gavea_check *check, struct scan *scan, struct report_counts *counts)
{
	int r = scan_journal(scan, check, gavea_option_string(check, "journal_folder"));

	if (r < 0 && r != -ENOMEM)
		report_unjudged_journal(check, counts, r);
	return r == -ENOMEM ? r : 0;
}

static int search(struct gavea_check *check, struct scan *scan, struct report_counts *counts)
{
	size_t count = 0;
	const char *const *units = gavea_option_strings(check, "unit_paths", &count);
	int r = search_paths(check, scan, "scan", counts);

	if (r == 0)
		r = search_paths(check, scan, "world_readable", counts);
	for (size_t i = 0; r == 0 && gavea_option_bool(check, "units") && i < count; i++)
		r = scan_units(scan, units[i]);
	if (r == 0 && list_size(check, "logs"))
		r = search_logs(check, scan, counts);
	if (r == 0 && gavea_option_bool(check, "journal"))
		r = search_journal(check, scan, counts);
	if (r == 0 && gavea_option_bool(check, "histories"))
		r = scan_histories(scan, "/etc/passwd");
	if (r == 0 && gavea_option_bool(check, "processes"))
		r = scan_processes(scan, "/proc");
	return r;
}

/* What a search takes of a busy host, others have first. That it may not be so is no reason not to search. */
static void stand_back(void)
{
	enum { WHO_PROCESS = 1, CLASS_BEST_EFFORT = 2, CLASS_SHIFT = 13, LEVEL_LAST = 7 };

	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_BEST_EFFORT << CLASS_SHIFT | LEVEL_LAST);
}

int search_run(struct gavea_check *check, const struct engine *engine, const struct fingerprint_key *key,
	struct scan *scan, struct findings *findings, struct report_counts *counts)
{
	struct scan_settings settings = settings_of(check);
	int r;

	stand_back();
	r = scan_init(scan, engine, key, &settings, findings);
	return r == 0 ? search(check, scan, counts) : r;
}
