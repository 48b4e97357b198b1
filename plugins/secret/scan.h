/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for secrets in files, trees, processes and units. Whatever is in the way is counted, never followed or waited for. */
#ifndef SECRET_SCAN_H
#define SECRET_SCAN_H

#include "engine.h"
#include "findings.h"

struct scan_settings {
	const char *const *skip; /* patterns for names, or for whole paths when they have a "/" */
	size_t skip_count;
	uint64_t file_max; /* bytes of a file, also of what it unpacks to; larger ones are not judged */
	uint64_t files_max;
	bool world_readable; /* only files that everybody can read */
	bool cross; /* into other file systems */
	int64_t deadline; /* CLOCK_MONOTONIC, ns */
	bool (*cancelled)(void *userdata);
	void *userdata;
};

struct memory;

struct scan {
	struct scan_settings settings;
	const struct engine *engine;
	struct matcher *matcher;
	const struct fingerprint_key *key;
	struct findings *findings;
	struct memory *memory; /* of logs; NULL: files are searched whole. Borrowed */
	char *block;
	uint64_t files;
	uint64_t bytes;
	uint64_t binary; /* searched for what no accident looks like only */
	uint64_t archives; /* packed in a way that is not known here: not judged */
	uint64_t special;
	uint64_t unreadable; /* not judged */
	uint64_t large;
	uint64_t failed; /* an engine's limit was met, or it does not unpack */
	uint64_t mounts; /* other file systems, left out */
	char *unjudged; /* the first of those, with the cause; owned */
	bool unfinished; /* time, number of files or depth ran out */
};

int scan_init(struct scan *scan, const struct engine *engine, const struct fingerprint_key *key,
	const struct scan_settings *settings, struct findings *findings);
void scan_done(struct scan *scan);

/* Whether the time of the run is up, or it was cancelled; remembered. */
bool scan_is_over(struct scan *scan);

/* A file or a folder with all below it. A path that is not there or cannot be read is a negative errno; inside of a
 * tree such a thing is counted. */
int scan_path(struct scan *scan, const char *path);

/* Environment and command line of all processes below this procfs. */
int scan_processes(struct scan *scan, const char *procfs);

/* What unit files below a folder put into the environment, and the files that they take it from; a folder that is not there
 * is passed over. */
int scan_units(struct scan *scan, const char *folder);

/*
 * The journal's messages and command lines, since the last run: its place is kept in the check's state, and what was found
 * stays a finding for as long as the journal goes back. folder: of journal files; NULL: the system's. Negative errno: it
 * cannot be read.
 */
int scan_journal(struct scan *scan, struct gavea_check *check, const char *folder);

/* Histories of shells and clients, and what git keeps, in the homes of all users in a file of passwd's form. */
int scan_histories(struct scan *scan, const char *passwd);

#endif
