/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for secrets in files, trees and processes. Whatever is in the way is counted, never followed or waited for. */
#ifndef SECRET_SCAN_H
#define SECRET_SCAN_H

#include "engine.h"
#include "findings.h"

struct scan_settings {
	const char *const *skip; /* patterns for names, or for whole paths when they have a "/" */
	size_t skip_count;
	uint64_t file_max; /* bytes of a file; larger ones are not judged */
	uint64_t files_max;
	bool world_readable; /* only files that everybody can read */
	int64_t deadline; /* CLOCK_MONOTONIC, ns */
	bool (*cancelled)(void *userdata);
	void *userdata;
};

struct scan {
	struct scan_settings settings;
	struct matcher *matcher;
	const struct fingerprint_key *key;
	struct findings *findings;
	char *block;
	uint64_t files;
	uint64_t bytes;
	uint64_t binary; /* passed over */
	uint64_t special;
	uint64_t unreadable; /* not judged */
	uint64_t large;
	uint64_t failed; /* an engine's limit was met */
	char *unjudged; /* the first of those, with the cause; owned */
	bool unfinished; /* time, number of files or depth ran out */
};

int scan_init(struct scan *scan, const struct engine *engine, const struct fingerprint_key *key,
	const struct scan_settings *settings, struct findings *findings);
void scan_done(struct scan *scan);

/* A file or a folder with all below it on the same file system. A path that is not there or cannot be read is a
 * negative errno; inside of a tree such a thing is counted. */
int scan_path(struct scan *scan, const char *path);

/* Environment and command line of all processes below this procfs. */
int scan_processes(struct scan *scan, const char *procfs);

/* Environment= of the unit files below a folder; one that is not there is passed over. */
int scan_units(struct scan *scan, const char *folder);

#endif
